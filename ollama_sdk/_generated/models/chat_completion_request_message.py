# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionRequestMessage: A message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_content_part import ChatCompletionContentPart
    from .chat_completion_tool_call import ChatCompletionToolCall


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionRequestMessage(Model):
    """A message of a conversation.

    Attributes:
        role: Role of the author.
        content: Text of the message, or its parts. May be absent with tool calls.
        reasoning: The model's thinking before this message. Since Ollama 0.11.0.
        tool_calls: Tool calls of the model.
        name: In a message of role `tool`, the tool that was called. Since Ollama 0.11.4.
        tool_call_id: In a message of role `tool`, the `id` of the call. Since Ollama 0.11.4.
    """

    role: Literal["assistant", "system", "tool", "user"] | str
    content: str | list[ChatCompletionContentPart] | None = field(default=None, metadata={"content": True})
    reasoning: str | None = field(default=None, metadata={"content": True})
    tool_calls: list[ChatCompletionToolCall] | None = field(default=None, metadata={"content": True})
    name: str | None = None
    tool_call_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
