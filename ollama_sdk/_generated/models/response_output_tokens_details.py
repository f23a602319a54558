# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseOutputTokensDetails: Details of the output tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseOutputTokensDetails(Model):
    """Details of the output tokens.

    Attributes:
        reasoning_tokens: Always 0.
    """

    reasoning_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
