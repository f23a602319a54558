# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseArgumentsDoneEvent: The whole arguments of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseArgumentsDoneEvent(Model):
    """The whole arguments of a call.

    Attributes:
        type: The type of event.
        output_index: Index of the call in the response, from 0.
        arguments: Arguments by name, as the text of a JSON object.
        item_id: Identifies the call.
        sequence_number: Index of the event in the stream, from 0.
    """

    type: Literal["response.function_call_arguments.done"]
    output_index: int
    arguments: str
    item_id: str | None = None
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
