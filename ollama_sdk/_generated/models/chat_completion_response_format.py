# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionResponseFormat: The format of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_json_schema import ChatCompletionJSONSchema


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionResponseFormat(Model):
    """The format of an answer.

    Attributes:
        type: `text` is free text, `json_object` any JSON object, `json_schema` JSON that matches a schema.
        json_schema: The schema, for `json_schema`.
    """

    type: Literal["json_object", "json_schema", "text"] | str
    json_schema: ChatCompletionJSONSchema | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
