"""Builds the named events of ``/v1/messages``, and the message in one piece."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ollama_sdk.testing._model.json import compact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep

__all__ = ["MessageEvents", "whole_message"]

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


class MessageEvents:
    """The events of one answer; at most one content block is open.

    A piece of another kind, a tool call or the end closes the open block.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._index = 0
        self._open: str | None = None

    def opening(self, answer: Answer) -> Json:
        """Return the event before the first step."""
        usage = {"input_tokens": answer.prompt_tokens, "output_tokens": 0}
        return {"type": "message_start", "message": {**_envelope(self._model), "content": [], "usage": usage}}

    def events(self, step: AnswerStep, answer: Answer) -> Iterator[Json]:
        """Return the events of one step."""
        if step.thinking:
            yield from self._open_block("thinking", {"type": "thinking", "thinking": ""})
            yield self._delta({"type": "thinking_delta", "thinking": step.thinking})
        if step.text:
            yield from self._open_block("text", {"type": "text", "text": ""})
            yield self._delta({"type": "text_delta", "text": step.text})
        for _, identity, call in step.calls:
            yield from self._open_block(identity, {"type": "tool_use", "id": identity, "name": call.name, "input": {}})
            yield self._delta({"type": "input_json_delta", "partial_json": compact(dict(call.arguments))})
        if step.last:
            yield from self._close_block()
            yield {"type": "message_delta", "delta": _stop(answer), "usage": _usage(answer)}
            yield {"type": "message_stop"}

    def _open_block(self, key: str, block: Json) -> Iterator[Json]:
        if self._open == key:
            return
        yield from self._close_block()
        self._open = key
        yield {"type": "content_block_start", "index": self._index, "content_block": block}

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _close_block(self) -> Iterator[Json]:
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
            self._index += 1
            self._open = None


def whole_message(model: str, steps: Sequence[AnswerStep], answer: Answer) -> Json:
    """Return the answer in one piece."""
    content: list[Json] = []
    if thinking := "".join(step.thinking for step in steps):
        content.append({"type": "thinking", "thinking": thinking})
    if text := "".join(step.text for step in steps):
        content.append({"type": "text", "text": text})
    content += [
        {"type": "tool_use", "id": identity, "name": call.name, "input": dict(call.arguments)}
        for step in steps
        for _, identity, call in step.calls
    ]
    return {**_envelope(model if steps else ""), "content": content, **_stop(answer), "usage": _usage(answer)}


def _envelope(model: str) -> Json:
    return {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant", "model": model}


def _usage(answer: Answer) -> Json:
    prompt, tokens = answer.usage
    return {"input_tokens": prompt, "output_tokens": tokens, "cache_read_input_tokens": 0}


def _stop(answer: Answer) -> Json:
    """The stop reason. Ollama does not report stop sequences: it sends ``end_turn`` for them."""
    if answer.called:
        return {"stop_reason": "tool_use"}
    if not answer.finished:
        return {}
    return {"stop_reason": _STOP_REASONS[answer.done_reason]}
