# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CompletionChoice: A text, or a piece of it, and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .completion_logprobs import CompletionLogprobs


@define(kw_only=True, repr=False)
class CompletionChoice(Model):
    """A text, or a piece of it, and why it ended.

    Attributes:
        text: The text, or the next piece of it.
        index: Place among the choices.
        finish_reason: Why it ended: `stop` by itself, `length` at the limit of tokens. Null until then.
        logprobs: How likely the tokens were, if it was asked for.
    """

    text: str
    index: int
    finish_reason: str | None = None
    logprobs: CompletionLogprobs | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
