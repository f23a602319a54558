# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesImageSource: An image. The server downloads none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import Base64


@define(kw_only=True, eq=False, repr=False)
class MessagesImageSource(Model):
    """An image. The server downloads none.

    Attributes:
        type: How the image is given.
        media_type: Its media type.
        data: The file, in base64.
        url: Address of the page.
    """

    type: Literal["base64"] | str
    media_type: str | None = None
    data: Base64 | None = field(default=None, metadata={"content": True})
    url: str | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
