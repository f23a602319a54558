# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseUsage: Token counts of a response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_input_tokens_details import ResponseInputTokensDetails
    from .response_output_tokens_details import ResponseOutputTokensDetails


@define(kw_only=True, eq=False, repr=False)
class ResponseUsage(Model):
    """Token counts of a response.

    Attributes:
        input_tokens: Number of tokens in the input.
        output_tokens: Number of tokens in the answer.
        total_tokens: Sum of both.
        input_tokens_details: Details of the input tokens. Since Ollama 0.14.2.
        output_tokens_details: Details of the output tokens. Since Ollama 0.14.2.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: ResponseInputTokensDetails | None = None
    output_tokens_details: ResponseOutputTokensDetails | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
