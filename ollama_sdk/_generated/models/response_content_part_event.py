# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseContentPartEvent: A part of a message began or is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_output_content import ResponseOutputContent


@define(kw_only=True, eq=False, repr=False)
class ResponseContentPartEvent(Model):
    """A part of a message began or is complete.

    Attributes:
        type: The type of event.
        output_index: Index of the message in the response, from 0.
        content_index: Index of the part in the message, from 0.
        part: The part so far.
        item_id: Identifies the message.
        sequence_number: Index of the event in the stream, from 0.
    """

    type: Literal["response.content_part.added", "response.content_part.done"]
    output_index: int
    content_index: int
    part: ResponseOutputContent
    item_id: str | None = None
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
