# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesDeltaEvent: The message ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_delta import MessagesDelta
    from .messages_delta_usage import MessagesDeltaUsage


@define(kw_only=True, eq=False, repr=False)
class MessagesDeltaEvent(Model):
    """The message ended.

    Attributes:
        type: The type of event.
        delta: Why it ended.
        usage: Token counts.
    """

    type: Literal["message_delta"]
    delta: MessagesDelta
    usage: MessagesDeltaUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
