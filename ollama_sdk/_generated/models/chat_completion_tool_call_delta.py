# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionToolCallDelta: A tool call of the model, or a part of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_function_call_delta import ChatCompletionFunctionCallDelta


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionToolCallDelta(Model):
    """A tool call of the model, or a part of one. Only the first part of a call has its id and its name.

    Attributes:
        index: Index among the calls of the message, from 0.
        id: Identifies the call in the message with its result.
        type: The type of call.
        function: The function and its arguments.
    """

    index: int | None = None
    id: str | None = None
    type: Literal["function"] | str | None = None
    function: ChatCompletionFunctionCallDelta | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
