# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionChunkChoice: A part of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_delta import ChatCompletionDelta
    from .completion_logprobs import CompletionLogprobs


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionChunkChoice(Model):
    """A part of a message.

    Attributes:
        delta: The part that is added to the message.
        index: Index among the choices.
        finish_reason: Why the answer ended: `stop` by the model, `length` at the token limit, `tool_calls` to call
            tools. Null until then.
        logprobs: Log probabilities of the tokens, if they were requested. Since Ollama 0.12.11.
    """

    delta: ChatCompletionDelta
    index: int | None = None
    finish_reason: Literal["length", "stop", "tool_calls"] | str | None = None
    logprobs: CompletionLogprobs | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
