# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesBlockDelta: A part of a block."""

from __future__ import annotations

from typing import TypeAlias

from .messages_input_delta import MessagesInputDelta
from .messages_other_delta import MessagesOtherDelta
from .messages_signature_delta import MessagesSignatureDelta
from .messages_text_delta import MessagesTextDelta
from .messages_thinking_delta import MessagesThinkingDelta

MessagesBlockDelta: TypeAlias = (
    MessagesTextDelta | MessagesInputDelta | MessagesThinkingDelta | MessagesSignatureDelta | MessagesOtherDelta
)
"""A part of a block."""
