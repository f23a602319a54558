# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionMessage: What the model said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_tool_call import ChatCompletionToolCall


@define(kw_only=True, repr=False)
class ChatCompletionMessage(Model):
    """What the model said.

    Attributes:
        role: Who speaks.
        content: What is said; empty beside tool calls.
        reasoning: What the model thought before it spoke.
        tool_calls: Tools that the model wants called.
        name: Belongs to messages of role `tool`; the model gives none.
        tool_call_id: Belongs to messages of role `tool`; the model gives none.
    """

    role: Literal["assistant"]
    content: str = ""
    reasoning: str | None = None
    tool_calls: list[ChatCompletionToolCall] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
