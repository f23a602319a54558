# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesToolUseBlock: A tool call of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesToolUseBlock(Model):
    """A tool call of the model.

    Attributes:
        type: The type of block.
        id: Identifies the call in the block with its result.
        name: Name of the tool.
        input: Arguments by name.
    """

    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
