# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoningSummary: A part of the model's reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseReasoningSummary(Model):
    """A part of the model's reasoning.

    Attributes:
        type: The type of part.
        text: Parts of the reasoning.
    """

    type: str
    text: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
