# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesToolResultBlock: The result of a tool call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_content_block import MessagesContentBlock


@define(kw_only=True, eq=False, repr=False)
class MessagesToolResultBlock(Model):
    """The result of a tool call.

    Attributes:
        type: The type of block.
        tool_use_id: The `id` of the call.
        content: The result, or its blocks of text and images.
        is_error: Whether the tool failed.
    """

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[MessagesContentBlock] | None = field(default=None, metadata={"content": True})
    is_error: bool | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
