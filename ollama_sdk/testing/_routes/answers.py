"""One answer of a model on its way: which steps it takes, when each is due, and what it cost."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
import zlib
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from ollama_sdk.testing._model.json import Json, compact
from ollama_sdk.testing.script import Prompt, Reply, Speed, ToolCall, token_count

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

__all__ = ["Answer", "Step"]

# The loop gets its turn after this many items, so that one fast stream starves no other connection.
_TURN = 32
_NANOSECONDS = 1_000_000_000
_VOCABULARY = 32_000
_WORDS = (" the", " one", " what", " day", " red", " dog", " night", " sky", " two", " of", " cat", " is")


@frozen
class Step:
    """One item of a stream before any route has given it its form."""

    text: str = ""
    thinking: str = ""
    calls: Sequence[tuple[int, str, ToolCall]] = ()
    logprobs: list[Json] = field(factory=list[Json])
    last: bool = False


class Answer:
    """An answer that is being given.

    ``done_reason`` and ``metrics`` are meaningful once the steps are through.
    """

    def __init__(self, prompt: Prompt, reply: Reply, speed: Speed, *, load_seconds: float, context: int) -> None:
        self.prompt = prompt
        self.done_reason: Literal["stop", "length"] = "stop"
        self.finished = reply.finished
        self.called = False
        self.thinks = bool(reply.thinking)
        self.prompt_tokens = min(prompt.tokens, context)
        self.tokens = 0
        self._reply = reply
        self._speed = speed
        self._load = load_seconds
        self._stops = _stops(prompt)
        self._started = self._first = time.perf_counter_ns()
        self._spoken: list[str] = []

    async def steps(self) -> AsyncGenerator[Step]:
        """Every item in order, each when it is due; the last one only when the reply is finished."""
        due = _Pace(self._speed)
        await due.first()
        self._first = time.perf_counter_ns()
        for step in self._planned():
            if self.tokens:
                await due.next()
            self.tokens += 1 if not step.calls else sum(_weight(call) for _, _, call in step.calls)
            yield step
        if self.finished:
            calls = self._calls() if self._reply.calls_on_last_item and not self._is_cut() else []
            self.tokens += sum(_weight(call) for _, _, call in calls)
            yield Step(calls=calls, last=True)

    def _planned(self) -> Iterator[Step]:
        limit: int = self.prompt.options.get("num_predict", -1)
        steps = chain(self._thinking(), self._text())
        if limit <= 0:
            yield from steps
        else:
            yield from islice(steps, limit)
            self.done_reason = "length" if self.tokens >= limit else "stop"
        if not self._reply.calls_on_last_item and not self._is_cut():
            yield from (Step(calls=[call]) for call in self._calls())

    def _is_cut(self) -> bool:
        return self.done_reason == "length"

    def _thinking(self) -> Iterator[Step]:
        for piece in self._reply.thinking:
            yield Step(thinking=piece, logprobs=self._logprobs(piece))

    def _text(self) -> Iterator[Step]:
        pieces = _until(self._reply.pieces, self._stops) if self._stops else self._reply.pieces
        for piece in pieces:
            self._spoken.append(piece)
            yield Step(text=piece, logprobs=self._logprobs(piece))

    def _calls(self) -> list[tuple[int, str, ToolCall]]:
        self.called = bool(self._reply.tool_calls)
        return [(index, f"call_{secrets.token_hex(4)}", call) for index, call in enumerate(self._reply.tool_calls)]

    def _logprobs(self, piece: str) -> list[Json]:
        top = self.prompt.top_logprobs
        return [] if top is None else [_logprob(piece, len(self._spoken), top)]

    @property
    def context(self) -> list[int]:
        """Token numbers of the prompt and the answer, as ``/api/generate`` hands them back."""
        words = chain((str(message.get("content") or "") for message in self.prompt.messages), self._spoken)
        return [token for word in words for token in token_ids(word)]

    def metrics(self) -> Json:
        """The server's counters; times in nanoseconds."""
        now = time.perf_counter_ns()
        load = max(int(self._load * _NANOSECONDS), 1_000)
        prompt = max(self._first - self._started, 1_000)
        spoken = max(now - self._first, 1_000)
        return {
            "total_duration": load + prompt + spoken + 1_000,
            "load_duration": load,
            "prompt_eval_count": max(self.prompt_tokens, 1),
            "prompt_eval_duration": prompt,
            "eval_count": max(self.tokens, 1),
            "eval_duration": spoken,
        }


class _Pace:
    """When each item is due, reckoned from the first one so that delays do not add up."""

    def __init__(self, speed: Speed) -> None:
        self._speed = speed
        self._start = 0.0
        self._count = 0

    async def first(self) -> None:
        """Wait for the first item."""
        await asyncio.sleep(self._speed.time_to_first_token)
        self._start = time.monotonic()

    async def next(self) -> None:
        """Wait for the next item."""
        self._count += 1
        rate = self._speed.tokens_per_second
        if rate is None:
            if self._count % _TURN == 0:
                await asyncio.sleep(0)
            return
        await asyncio.sleep(max(self._start + self._count / rate - time.monotonic(), 0))


def token_ids(text: str) -> list[int]:
    """Stable numbers for the words of a text."""
    return [zlib.crc32(word.encode()) % _VOCABULARY for word in text.split()] or [0]


def _weight(call: ToolCall) -> int:
    return 1 + token_count(compact(dict(call.arguments)))


def _stops(prompt: Prompt) -> list[str]:
    return [text for text in prompt.options.get("stop") or () if isinstance(text, str) and text]


def _until(pieces: Iterable[str], stops: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first stop text, which may span several of them."""
    held = ""
    for piece in pieces:
        held += piece
        found = min((at for stop in stops if (at := held.find(stop)) >= 0), default=-1)
        if found >= 0:
            if found:
                yield held[:found]
            return
        if not _may_begin(held, stops):
            yield held
            held = ""
    if held:
        yield held


def _may_begin(text: str, stops: Sequence[str]) -> bool:
    return any(text.endswith(stop[:length]) for stop in stops for length in range(1, len(stop)))


def _logprob(piece: str, place: int, top: int) -> Json:
    chosen = -0.05 - (zlib.crc32(f"{place}{piece}".encode()) % 1000) / 2000
    entry = _token(piece, chosen)
    if top:
        others = (word for word in _WORDS if word != piece)
        rest = math.log1p(-math.exp(chosen))
        ranked = [_token(word, rest - 0.7 * rank) for rank, word in enumerate(islice(others, top - 1), 1)]
        entry["top_logprobs"] = [_token(piece, chosen), *sorted(ranked, key=lambda item: -float(item["logprob"]))]
    return entry


def _token(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}
