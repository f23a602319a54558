# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Tensor: A tensor of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class Tensor(Model):
    """A tensor of a model.

    Attributes:
        name: Name of the tensor.
        type: Data type of the tensor.
        shape: Length of each dimension.
    """

    name: str
    type: str | None = None
    shape: list[int] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
