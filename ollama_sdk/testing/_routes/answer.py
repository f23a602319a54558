"""Plays one answer of a model: its steps with their times, and its counters."""

from __future__ import annotations

import asyncio
import secrets
import time
from itertools import chain, islice
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from ollama_sdk.testing._model.json import compact
from ollama_sdk.testing._model.logprobs import token_logprob
from ollama_sdk.testing._model.stop_sequences import StopSequences
from ollama_sdk.testing._model.tokens import token_count, token_ids

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing.script import Prompt, ScriptedReply, ScriptedToolCall, Speed

__all__ = ["Answer", "AnswerStep"]

# After this many items the event loop runs other tasks, so that a fast stream does not starve them.
_ITEMS_PER_TURN = 32
_NANOSECONDS = 1_000_000_000


@frozen
class AnswerStep:
    """One item of a stream, independent of the route.

    Attributes:
        text: A piece of the text.
        thinking: A piece of the thinking.
        calls: Tool calls, each with its index and its id.
        logprobs: The log-probabilities of the piece.
        last: Whether this step ends the answer.
    """

    text: str = ""
    thinking: str = ""
    calls: Sequence[tuple[int, str, ScriptedToolCall]] = ()
    logprobs: list[Json] = field(factory=list["Json"])
    last: bool = False


class Answer:
    """One answer in progress; attributes that depend on its end are valid after the last step.

    Attributes:
        done_reason: ``"length"`` if ``num_predict`` ended it.
        finished: Whether it ends with a last step.
        called: Whether it had tool calls.
        thinks: Whether it begins with thinking.
        prompt_tokens: The length of the prompt, at most the context length.
        tokens: The tokens so far.
    """

    def __init__(
        self, prompt: Prompt, reply: ScriptedReply, speed: Speed, *, load_seconds: float, context: int
    ) -> None:
        self.prompt = prompt
        self.done_reason: Literal["stop", "length"] = "stop"
        self.finished = reply.finished
        self.called = False
        self.thinks = bool(reply.thinking)
        self.prompt_tokens = min(prompt.tokens, context)
        self.tokens = 0
        self._reply = reply
        self._speed = speed
        self._load_seconds = load_seconds
        self._stops = StopSequences(prompt.stops)
        self._started = self._first = time.perf_counter_ns()
        self._texts: list[str] = []

    async def steps(self) -> AsyncGenerator[AnswerStep]:
        """Yield every step at its time; the last one only if the reply is finished."""
        pace = _Pace(self._speed)
        await pace.wait_for_first()
        self._first = time.perf_counter_ns()
        for step in self._plan():
            if self.tokens:
                await pace.wait_for_next()
            self.tokens += 1 if not step.calls else _call_tokens(step)
            yield step
        if self.finished:
            last = AnswerStep(calls=self._calls() if self._reply.calls_on_last_item else [], last=True)
            self.tokens += _call_tokens(last)
            yield last

    def _plan(self) -> Iterator[AnswerStep]:
        limit: int = self.prompt.options.get("num_predict", -1)
        thinking = (AnswerStep(thinking=piece, logprobs=self._logprobs(piece)) for piece in self._reply.thinking)
        steps = chain(thinking, self._text_steps())
        if limit <= 0:
            yield from steps
        else:
            yield from islice(steps, limit)
            self.done_reason = "length" if self.tokens >= limit else "stop"
        if not self._reply.calls_on_last_item:
            yield from (AnswerStep(calls=[call]) for call in self._calls())

    def _text_steps(self) -> Iterator[AnswerStep]:
        for piece in self._stops.cut(self._reply.pieces):
            self._texts.append(piece)
            yield AnswerStep(text=piece, logprobs=self._logprobs(piece))

    def _calls(self) -> list[tuple[int, str, ScriptedToolCall]]:
        if self.done_reason == "length":
            return []
        self.called = bool(self._reply.tool_calls)
        return [(index, f"call_{secrets.token_hex(4)}", call) for index, call in enumerate(self._reply.tool_calls)]

    def _logprobs(self, piece: str) -> list[Json]:
        top = self.prompt.top_logprobs
        return [] if top is None else [token_logprob(piece, len(self._texts), top)]

    @property
    def context(self) -> list[int]:
        """The token numbers of prompt and answer, for the ``context`` of ``/api/generate``."""
        texts = chain((str(message.get("content") or "") for message in self.prompt.messages), self._texts)
        return [token for text in texts for token in token_ids(text)]

    @property
    def usage(self) -> tuple[int, int]:
        """The token counts of prompt and answer; 0 for an unfinished answer, because they come with the last step."""
        return (self.prompt_tokens, self.tokens) if self.finished else (0, 0)

    def metrics(self) -> Json:
        """Return the counters; times are in nanoseconds."""
        now = time.perf_counter_ns()
        load = max(int(self._load_seconds * _NANOSECONDS), 1_000)
        prompt = max(self._first - self._started, 1_000)
        evaluation = max(now - self._first, 1_000)
        return {
            "total_duration": load + prompt + evaluation + 1_000,
            "load_duration": load,
            "prompt_eval_count": max(self.prompt_tokens, 1),
            "prompt_eval_cached_count": 0,  # the emulated models have no cache
            "prompt_eval_duration": prompt,
            "eval_count": max(self.tokens, 1),
            "eval_duration": evaluation,
        }


def _call_tokens(step: AnswerStep) -> int:
    return sum(1 + token_count(compact(dict(call.arguments))) for _, _, call in step.calls)


class _Pace:
    """Waits for the time of each item, counted from the first one, so that delays do not accumulate."""

    def __init__(self, speed: Speed) -> None:
        self._speed = speed
        self._start = 0.0
        self._count = 0

    async def wait_for_first(self) -> None:
        await asyncio.sleep(self._speed.time_to_first_token)
        self._start = time.monotonic()

    async def wait_for_next(self) -> None:
        self._count += 1
        rate = self._speed.tokens_per_second
        if rate is None:
            if self._count % _ITEMS_PER_TURN == 0:
                await asyncio.sleep(0)
            return
        await asyncio.sleep(max(self._start + self._count / rate - time.monotonic(), 0))
