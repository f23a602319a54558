# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ToolCallFunction: A function and the arguments to call it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ToolCallFunction(Model):
    """A function and the arguments to call it with.

    Attributes:
        name: Name of the function.
        arguments: Arguments by name.
        index: Index among the calls of the message, from 0.
    """

    name: str
    arguments: dict[str, Any]
    index: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
