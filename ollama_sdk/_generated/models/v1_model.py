# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1Model: Summary of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class V1Model(Model):
    """Summary of a model.

    Attributes:
        id: Name of the model.
        object: The type of object.
        created: When the model was last changed on this server, in seconds since 1970.
        owned_by: The namespace of the model's name.
    """

    id: str
    object: str | None = None
    created: int | None = None
    owned_by: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
