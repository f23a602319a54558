# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesToolResultBlock: What a called tool gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_content_block import MessagesContentBlock


@define(kw_only=True, repr=False)
class MessagesToolResultBlock(Model):
    """What a called tool gave.

    Attributes:
        type: The kind of block.
        tool_use_id: The `id` of the call that it answers.
        content: The result, or its blocks of text and pictures.
        is_error: Whether the tool failed.
    """

    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[MessagesContentBlock] | None = None
    is_error: bool | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
