# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseFunctionCallOutput: What a called function gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_input_content import ResponseInputContent


@define(kw_only=True, repr=False)
class ResponseFunctionCallOutput(Model):
    """What a called function gave.

    Attributes:
        type: The kind of item.
        call_id: The `call_id` of the call that it answers.
        output: The result, or its parts.
    """

    type: Literal["function_call_output"]
    call_id: str
    output: str | list[ResponseInputContent] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
