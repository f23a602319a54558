# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseCustomToolCall: A call of a tool that takes plain text, from the history of another server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseCustomToolCall(Model):
    """A call of a tool that takes plain text, from the history of another server. Since Ollama 0.40.2.

    Attributes:
        type: The type of item.
        call_id: Identifies the call in the item with its result.
        name: Name of the tool.
        input: The text passed to the tool.
        namespace: The namespace of the tool.
        id: Identifies the item.
    """

    type: Literal["custom_tool_call"]
    call_id: str
    name: str
    input: str
    namespace: str | None = None
    id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
