# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ToolProperty: One parameter of a function, or a part of one, as a JSON schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ToolProperty(Model):
    """One parameter of a function, or a part of one, as a JSON schema.

    Attributes:
        type: The JSON type, or several.
        description: What the parameter means, for the model.
        enum: The allowed values.
        items: The schema of the elements of an array.
        properties: The fields of an object by name. Since Ollama 0.13.5.
        required: Names of the required fields. Since Ollama 0.20.0.
        any_of: Schemas of which at least one matches. Since Ollama 0.11.3.
    """

    type: Literal["array", "boolean", "integer", "number", "object", "string"] | str | list[str] | None = None
    description: str | None = None
    enum: list[Any] | None = None
    items: Any | None = None
    properties: dict[str, ToolProperty] | None = None
    required: list[str] | None = None
    any_of: list[ToolProperty] | None = field(default=None, metadata={"wire": "anyOf"})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
