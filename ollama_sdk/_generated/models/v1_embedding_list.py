# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1EmbeddingList: The embeddings of the texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import V1EmbedReply

if TYPE_CHECKING:
    from .v1_embedding import V1Embedding
    from .v1_embedding_usage import V1EmbeddingUsage


@define(kw_only=True, eq=False, repr=False)
class V1EmbeddingList(V1EmbedReply, Model):
    """The embeddings of the texts.

    Attributes:
        data: One vector for each text, in the same order.
        object: The type of object.
        model: The model that was used.
        usage: Token counts.
    """

    data: list[V1Embedding]
    object: str | None = None
    model: str | None = None
    usage: V1EmbeddingUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def __iter__(self) -> Iterator[V1Embedding]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
