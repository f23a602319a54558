# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseReasoningDoneEvent: The whole reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseReasoningDoneEvent(Model):
    """The whole reasoning.

    Attributes:
        type: The type of event.
        output_index: Index of the reasoning in the response, from 0.
        summary_index: Index of the part in the reasoning, from 0.
        text: Parts of the reasoning.
        item_id: Identifies the reasoning.
        sequence_number: Index of the event in the stream, from 0.
    """

    type: Literal["response.reasoning_summary_text.done"]
    output_index: int
    summary_index: int
    text: str
    item_id: str | None = None
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
