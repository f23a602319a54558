# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputMessage: A message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_input_content import ResponseInputContent


@define(kw_only=True, eq=False, repr=False)
class ResponseInputMessage(Model):
    """A message of a conversation. An item without a type is a message.

    Attributes:
        role: Role of the author.
        type: The type of item.
        content: Text of the message, or its parts.
    """

    role: Literal["assistant", "developer", "system", "user"] | str
    type: Literal["message"] | None = None
    content: str | list[ResponseInputContent] | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
