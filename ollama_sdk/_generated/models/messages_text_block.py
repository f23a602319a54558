# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesTextBlock: Text in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_citation import MessagesCitation


@define(kw_only=True, eq=False, repr=False)
class MessagesTextBlock(Model):
    """Text in a message.

    Attributes:
        type: The type of block.
        text: The text.
        citations: The sources of the text. Since Ollama 0.16.2.
    """

    type: Literal["text"]
    text: str
    citations: list[MessagesCitation] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
