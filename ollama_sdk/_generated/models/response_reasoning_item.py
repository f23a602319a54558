# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoningItem: The model's reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_reasoning_summary import ResponseReasoningSummary


@define(kw_only=True, eq=False, repr=False)
class ResponseReasoningItem(Model):
    """The model's reasoning.

    Attributes:
        type: The type of item.
        id: Identifies the item.
        summary: Parts of the reasoning.
        encrypted_content: The reasoning, to be sent back; Ollama does not encrypt it.
    """

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[ResponseReasoningSummary] | None = field(default=None, metadata={"content": True})
    encrypted_content: str | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
