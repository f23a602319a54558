# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionStreamOptions: Additional items of the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionStreamOptions(Model):
    """Additional items of the stream.

    Attributes:
        include_usage: Whether an item with the token counts ends the stream.
    """

    include_usage: bool | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
