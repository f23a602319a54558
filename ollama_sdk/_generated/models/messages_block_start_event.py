# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesBlockStartEvent: A block of the message began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_content_block import MessagesContentBlock


@define(kw_only=True, eq=False, repr=False)
class MessagesBlockStartEvent(Model):
    """A block of the message began.

    Attributes:
        type: The type of event.
        index: Index of the block in the message, from 0.
        content_block: The block so far, empty.
    """

    type: Literal["content_block_start"]
    index: int
    content_block: MessagesContentBlock
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
