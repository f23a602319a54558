# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelList: The models that a server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .model_summary import ModelSummary


@define(kw_only=True, repr=False)
class ModelList(Model):
    """The models that a server has.

    Attributes:
        models: The models, the one changed last first.
    """

    models: list[ModelSummary]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
