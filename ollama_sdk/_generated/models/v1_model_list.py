# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1ModelList: The models on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model, empty_list

if TYPE_CHECKING:
    from .v1_model import V1Model


@define(kw_only=True, repr=False)
class V1ModelList(Model):
    """The models on a server.

    Attributes:
        object: The type of object.
        data: The models, most recently changed first.
    """

    object: str
    data: list[V1Model] = field(factory=empty_list)
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
