# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoningItem: What the model thought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_reasoning_summary import ResponseReasoningSummary


@define(kw_only=True, repr=False)
class ResponseReasoningItem(Model):
    """What the model thought.

    Attributes:
        type: The kind of item.
        id: Identifies the item.
        summary: The thoughts.
        encrypted_content: The thoughts, to be given back; Ollama does not encrypt them.
    """

    type: Literal["reasoning"]
    id: str | None = None
    summary: list[ResponseReasoningSummary] | None = None
    encrypted_content: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
