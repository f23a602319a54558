# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesMessage: A message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_content_block import MessagesContentBlock


@define(kw_only=True, eq=False, repr=False)
class MessagesMessage(Model):
    """A message of a conversation.

    Attributes:
        role: Role of the author.
        content: Text of the message, or its blocks.
    """

    role: Literal["assistant", "user"] | str
    content: str | list[MessagesContentBlock]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
