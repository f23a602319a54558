# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionChoice: A message and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_message import ChatCompletionMessage
    from .completion_logprobs import CompletionLogprobs


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionChoice(Model):
    """A message and why it ended.

    Attributes:
        message: A message of the model.
        index: Index among the choices.
        finish_reason: Why the answer ended: `stop` by the model, `length` at the token limit, `tool_calls` to call
            tools. Null when it is incomplete.
        logprobs: Log probabilities of the tokens, if they were requested. Since Ollama 0.12.11.
    """

    message: ChatCompletionMessage
    index: int | None = None
    finish_reason: Literal["length", "stop", "tool_calls"] | str | None = None
    logprobs: CompletionLogprobs | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
