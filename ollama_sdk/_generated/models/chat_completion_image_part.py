# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionImagePart: An image in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_image_url import ChatCompletionImageURL


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionImagePart(Model):
    """An image in a message.

    Attributes:
        type: The type of part.
        image_url: The image as a data URL; the server downloads no images.
    """

    type: Literal["image_url"]
    image_url: str | ChatCompletionImageURL
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
