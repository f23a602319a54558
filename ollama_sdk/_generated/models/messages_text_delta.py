# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesTextDelta: A part of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesTextDelta(Model):
    """A part of the text.

    Attributes:
        type: The type of part.
        text: The text that is added.
    """

    type: Literal["text_delta"]
    text: str = field(default="", metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
