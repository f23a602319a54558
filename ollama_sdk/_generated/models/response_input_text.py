# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputText: Text in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseInputText(Model):
    """Text in a message.

    Attributes:
        type: The type of part.
        text: The text.
    """

    type: Literal["input_text"]
    text: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
