# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseStreamEvent: An event of a response in progress."""

from __future__ import annotations

from typing import TypeAlias

from .response_arguments_delta_event import ResponseArgumentsDeltaEvent
from .response_arguments_done_event import ResponseArgumentsDoneEvent
from .response_content_part_event import ResponseContentPartEvent
from .response_item_event import ResponseItemEvent
from .response_lifecycle_event import ResponseLifecycleEvent
from .response_other_event import ResponseOtherEvent
from .response_reasoning_delta_event import ResponseReasoningDeltaEvent
from .response_reasoning_done_event import ResponseReasoningDoneEvent
from .response_text_delta_event import ResponseTextDeltaEvent
from .response_text_done_event import ResponseTextDoneEvent
from .response_web_search_event import ResponseWebSearchEvent

ResponseStreamEvent: TypeAlias = (
    ResponseLifecycleEvent
    | ResponseItemEvent
    | ResponseContentPartEvent
    | ResponseTextDeltaEvent
    | ResponseTextDoneEvent
    | ResponseReasoningDeltaEvent
    | ResponseReasoningDoneEvent
    | ResponseArgumentsDeltaEvent
    | ResponseArgumentsDoneEvent
    | ResponseWebSearchEvent
    | ResponseOtherEvent
)
"""An event of a response in progress."""
