# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionJSONSchema: The schema of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import JSONSchema


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionJSONSchema(Model):
    """The schema of an answer.

    Attributes:
        schema: The schema.
    """

    schema: JSONSchema
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
