# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelRecommendation: A model that Ollama recommends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ModelRecommendation(Model):
    """A model that Ollama recommends.

    Attributes:
        model: Name of the model.
        description: The purpose of the model.
        context_length: Longest context, in tokens.
        max_output_tokens: Longest answer, in tokens.
        vram_bytes: Memory needed on GPUs, in bytes.
        required_plan: The subscription that is needed to use it. Since Ollama 0.23.2.
    """

    model: str
    description: str = ""
    context_length: int | None = None
    max_output_tokens: int | None = None
    vram_bytes: int | None = None
    required_plan: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
