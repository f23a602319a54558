# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ToolFunction: A function that the model may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .tool_parameters import ToolParameters


@define(kw_only=True, eq=False, repr=False)
class ToolFunction(Model):
    """A function that the model may call.

    Attributes:
        name: Name of the function.
        description: What the function does, for the model.
        parameters: The parameters of the function.
    """

    name: str
    description: str | None = None
    parameters: ToolParameters | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
