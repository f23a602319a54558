# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""RunningModelList: The loaded models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .running_model import RunningModel


@define(kw_only=True, eq=False, repr=False)
class RunningModelList(Model):
    """The loaded models.

    Attributes:
        models: The loaded models, the last to be unloaded first.
    """

    models: list[RunningModel]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def __iter__(self) -> Iterator[RunningModel]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)
