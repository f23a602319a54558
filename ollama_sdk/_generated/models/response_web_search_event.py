# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseWebSearchEvent: A search of the web has begun, goes on or is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseWebSearchEvent(Model):
    """A search of the web has begun, goes on or is complete.

    Attributes:
        type: What happened.
        item_id: Identifies the search.
        output_index: Place of the search in the response, from 0.
        sequence_number: Place of the event in the stream, from 0.
    """

    type: Literal[
        "response.web_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
    ]
    item_id: str
    output_index: int
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
