# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesPingEvent: Keeps the connection alive; carries no content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesPingEvent(Model):
    """Keeps the connection alive; carries no content.

    Attributes:
        type: The type of event.
    """

    type: Literal["ping"]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
