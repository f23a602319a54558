# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesError: What went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class MessagesError(Model):
    """What went wrong.

    Attributes:
        type: The kind of fault.
        message: The server's message.
    """

    type: str
    message: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
