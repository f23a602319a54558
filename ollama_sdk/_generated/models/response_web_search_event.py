# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseWebSearchEvent: A web search began, continues or is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseWebSearchEvent(Model):
    """A web search began, continues or is complete.

    Attributes:
        type: The type of event.
        item_id: Identifies the search.
        output_index: Index of the search in the response, from 0.
        sequence_number: Index of the event in the stream, from 0.
    """

    type: Literal[
        "response.web_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
    ]
    item_id: str | None = None
    output_index: int | None = None
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
