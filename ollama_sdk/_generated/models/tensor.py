# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Tensor: One array of a model's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class Tensor(Model):
    """One array of a model's parameters.

    Attributes:
        name: Name of the array.
        type: How its numbers are stored.
        shape: Its length along each axis.
    """

    name: str
    type: str
    shape: list[int]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
