# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesImageBlock: An image in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_image_source import MessagesImageSource


@define(kw_only=True, eq=False, repr=False)
class MessagesImageBlock(Model):
    """An image in a message.

    Attributes:
        type: The type of block.
        source: The image.
    """

    type: Literal["image"]
    source: MessagesImageSource
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
