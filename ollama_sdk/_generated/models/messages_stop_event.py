# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesStopEvent: The message is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesStopEvent(Model):
    """The message is complete.

    Attributes:
        type: The type of event.
    """

    type: Literal["message_stop"]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
