# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1ModelList: The models on a server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .v1_model import V1Model


@define(kw_only=True, eq=False, repr=False)
class V1ModelList(Model):
    """The models on a server.

    Attributes:
        data: The models, most recently changed first.
        object: The type of object.
    """

    data: list[V1Model]
    object: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])

    def __iter__(self) -> Iterator[V1Model]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)
