# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesResponse: The next message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import MessagesReply

if TYPE_CHECKING:
    from .messages_content_block import MessagesContentBlock
    from .messages_usage import MessagesUsage


@define(kw_only=True, eq=False, repr=False)
class MessagesResponse(MessagesReply, Model):
    """The next message of a conversation.

    Attributes:
        content: The blocks of the message.
        id: Identifies the message.
        type: The type of object.
        role: Role of the author.
        model: The model that answered.
        stop_reason: Why the answer ended: `end_turn` by the model, `max_tokens` at the token limit, `stop_sequence`
            at one of those, `tool_use` to call tools.
        stop_sequence: The text that ended the answer.
        usage: Token counts.
    """

    content: list[MessagesContentBlock]
    id: str | None = None
    type: str | None = None
    role: Literal["assistant"] | str | None = None
    model: str | None = None
    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"] | str | None = None
    stop_sequence: str | None = None
    usage: MessagesUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
