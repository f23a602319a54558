# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionDelta: A part that is added to a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_tool_call_delta import ChatCompletionToolCallDelta


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionDelta(Model):
    """A part that is added to a message.

    Attributes:
        role: Role of the author; in the first item.
        content: The next part of the text.
        reasoning: The next part of the model's reasoning. Since Ollama 0.11.0.
        tool_calls: The next tool calls of the model, or the next parts of them.
    """

    role: str | None = None
    content: str | None = field(default=None, metadata={"content": True})
    reasoning: str | None = field(default=None, metadata={"content": True})
    tool_calls: list[ChatCompletionToolCallDelta] | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
