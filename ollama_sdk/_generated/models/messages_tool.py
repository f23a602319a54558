# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesTool: A tool that the model may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import JSONSchema


@define(kw_only=True, eq=False, repr=False)
class MessagesTool(Model):
    """A tool that the model may call.

    Attributes:
        name: Name of the tool.
        description: What the function does, for the model.
        input_schema: The parameters of the function, as a JSON schema of an object.
        type: The type of tool.
        max_uses: Maximum number of web searches by the server. Since Ollama 0.16.2.
    """

    FROM_FUNCTION: ClassVar[dict[str, Any] | None] = {
        "name": "$name",
        "description": "$description",
        "input_schema": "$parameters",
    }

    name: str
    description: str | None = None
    input_schema: JSONSchema | None = None
    type: Literal["custom", "web_search_20250305"] | str | None = None
    max_uses: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
