# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesStreamEvent: An event of a message in progress."""

from __future__ import annotations

from typing import TypeAlias

from .messages_block_delta_event import MessagesBlockDeltaEvent
from .messages_block_start_event import MessagesBlockStartEvent
from .messages_block_stop_event import MessagesBlockStopEvent
from .messages_delta_event import MessagesDeltaEvent
from .messages_error_response import MessagesErrorResponse
from .messages_other_event import MessagesOtherEvent
from .messages_ping_event import MessagesPingEvent
from .messages_start_event import MessagesStartEvent
from .messages_stop_event import MessagesStopEvent

MessagesStreamEvent: TypeAlias = (
    MessagesStartEvent
    | MessagesBlockStartEvent
    | MessagesBlockDeltaEvent
    | MessagesBlockStopEvent
    | MessagesDeltaEvent
    | MessagesStopEvent
    | MessagesPingEvent
    | MessagesErrorResponse
    | MessagesOtherEvent
)
"""An event of a message in progress."""
