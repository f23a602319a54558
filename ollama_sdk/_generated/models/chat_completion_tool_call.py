# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionToolCall: A tool that the model wants called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_tool_call_function import ChatCompletionToolCallFunction


@define(kw_only=True, repr=False)
class ChatCompletionToolCall(Model):
    """A tool that the model wants called.

    Attributes:
        function: Which function, with which arguments.
        id: Names the call in the message that answers it.
        index: Place among the calls of the message, from 0.
        type: The kind of tool.
    """

    function: ChatCompletionToolCallFunction
    id: str = ""
    index: int | None = None
    type: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
