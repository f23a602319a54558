# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionReasoning: How a model reasons first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ChatCompletionReasoning(Model):
    """How a model reasons first.

    Attributes:
        effort: How much a model reasons first. A level that Ollama does not have means the nearest one.
    """

    effort: Literal["", "high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
