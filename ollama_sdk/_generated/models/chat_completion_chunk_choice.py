# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionChunkChoice: A piece of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_delta import ChatCompletionDelta
    from .completion_logprobs import CompletionLogprobs


@define(kw_only=True, repr=False)
class ChatCompletionChunkChoice(Model):
    """A piece of a message.

    Attributes:
        index: Place among the choices.
        delta: What the piece adds to the message.
        finish_reason: Why the message ended: `stop` by itself, `length` at the limit of tokens, `tool_calls` to have
            tools called. Null until then.
        logprobs: How likely the tokens were, if it was asked for.
    """

    index: int
    delta: ChatCompletionDelta
    finish_reason: str | None = None
    logprobs: CompletionLogprobs | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
