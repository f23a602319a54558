# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesErrorResponse: An error of a route that is compatible with Anthropic; in a stream, an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_error import MessagesError


@define(kw_only=True, eq=False, repr=False)
class MessagesErrorResponse(Model):
    """An error of a route that is compatible with Anthropic; in a stream, an event.

    Attributes:
        type: The type of object.
        error: The error.
        request_id: Identifies the request.
    """

    type: Literal["error"]
    error: MessagesError
    request_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
