# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputImage: A picture in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseInputImage(Model):
    """A picture in a message.

    Attributes:
        type: The kind of part.
        image_url: A data URL of type jpeg, png or webp, in base64; the server fetches none from the web.
        detail: Without effect.
        file_id: Without effect; the server keeps no files.
    """

    type: Literal["input_image"]
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
