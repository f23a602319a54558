# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionDelta: What a piece adds to a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_tool_call import ChatCompletionToolCall


@define(kw_only=True, repr=False)
class ChatCompletionDelta(Model):
    """What a piece adds to a message.

    Attributes:
        role: Who speaks; in the first piece.
        content: The next of what is said.
        reasoning: The next of what the model thinks.
        tool_calls: The next tools that the model wants called.
    """

    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ChatCompletionToolCall] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
