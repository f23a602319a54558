# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseOutputMessage: What the model said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_output_content import ResponseOutputContent


@define(kw_only=True, repr=False)
class ResponseOutputMessage(Model):
    """What the model said.

    Attributes:
        type: The kind of item.
        id: Identifies the item.
        role: Who speaks.
        content: What is said.
        status: How far it is.
    """

    type: Literal["message"]
    id: str
    role: str
    content: list[ResponseOutputContent]
    status: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
