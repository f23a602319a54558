# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseLifecycleEvent: The response began, continues, is complete or failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_object import ResponseObject


@define(kw_only=True, eq=False, repr=False)
class ResponseLifecycleEvent(Model):
    """The response began, continues, is complete or failed.

    Attributes:
        type: The type of event.
        response: The response so far.
        sequence_number: Index of the event in the stream, from 0.
    """

    type: Literal["response.completed", "response.created", "response.failed", "response.in_progress"]
    response: ResponseObject
    sequence_number: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
