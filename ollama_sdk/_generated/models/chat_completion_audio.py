# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionAudio: A recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import Base64


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionAudio(Model):
    """A recording.

    Attributes:
        data: The file, in base64.
        format: Its format.
    """

    data: Base64
    format: Literal["wav"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
