# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseToolSearchCall: A search of the model for tools, which the client performs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseToolSearchCall(Model):
    """A search of the model for tools, which the client performs. Since Ollama 0.34.0.

    Attributes:
        type: The type of item.
        arguments: What to search for.
        id: Identifies the item.
        call_id: Identifies the search in the item with its result.
        execution: Who searches.
        status: State of the item.
    """

    type: Literal["tool_search_call"]
    arguments: dict[str, Any]
    id: str | None = None
    call_id: str | None = None
    execution: Literal["client"] | str | None = None
    status: Literal["completed", "in_progress"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
