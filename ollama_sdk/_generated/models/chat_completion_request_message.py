# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionRequestMessage: A message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_content_part import ChatCompletionContentPart
    from .chat_completion_tool_call import ChatCompletionToolCall


@define(kw_only=True, repr=False)
class ChatCompletionRequestMessage(Model):
    """A message of a conversation.

    Attributes:
        role: Who speaks.
        content: What is said, or its parts. Nothing only beside tool calls.
        reasoning: What the model thought before it spoke.
        tool_calls: Tools that the model wanted called.
        name: In a message of role `tool`: which tool gave this result.
        tool_call_id: In a message of role `tool`: the `id` of the call that it answers.
    """

    role: str
    content: str | list[ChatCompletionContentPart] | None = None
    reasoning: str | None = None
    tool_calls: list[ChatCompletionToolCall] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
