# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseOutputText: Text of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseOutputText(Model):
    """Text of the model.

    Attributes:
        type: The type of part.
        text: The text.
        annotations: Always empty. Since Ollama 0.14.2.
        logprobs: Always empty. Since Ollama 0.14.2.
    """

    type: Literal["output_text"]
    text: str
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
