# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionToolCall: A tool call of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_tool_call_function import ChatCompletionToolCallFunction


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionToolCall(Model):
    """A tool call of the model.

    Attributes:
        function: The function and its arguments.
        id: Identifies the call in the message with its result.
        index: Index among the calls of the message, from 0.
        type: The type of tool.
    """

    function: ChatCompletionToolCallFunction
    id: str = ""
    index: int | None = None
    type: Literal["function"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
