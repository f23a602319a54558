# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseTextFormat: The format of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import JSONSchema


@define(kw_only=True, eq=False, repr=False)
class ResponseTextFormat(Model):
    """The format of an answer.

    Attributes:
        type: `text` is free text, `json_schema` JSON that matches a schema.
        name: Name of the schema.
        schema: The schema.
        strict: Returned unchanged; has no effect.
    """

    type: Literal["json_schema", "text"] | str
    name: str | None = None
    schema: JSONSchema | None = None
    strict: bool | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
