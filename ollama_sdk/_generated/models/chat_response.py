# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatResponse: The next message, or a piece of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model
from ollama_sdk._metrics import GenerationMetrics

if TYPE_CHECKING:
    from datetime import datetime

    from .logprob import Logprob
    from .message import Message


@define(kw_only=True, repr=False)
class ChatResponse(GenerationMetrics, Model):
    """The next message, or a piece of it. Only what has `done` true is complete and has the counters.

    Attributes:
        model: The model that answers.
        created_at: When the server wrote this.
        message: The message, or the next piece of it.
        done: Whether the answer is complete.
        done_reason: Why it ended: `stop` by itself or with a tool call, `length` at the limit of tokens; `load` and
            `unload` when there was nothing to answer.
        logprobs: How likely the tokens of this text were, if it was asked for.
        total_duration: Time of the whole call, in nanoseconds.
        load_duration: Time to load the model, in nanoseconds.
        prompt_eval_count: Tokens of the prompt.
        prompt_eval_duration: Time to read the prompt, in nanoseconds.
        eval_count: Tokens of the answer.
        eval_duration: Time to write the answer, in nanoseconds.
        remote_model: Name of the model on the host that did the work, if another did.
        remote_host: Address of the host that did the work, if another did.
    """

    model: str
    created_at: datetime
    message: Message
    done: bool
    done_reason: str | None = None
    logprobs: list[Logprob] | None = None
    total_duration: int | None = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
