# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesInputDelta: A part of the arguments of a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesInputDelta(Model):
    """A part of the arguments of a tool.

    Attributes:
        type: The type of part.
        partial_json: A part of the text of a JSON object.
    """

    type: Literal["input_json_delta"]
    partial_json: str = field(default="", metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
