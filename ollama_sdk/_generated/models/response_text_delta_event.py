# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseTextDeltaEvent: The next piece of what the model says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseTextDeltaEvent(Model):
    """The next piece of what the model says.

    Attributes:
        type: What happened.
        item_id: Identifies the message.
        output_index: Place of the message in the response, from 0.
        content_index: Place of the part in the message, from 0.
        delta: The piece.
        logprobs: Always empty.
        sequence_number: Place of the event in the stream, from 0.
    """

    type: Literal["response.output_text.delta"]
    item_id: str
    output_index: int
    content_index: int
    delta: str
    logprobs: list[Any] | None = None
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
