# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseToolSearchOutput: The tools that a search found; the model may call them afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_tool import ResponseTool


@define(kw_only=True, eq=False, repr=False)
class ResponseToolSearchOutput(Model):
    """The tools that a search found; the model may call them afterwards. Since Ollama 0.34.0.

    Attributes:
        type: The type of item.
        tools: The tools.
        id: Identifies the item.
        call_id: The `call_id` of the search.
        execution: Who searched.
        status: State of the item.
    """

    type: Literal["tool_search_output"]
    tools: list[ResponseTool]
    id: str | None = None
    call_id: str | None = None
    execution: Literal["client"] | str | None = None
    status: Literal["completed", "in_progress"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
