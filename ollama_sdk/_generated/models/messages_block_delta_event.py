# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesBlockDeltaEvent: The next part of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_block_delta import MessagesBlockDelta


@define(kw_only=True, eq=False, repr=False)
class MessagesBlockDeltaEvent(Model):
    """The next part of a block.

    Attributes:
        type: The type of event.
        index: Index of the block in the message, from 0.
        delta: The text that is added.
    """

    type: Literal["content_block_delta"]
    index: int
    delta: MessagesBlockDelta
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
