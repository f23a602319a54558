# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatResponse: The next message, or one item of its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import ChatReply

if TYPE_CHECKING:
    from datetime import datetime

    from .logprob import Logprob
    from .message import Message


@define(kw_only=True, eq=False, repr=False)
class ChatResponse(ChatReply, Model):
    """The next message, or one item of its stream. Complete, with token counts, only when `done` is true.

    Attributes:
        message: The message, or the next part of it.
        model: The model that answered.
        created_at: When the server created this.
        done: Whether the answer is complete.
        done_reason: Why the answer ended: `stop` by the model or with a tool call, `length` at the token limit;
            `load` and `unload` for a request without a prompt.
        logprobs: Log probabilities of the tokens of this text, if they were requested. Since Ollama 0.12.11.
        total_duration: Time of the whole call, in nanoseconds.
        load_duration: Time to load the model, in nanoseconds.
        prompt_eval_count: Number of tokens in the prompt.
        prompt_eval_cached_count: How many of these were in the server's cache; absent when the model's runner does
            not report it. Since Ollama 0.33.3.
        prompt_eval_duration: Time to process the prompt, in nanoseconds; from Ollama 0.33.3 on without the tokens
            that were found in the cache.
        eval_count: Number of tokens in the answer.
        eval_duration: Time to generate the answer, in nanoseconds.
        remote_model: Name of the model on the remote host that ran it, if any. Since Ollama 0.12.0.
        remote_host: Address of the remote host that ran the model, if any. Since Ollama 0.12.0.
    """

    message: Message
    model: str | None = None
    created_at: datetime | None = None
    done: bool | None = field(default=None, metadata={"content": True})
    done_reason: Literal["length", "load", "stop", "unload"] | str | None = None
    logprobs: list[Logprob] | None = field(default=None, metadata={"content": True})
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_cached_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
