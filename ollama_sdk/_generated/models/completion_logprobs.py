# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CompletionLogprobs: Log probabilities of the tokens of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .logprob import Logprob


@define(kw_only=True, eq=False, repr=False)
class CompletionLogprobs(Model):
    """Log probabilities of the tokens of a text.

    Attributes:
        content: The tokens.
    """

    content: list[Logprob] | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
