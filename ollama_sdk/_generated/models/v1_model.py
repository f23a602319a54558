# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1Model: A model, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class V1Model(Model):
    """A model, in short.

    Attributes:
        id: Name of the model.
        object: The kind of object.
        created: When it was last changed on this server, in seconds since 1970.
        owned_by: The namespace of its name.
    """

    id: str
    object: str
    created: int
    owned_by: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
