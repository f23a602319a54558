# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseItemEvent: An item of the response began or is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_output_item import ResponseOutputItem


@define(kw_only=True, eq=False, repr=False)
class ResponseItemEvent(Model):
    """An item of the response began or is complete.

    Attributes:
        type: The type of event.
        output_index: Index of the item in the response, from 0.
        item: The item so far.
        sequence_number: Index of the event in the stream, from 0.
    """

    type: Literal["response.output_item.added", "response.output_item.done"]
    output_index: int
    item: ResponseOutputItem
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
