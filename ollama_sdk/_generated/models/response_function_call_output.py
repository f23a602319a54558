# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseFunctionCallOutput: The result of a function call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_input_content import ResponseInputContent


@define(kw_only=True, eq=False, repr=False)
class ResponseFunctionCallOutput(Model):
    """The result of a function call.

    Attributes:
        type: The type of item.
        call_id: The `call_id` of the call.
        output: The result, or its parts.
    """

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[ResponseInputContent] | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
