# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputImage: An image in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseInputImage(Model):
    """An image in a message.

    Attributes:
        type: The type of part.
        image_url: A data URL of type jpeg, png or webp, in base64; the server downloads no images.
        detail: Has no effect.
        file_id: Has no effect; the server stores no files.
    """

    type: Literal["input_image"]
    image_url: str | None = field(default=None, metadata={"content": True})
    detail: Literal["auto", "high", "low"] | str | None = None
    file_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
