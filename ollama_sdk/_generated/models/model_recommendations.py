# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelRecommendations: Models that Ollama recommends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .model_recommendation import ModelRecommendation


@define(kw_only=True, eq=False, repr=False)
class ModelRecommendations(Model):
    """Models that Ollama recommends.

    Attributes:
        recommendations: The recommendations.
    """

    recommendations: list[ModelRecommendation]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
