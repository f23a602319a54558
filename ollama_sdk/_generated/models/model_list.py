# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelList: The models on a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .model_summary import ModelSummary


@define(kw_only=True, eq=False, repr=False)
class ModelList(Model):
    """The models on a server.

    Attributes:
        models: The models, most recently changed first.
    """

    models: list[ModelSummary]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def __iter__(self) -> Iterator[ModelSummary]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)
