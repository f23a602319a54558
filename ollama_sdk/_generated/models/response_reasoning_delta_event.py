# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoningDeltaEvent: The next piece of what the model thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseReasoningDeltaEvent(Model):
    """The next piece of what the model thinks.

    Attributes:
        type: What happened.
        item_id: Identifies the thoughts.
        output_index: Place of the thoughts in the response, from 0.
        summary_index: Place of the part in the thoughts, from 0.
        delta: The piece.
        sequence_number: Place of the event in the stream, from 0.
    """

    type: Literal["response.reasoning_summary_text.delta"]
    item_id: str
    output_index: int
    summary_index: int
    delta: str
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
