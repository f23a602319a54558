# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1EmbeddingUsage: Token counts of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class V1EmbeddingUsage(Model):
    """Token counts of a call.

    Attributes:
        prompt_tokens: Number of tokens in all texts.
        total_tokens: Equal to the name.
    """

    prompt_tokens: int | None = None
    total_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
