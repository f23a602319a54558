# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseTool: A tool that the model may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import JSONSchema


@define(kw_only=True, eq=False, repr=False)
class ResponseTool(Model):
    """A tool that the model may call.

    Attributes:
        type: The type of tool.
        name: Name of the function.
        description: What the function does, for the model.
        parameters: The parameters of the function, as a JSON schema of an object.
        execution: Who searches, for the type `tool_search`. Since Ollama 0.34.0.
        strict: Returned unchanged; has no effect.
        tools: The functions of a namespace. Since Ollama 0.32.7.
    """

    FROM_FUNCTION: ClassVar[dict[str, Any] | None] = {
        "type": "function",
        "name": "$name",
        "description": "$description",
        "parameters": "$parameters",
    }

    type: Literal["function", "namespace", "tool_search", "web_search"] | str
    name: str | None = None
    description: str | None = None
    parameters: JSONSchema | None = None
    execution: Literal["client"] | str | None = None
    strict: bool | None = None
    tools: list[ResponseTool] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
