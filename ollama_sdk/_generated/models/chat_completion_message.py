# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionMessage: A message of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_tool_call import ChatCompletionToolCall


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionMessage(Model):
    """A message of the model.

    Attributes:
        role: Role of the author.
        content: Text of the message; empty with tool calls.
        reasoning: The model's thinking before this message. Since Ollama 0.11.0.
        tool_calls: Tool calls of the model.
        name: For messages of role `tool`; absent in messages of the model. Since Ollama 0.11.4.
        tool_call_id: For messages of role `tool`; absent in messages of the model. Since Ollama 0.11.4.
    """

    role: Literal["assistant"]
    content: str = field(default="", metadata={"content": True})
    reasoning: str | None = field(default=None, metadata={"content": True})
    tool_calls: list[ChatCompletionToolCall] | None = field(default=None, metadata={"content": True})
    name: str | None = None
    tool_call_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
