# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesToolChoice: Which tools the model may choose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesToolChoice(Model):
    """Which tools the model may choose.

    Attributes:
        type: The type of choice.
        name: Name of the tool, for `tool`.
        disable_parallel_tool_use: Whether it may choose one tool at most.
    """

    type: Literal["any", "auto", "none", "tool"] | str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
