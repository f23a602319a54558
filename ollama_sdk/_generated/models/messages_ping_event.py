# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesPingEvent: No event; the connection is alive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class MessagesPingEvent(Model):
    """No event; the connection is alive.

    Attributes:
        type: The type of event.
    """

    type: Literal["ping"]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
