# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesDeltaUsage: Token counts of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class MessagesDeltaUsage(Model):
    """Token counts of a message. The first servers with this route count only the answer here.

    Attributes:
        input_tokens: Number of tokens in the input. Since Ollama 0.15.5.
        output_tokens: Number of tokens in the answer.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
