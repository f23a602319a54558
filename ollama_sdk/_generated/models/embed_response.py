# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""EmbedResponse: The embeddings of the texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import EmbedReply

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class EmbedResponse(EmbedReply, Model):
    """The embeddings of the texts. Counts and times are absent when the input was empty.

    Attributes:
        embeddings: One vector of length 1 for each text, in the same order: [texts, dimensions].
        model: The model that was used.
        total_duration: Time of the whole call, in nanoseconds.
        load_duration: Time to load the model, in nanoseconds.
        prompt_eval_count: Number of tokens in all texts.
    """

    embeddings: list[list[float]]
    model: str | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def __iter__(self) -> Iterator[list[float]]:
        return iter(self.embeddings)

    def __len__(self) -> int:
        return len(self.embeddings)
