# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesThinkingDelta: A part of the model's thinking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesThinkingDelta(Model):
    """A part of the model's thinking.

    Attributes:
        type: The type of part.
        thinking: The text that is added.
    """

    type: Literal["thinking_delta"]
    thinking: str = field(default="", metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
