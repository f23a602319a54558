# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseOutputMessage: A message of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_output_content import ResponseOutputContent


@define(kw_only=True, eq=False, repr=False)
class ResponseOutputMessage(Model):
    """A message of the model.

    Attributes:
        type: The type of item.
        content: Text of the message.
        id: Identifies the item.
        role: Role of the author.
        status: State of the item.
    """

    type: Literal["message"]
    content: list[ResponseOutputContent]
    id: str | None = None
    role: Literal["assistant"] | str | None = None
    status: Literal["completed", "in_progress"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
