# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1EmbeddingUsage: How many tokens a call took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class V1EmbeddingUsage(Model):
    """How many tokens a call took.

    Attributes:
        prompt_tokens: Tokens of all texts together.
        total_tokens: The same.
    """

    prompt_tokens: int
    total_tokens: int
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
