# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ToolParameters: The parameters of a function, as a JSON schema of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .tool_property import ToolProperty


@define(kw_only=True, eq=False, repr=False)
class ToolParameters(Model):
    """The parameters of a function, as a JSON schema of an object.

    Attributes:
        type: The JSON type of the parameters as a whole.
        properties: The parameters by name.
        required: Names of the required parameters.
        defs: Schemas for references.
        items: The schema of the elements of an array.
    """

    type: str | None = None
    properties: dict[str, ToolProperty] | None = None
    required: list[str] | None = None
    defs: Any | None = field(default=None, metadata={"wire": "$defs"})
    items: Any | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
