# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionImageURL: An image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionImageURL(Model):
    """An image.

    Attributes:
        url: A data URL of type jpeg, png or webp, in base64.
    """

    url: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
