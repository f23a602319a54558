# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseCustomToolCallOutput: The result of a call of a tool that takes plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_input_content import ResponseInputContent


@define(kw_only=True, eq=False, repr=False)
class ResponseCustomToolCallOutput(Model):
    """The result of a call of a tool that takes plain text. Since Ollama 0.40.2.

    Attributes:
        type: The type of item.
        call_id: The `call_id` of the call.
        output: The result, or its parts.
        id: Identifies the item.
    """

    type: Literal["custom_tool_call_output"]
    call_id: str
    output: str | list[ResponseInputContent]
    id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
