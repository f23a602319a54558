# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Tool: A tool that the model may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .tool_function import ToolFunction


@define(kw_only=True, eq=False, repr=False)
class Tool(Model):
    """A tool that the model may call.

    Attributes:
        function: The function.
        type: The type of tool.
        items: Passed on to the model's template. Since Ollama 0.6.6.
    """

    FROM_FUNCTION: ClassVar[dict[str, Any] | None] = {
        "type": "function",
        "function": {"name": "$name", "description": "$description", "parameters": "$parameters"},
    }

    function: ToolFunction
    type: Literal["function"] | str | None = None
    items: Any | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
