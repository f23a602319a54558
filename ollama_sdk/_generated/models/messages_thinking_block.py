# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesThinkingBlock: The model's reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesThinkingBlock(Model):
    """The model's reasoning.

    Attributes:
        type: The type of block.
        thinking: Parts of the reasoning.
        signature: Signature of the thinking; Ollama sends none.
    """

    type: Literal["thinking"]
    thinking: str
    signature: str | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
