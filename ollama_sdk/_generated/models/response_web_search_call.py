# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseWebSearchCall: A web search by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_web_search_action import ResponseWebSearchAction


@define(kw_only=True, eq=False, repr=False)
class ResponseWebSearchCall(Model):
    """A web search by the server.

    Attributes:
        type: The type of item.
        id: Identifies the item.
        status: State of the item.
        action: The search. Since Ollama 0.32.10.
    """

    type: Literal["web_search_call"]
    id: str | None = None
    status: Literal["completed", "in_progress"] | str | None = None
    action: ResponseWebSearchAction | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
