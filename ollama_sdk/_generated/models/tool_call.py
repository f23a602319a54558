# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ToolCall: A tool call of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .tool_call_function import ToolCallFunction


@define(kw_only=True, eq=False, repr=False)
class ToolCall(Model):
    """A tool call of the model.

    Attributes:
        function: The function and its arguments.
        id: Identifies the call in the message with its result. Since Ollama 0.12.10.
    """

    function: ToolCallFunction
    id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
