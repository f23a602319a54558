# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesStartEvent: The message began."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_response import MessagesResponse


@define(kw_only=True, eq=False, repr=False)
class MessagesStartEvent(Model):
    """The message began.

    Attributes:
        type: The type of event.
        message: The message so far, without content.
    """

    type: Literal["message_start"]
    message: MessagesResponse
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
