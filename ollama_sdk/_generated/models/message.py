# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Message: One message of a conversation, or a piece of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import Base64

    from .tool_call import ToolCall


@define(kw_only=True, eq=False, repr=False)
class Message(Model):
    """One message of a conversation, or a piece of one.

    Attributes:
        role: Role of the author.
        content: Text of the message.
        thinking: The model's thinking before this message. Since Ollama 0.9.0.
        images: Images of the message, for a model with vision; base64, not a data URL.
        tool_calls: Tool calls of the model.
        tool_name: In a message of role `tool`, the tool that was called. Since Ollama 0.9.6.
        tool_call_id: In a message of role `tool`, the `id` of the call. Since Ollama 0.12.10.
    """

    role: Literal["assistant", "system", "tool", "user"] | str = field(metadata={"absent": "assistant"})
    content: str = field(default="", metadata={"content": True})
    thinking: str | None = field(default=None, metadata={"content": True})
    images: list[Base64] | None = field(default=None, metadata={"content": True})
    tool_calls: list[ToolCall] | None = field(default=None, metadata={"content": True})
    tool_name: str | None = None
    tool_call_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
