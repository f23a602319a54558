# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""EmbeddingsResponse: The embedding of the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import EmbeddingsReply

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class EmbeddingsResponse(EmbeddingsReply, Model):
    """The embedding of the text.

    Attributes:
        embedding: The vector: [dimensions]. Empty when the input was empty.
    """

    embedding: list[float]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def __iter__(self) -> Iterator[float]:
        return iter(self.embedding)

    def __len__(self) -> int:
        return len(self.embedding)
