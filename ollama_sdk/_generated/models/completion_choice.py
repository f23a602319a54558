# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CompletionChoice: A text, or a part of it, and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .completion_logprobs import CompletionLogprobs


@define(kw_only=True, eq=False, repr=False)
class CompletionChoice(Model):
    """A text, or a part of it, and why it ended.

    Attributes:
        text: The text, or the next part of it.
        index: Index among the choices.
        finish_reason: Why the answer ended: `stop` by the model, `length` at the token limit. Null until then.
        logprobs: Log probabilities of the tokens, if they were requested. Since Ollama 0.12.11.
    """

    text: str
    index: int | None = None
    finish_reason: Literal["length", "stop"] | str | None = None
    logprobs: CompletionLogprobs | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
