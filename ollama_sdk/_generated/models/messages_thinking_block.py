# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesThinkingBlock: What the model thought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class MessagesThinkingBlock(Model):
    """What the model thought.

    Attributes:
        type: The kind of block.
        thinking: The thoughts.
        signature: Proof that the thoughts are the model's own; Ollama gives none.
    """

    type: Literal["thinking"]
    thinking: str
    signature: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
