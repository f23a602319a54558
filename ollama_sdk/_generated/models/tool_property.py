# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ToolProperty: One parameter of a function, or a part of one, as a JSON schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ToolProperty(Model):
    """One parameter of a function, or a part of one, as a JSON schema.

    Attributes:
        type: Its JSON type, or several.
        description: What it means; the model reads this.
        enum: The values that it can have.
        items: The schema of an element, of an array.
        properties: The fields of an object, each by its name.
        required: Names of the fields that must be given.
        any_of: Schemas of which one at least must fit.
    """

    type: str | list[str] | None = None
    description: str | None = None
    enum: list[Any] | None = None
    items: Any | None = None
    properties: dict[str, ToolProperty] | None = None
    required: list[str] | None = None
    any_of: list[ToolProperty] | None = field(default=None, metadata={"wire": "anyOf"})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
