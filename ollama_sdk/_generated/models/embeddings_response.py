# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""EmbeddingsResponse: The embedding of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class EmbeddingsResponse(Model):
    """The embedding of the text.

    Attributes:
        embedding: The vector: [dimensions]. Empty when the input was empty.
    """

    embedding: list[float]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
