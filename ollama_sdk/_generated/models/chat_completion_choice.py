# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionChoice: A message and why it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_message import ChatCompletionMessage
    from .completion_logprobs import CompletionLogprobs


@define(kw_only=True, repr=False)
class ChatCompletionChoice(Model):
    """A message and why it ended.

    Attributes:
        index: Place among the choices.
        message: What the model said.
        finish_reason: Why it ended: `stop` by itself, `length` at the limit of tokens, `tool_calls` to have tools
            called. Null when it is unfinished.
        logprobs: How likely the tokens were, if it was asked for.
    """

    index: int
    message: ChatCompletionMessage
    finish_reason: str | None = None
    logprobs: CompletionLogprobs | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
