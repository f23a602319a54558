"""Chaos on real sockets: three servers that fail in every way while clients call them, and the promises that hold meanwhile.

What is promised:

- A call in one piece is answered, and rightly, while one server lives.
- So is a stream that a trouble meets before its first item; one that is met later says so by an error, never silently, and
  only when there was a trouble, and only with the error that this trouble ends in.
- Whatever a stream delivers are the items of one answer to this very call, in order, none twice; if it breaks off, all that
  the server wrote.
- A paused stream delivers nothing; one that is left or cancelled ends, at the server, too.
- Connections stay few, and when the callers have gone nobody holds a place, and nothing is left.
- No thread, timer or task ends by an exception, and none is lost where nobody would catch it.

So that all of it can be seen, every word of an answer says which call it is for, which answer it belongs to, and which word it
is: ``12.7.0 12.7.1 12.7.2``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import random
import re
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import trio.lowlevel
from attrs import Factory, define, evolve, frozen

from ollama_sdk import (
    APITimeoutError,
    AsyncOllama,
    CircuitBreaker,
    CircuitOpenError,
    Failover,
    HealthCheck,
    IncompleteReplyError,
    Ollama,
    OllamaError,
    RateLimit,
    ReplyFailedError,
    Retry,
    Timeout,
)
from ollama_sdk.reliability import Event, RetryBudget
from ollama_sdk.testing import Emulator, Exchange, Fault, Speed
from ollama_sdk.testing._model.embeddings import embedding

WORLDS = ("sync", "asyncio", "trio")
SERVERS = 3
WORKERS = 11
IN_FLIGHT = WORKERS - 1  # so that somebody waits
MODEL = "llama3.2"
_VECTOR = 8

# What the README tells a fleet to start from. Only the seconds are cut down, to the pace of the troubles below.
POLICIES: dict[str, Any] = {
    "timeout": Timeout(connect=1, first_item=0.6, between_items=1, total=10),
    "failover": Failover("least_busy", eject_for=0.05, eject_for_maximum=0.2),
    "retry": Retry(
        attempts=3,
        initial=0.05,
        maximum=0.5,
        errors=(httpx.NetworkError, httpx.RemoteProtocolError, httpx.TimeoutException, CircuitOpenError),
        budget=RetryBudget(tokens=2 * IN_FLIGHT + 1),
    ),
    "circuit_breaker": CircuitBreaker(open_for=0.1, open_for_maximum=0.3),
    "rate_limit": RateLimit(concurrent=IN_FLIGHT),
    "health": HealthCheck(interval=0.1, timeout=0.3),
}
# What they are changed to, and back, while calls run.
CHANGES: list[dict[str, Any]] = [
    {name: POLICIES[name] for name in ("failover", "retry", "rate_limit")},
    {"failover": evolve(POLICIES["failover"], strategy="model_aware")},
    {"retry": evolve(POLICIES["retry"], jitter="equal")},
    {"rate_limit": RateLimit(concurrent=IN_FLIGHT - 1)},
]


# What is asked

Word = tuple[int, int, int]  # which call, which answer, which word of it
_WORD = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_answers = itertools.count(1)
_calls = itertools.count(1)


def _said(text: str | None) -> list[Word]:
    return [(int(call), int(answer), int(place)) for call, answer, place in _WORD.findall(text or "")]


def _counting(prompt: Any) -> list[str]:
    """The model's answer to ``CALL LENGTH``: as many words."""
    call, length = prompt.text.split()
    answer = next(_answers)
    return [f"{call}.{answer}.{place} " for place in range(int(length))]


def _messages(prompt: str) -> list[Any]:
    return [{"role": "user", "content": prompt}]


def _texts(prompt: str) -> list[str]:
    call, length = prompt.split()
    return [f"{call}.0.{place}" for place in range(int(length))]


def _embedded(prompt: str, vectors: list[list[float]]) -> str:
    """The texts whose vectors these are."""
    pairs = zip(_texts(prompt), vectors, strict=False)
    return " ".join(text for text, vector in pairs if vector == embedding(text, _VECTOR))


@frozen
class Kind:
    """One way to ask.

    Attributes:
        ask: Makes the call, of a client, a prompt and further arguments; async clients give something to await.
        text: The text of the reply, which answers a prompt.
        item: The text in one item of the stream, if it is one.
    """

    ask: Callable[..., Any]
    text: Callable[[Any, str], str | None]
    item: Callable[[Any], str | None] | None = None


PIECES = {
    "chat": Kind(
        lambda client, prompt, **more: client.chat(MODEL, _messages(prompt), **more),
        text=lambda reply, _: reply.message.content,
    ),
    "generate": Kind(
        lambda client, prompt, **more: client.generate(MODEL, prompt, **more), text=lambda reply, _: reply.response
    ),
    "v1 chat": Kind(
        lambda client, prompt, **more: client.v1.chat.completions.create(MODEL, _messages(prompt), **more),
        text=lambda reply, _: reply.choices[0].message.content,
    ),
    "embed": Kind(
        lambda client, prompt, **more: client.embed(MODEL, _texts(prompt), **more),
        text=lambda reply, prompt: _embedded(prompt, reply.embeddings),
    ),
}
STREAMS = {
    "chat stream": evolve(PIECES["chat"], item=lambda item: item.message.content),
    "generate stream": evolve(PIECES["generate"], item=lambda item: item.response),
    "v1 chat stream": evolve(
        PIECES["v1 chat"], item=lambda item: item.choices[0].delta.content if item.choices else ""
    ),
}

# How streams are read: most item by item, but some callers take the rest at once; pause and go on; leave after some items, or
# cancel the stream from another thread. A task may be cancelled, whatever it waits for.
WAYS = ("reads", "reads", "reads", "collects", "pauses", "pauses", "leaves", "cancels")
_SHORTEST, _LONGEST = 6, 20
_ENDLESS = 3000  # words, which nobody stays for: the server stops when the caller has gone
_PAUSE = 0.02
_HAND = "a hand of a caller"  # the thread in which a caller resumes or cancels a stream


class Call:
    """One call, from the question to the outcome."""

    def __init__(self, tally: Tally, rng: random.Random, *, tasks: bool) -> None:
        self.name = rng.choice([*PIECES, *STREAMS])
        self.kind = (PIECES | STREAMS)[self.name]
        self.streams = self.kind.item is not None
        self.way = rng.choice(WAYS) if self.streams else "reads"
        self.number = next(_calls)
        self.length = _ENDLESS if self.way in {"leaves", "cancels"} else rng.randint(_SHORTEST, _LONGEST)
        self.prompt = f"{self.number} {self.length}"
        # A call without luck is turned away once by each server, so that only repeating it helps.
        self.lucky = rng.random() > 0.03
        self.cancelled_after = rng.uniform(0, 0.1) if tasks and self.way == "reads" and rng.random() < 0.1 else None
        self.acts_after = rng.randint(1, 3)
        self.words: list[Word] = []
        self.ended_at = 0.0
        self.error: Exception | None = None
        self._tally = tally
        self._items = 0
        self._paused = False
        self._cancelled = False

    def ask(self, client: Any) -> Any:
        """Make the call."""
        more = {"stream": True} if self.streams else {}
        return self.kind.ask(client, self.prompt, extra_headers={"x-call": f"{self.number} {self.lucky:d}"}, **more)

    def take(self, item: Any) -> bool:
        """An item of the stream; whether it is time to do as this caller does."""
        assert self.kind.item is not None
        if self._paused:
            self._breaks("delivered an item while it was paused")
        self.words += _said(self.kind.item(item))
        self._items += 1
        return self._items == self.acts_after

    def take_whole(self, reply: Any) -> None:
        """The reply in one piece, or what was still to come of it."""
        self.words += _said(self.kind.text(reply, self.prompt))

    def act(self, stream: Any) -> None:
        """Pause or cancel the stream, as this caller does."""
        if self.way == "pauses":
            self._paused = True
            stream.pause()
            timer = threading.Timer(_PAUSE, self._resume, (stream,))
            timer.name = _HAND
            timer.start()
        elif self.way == "cancels":
            self._cancelled = True
            _thread(stream.cancel, name=_HAND).start()

    def _resume(self, stream: Any) -> None:
        self._paused = False
        stream.resume()

    def left(self) -> None:
        """The caller went away."""
        self._end("left")

    def ended(self) -> None:
        """The reply is there."""
        self._end("answered")
        if len(self.words) != self.length:
            self._breaks(f"was cut off silently: {len(self.words)} of {self.length} words")

    def failed(self, error: Exception) -> None:
        """The call raised ``error``."""
        if isinstance(error, IncompleteReplyError) and error.partial is not None:
            self.words += _said(str(error.partial))
        if self._cancelled and isinstance(error, IncompleteReplyError):
            self._end("cancelled")
            return
        self.error = error
        self._end("interrupted")
        if not isinstance(error, OllamaError):
            self._breaks(f"raised what is no error of the package: {error!r}")
        elif not self.words:
            self._breaks(f"failed although a server lived and nothing had arrived: {error!r}")

    def _end(self, how: str) -> None:
        self._tally.count(f"{self.name}: {how}")
        self._tally.count(f"caller {self.way}: {how}")
        if {call for call, _, _ in self.words} - {self.number}:
            self._breaks(f"got words of another call than {self.number}: {self.words}")
        if len({answer for _, answer, _ in self.words}) > 1:
            self._breaks(f"was put together of several answers: {self.words}")
        if [place for _, _, place in self.words] != list(range(len(self.words))):
            self._breaks(f"lost or doubled a word, or mixed them up: {self.words}")
        self.ended_at = time.monotonic()
        self._tally.ended.append(self)

    def compare(self, answers: dict[int, Answer]) -> None:
        """Hold what was delivered against what the servers say they did, now that they must have noticed."""
        if not self.streams or not self.words:
            return
        got, answer = len(self.words), answers.get(self.words[0][1])
        if answer is None or got > answer.written:
            self._breaks(f"delivered {got} words, and the server wrote {answer}")
        elif self.length == _ENDLESS and answer.written == _ENDLESS:
            self._breaks("was written to the end although the caller had gone")
        elif self.error is not None:
            self._compare_broken(got, answer)

    def _compare_broken(self, got: int, answer: Answer) -> None:
        causes = [name for name in answer.troubles if isinstance(self.error, TROUBLES[name].ends_in)]
        if not causes:
            self._breaks(f"failed without a cause: {self.error!r} after {got} words of {answer}")
        # Who cancels gets no more items. What collect() had gathered is in the error of an incomplete reply, and only there.
        elif not self._cancelled and (self.way != "collects" or isinstance(self.error, IncompleteReplyError)):
            self._tally.count(f"compared: {causes[0]}")
            if got != answer.written:
                self._breaks(f"delivered {got} of the words of {answer}, then {self.error!r}")

    def _breaks(self, promise: str) -> None:
        self._tally.breaks(f"{self.name} whose caller {self.way}: call {self.number} {promise}")


@define(eq=False)
class Answer:
    """What a server did about one stream.

    Attributes:
        written: How many words it wrote in whole items.
        troubles: What befell it.
    """

    written: int = 0
    troubles: set[str] = Factory(set)


@define(eq=False, repr=False)
class Tally:
    """What has happened so far.

    Attributes:
        counts: Calls by kind and outcome, troubles by name, events by class, comparisons by trouble.
        broken: Promises that did not hold.
        ended: Calls that are to be compared with what was written.
        written: What servers did for each call, by the number of the answer.
        sockets: The most that were open at once.
    """

    counts: Counter[str] = Factory(Counter)
    broken: list[str] = Factory(list)
    ended: deque[Call] = Factory(deque)
    written: defaultdict[int, dict[int, Answer]] = Factory(lambda: defaultdict(dict))
    sockets: int = 0
    _lock: Any = Factory(threading.Lock)

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def breaks(self, promise: str) -> None:
        with self._lock:
            self.broken.append(promise)

    def observe(self, event: Event) -> None:
        """An observer, and one that fails now and then."""
        self.count(f"event {type(event).__name__}{' in a call' if event.call else ''}")
        if event.call % 10 == 9:
            raise ValueError("a failing observer breaks no call")

    def settle(self, older_than: float = 0.0) -> None:
        """Compare what calls delivered with what was written for them."""
        before = time.monotonic() - older_than
        while self.ended and self.ended[0].ended_at <= before:
            call = self.ended.popleft()
            call.compare(self.written.pop(call.number, {}))

    def look(self, most: int) -> None:
        """Count the sockets that are open."""
        sockets = sum(target.startswith("socket:") for target in belongings().values())
        self.sockets = max(self.sockets, sockets)
        if sockets > most:
            self.breaks(f"{sockets} sockets are open at once, and {most} must do")

    def total(self, *words: str) -> int:
        """How often something happened of which every word is part of the name."""
        with self._lock:
            return sum(count for what, count in self.counts.items() if all(word in what for word in words))

    def missing(self, happenings: Sequence[str]) -> list[str]:
        """Which of these never happened."""
        return [what for what in happenings if not self.counts[what]]

    def line(self) -> str:
        """All of it in one line."""
        how = {how: self.total("caller ", f": {how}") for how in ("answered", "left", "cancelled", "interrupted")}
        return (
            f"{sum(how.values())} calls, {', '.join(f'{count} {name}' for name, count in how.items())}; "
            f"{self.total('compared: ')} compared; {self.total('trouble: ')} troubles, "
            f"{self.total('event RetryScheduled')} retries, {self.total('event FailedOver')} failovers, "
            f"{self.total('event CircuitOpened')} circuits opened, {self.total('event EndpointEjected')} ejections; "
            f"at most {self.sockets} sockets; {len(self.broken)} promises broken"
        )


# Servers and their troubles


@frozen
class Trouble:
    """One way to be ill.

    Attributes:
        stream: What befalls a request for a stream after so many items.
        whole: What befalls any other request.
        ends_in: The error that ends a stream of which something had arrived; none if only new requests are struck.
        from_item: How many items there are at least before it strikes. What ends in order for HTTP must have begun: a policy
            sees nothing wrong with it, however little there was.
    """

    stream: Callable[[int], Fault] | None
    whole: Callable[[], Fault] | None
    ends_in: tuple[type[Exception], ...] = ()
    from_item: int = 0


def _turned_away() -> Fault:
    return Fault.status(503, retry_after=0.05)


TROUBLES = {
    "killed": Trouble(None, None, (IncompleteReplyError,)),
    "refuses": Trouble(lambda _: Fault.reset("before headers"), lambda: Fault.reset("in headers")),
    "busy": Trouble(lambda _: _turned_away(), _turned_away),
    "falters": Trouble(None, None),
    "stalls": Trouble(lambda items: Fault.stall(after=items), Fault.stall, (APITimeoutError,)),
    "cut": Trouble(
        lambda items: Fault.cut(after=items, clean=False), lambda: Fault.cut(clean=False), (IncompleteReplyError,)
    ),
    "ended early": Trouble(lambda items: Fault.cut(after=items), None, (IncompleteReplyError,), from_item=1),
    "reset": Trouble(lambda items: Fault.reset(after=items), Fault.reset, (IncompleteReplyError,)),
    "runner dies": Trouble(lambda items: Fault.error_item(after=items), None, (ReplyFailedError,), from_item=1),
}
# Fails two requests of three: never three in a row, after which failover would send it none, so that its circuit must open.
FALTERING = "falters"
BREAKING = [name for name, trouble in TROUBLES.items() if trouble.ends_in]
_ACCIDENTS = [*(name for name in BREAKING if TROUBLES[name].stream), "runner dies"]
_LATEST = _SHORTEST - 2  # by then the trouble comes, before any answer is complete


class Server:
    """A server that is ill at times, and keeps book of the streams it writes."""

    def __init__(self, emulator: Emulator, tally: Tally, rng: random.Random) -> None:
        self.url = emulator.url
        self.ill_with = ""
        self._emulator = emulator
        self._tally = tally
        self._rng = rng
        self._answering: set[Answer] = set()
        self._turned_away: deque[str] = deque(maxlen=1000)
        self._steps = itertools.count()
        emulator.faults.add(Fault("as the chaos has it", self._meet))

    def suffer(self, trouble: str) -> None:
        """Fall ill."""
        self._tally.count(f"trouble: {trouble}")
        if trouble == "killed":
            self._wait_for_a_stream()
        self.ill_with = trouble
        if trouble == "killed":
            for answer in list(self._answering):
                answer.troubles.add("killed")
            self._emulator.down()

    def _wait_for_a_stream(self) -> None:
        """So that it dies in the middle of an answer, if anybody asks it for one."""
        until = time.monotonic() + 0.2
        while time.monotonic() < until and not any(answer.written for answer in list(self._answering)):
            time.sleep(0.002)

    def recover(self) -> None:
        """Be well again."""
        self.ill_with = ""
        self._emulator.up()
        self._emulator.requests.clear()

    async def _meet(self, exchange: Exchange) -> None:
        """Answer a request, as well as possible."""
        request = exchange.request
        call, _, luck = request.headers.get("x-call", " 1").partition(" ")
        if luck == "0" and call not in self._turned_away:
            self._turned_away.append(call)
            await Fault.status(429).act(exchange)
        elif call and self.ill_with == FALTERING and next(self._steps) % 3:
            await _turned_away().act(exchange)
        elif not request.wants_stream:
            trouble = TROUBLES.get(self.ill_with)
            await (trouble.whole().act(exchange) if trouble and trouble.whole else exchange.answered())
        else:
            answer = Answer()
            self._answering.add(answer)
            writer = _Writer(exchange, answer, self._tally, self._rng.choice(_MANNERS))
            try:
                await self._stream(evolve(exchange, send=writer.send), answer)
            finally:
                self._answering.discard(answer)

    async def _stream(self, exchange: Exchange, answer: Answer) -> None:
        name, first = self.ill_with, 0
        if not name and self._rng.random() < 0.2:
            # Even who is well may break an answer off: late enough that a burst of items comes together with what ends it.
            name, first = self._rng.choice(_ACCIDENTS), _BURST - 1
        if not name:
            await exchange.answered()
            return
        answer.troubles.add(name)
        trouble = TROUBLES[name]
        items = self._rng.randint(max(first, trouble.from_item), _LATEST)
        await (trouble.stream(items).act(exchange) if trouble.stream else exchange.answered())


_BURST = 4


def _at_once(text: bytes, last: bytes, count: int) -> int:
    """Each item is written when it is there."""
    return len(text)


def _in_bursts(text: bytes, last: bytes, count: int) -> int:
    """The first item is written when it is there, then several as one, and an error or the end with what was held back."""
    return 0 if (count - 1) % _BURST else len(text)


def _torn(text: bytes, last: bytes, count: int) -> int:
    """Each item but the first is written in two parts, the second with the next item."""
    return len(text) - (len(last) // 2 if count > 1 else 0)


_MANNERS = (_at_once, _in_bursts, _in_bursts, _torn)


class _Writer:
    """Writes a stream in some manner, and keeps book of the words that have been written whole."""

    def __init__(
        self, exchange: Exchange, answer: Answer, tally: Tally, manner: Callable[[bytes, bytes, int], int]
    ) -> None:
        self._send = exchange.send
        self._answer = answer
        self._tally = tally
        self._manner = manner
        self._text = b""  # not yet written
        self._items = self._words = 0
        self._word_ends: deque[int] = deque()  # where in the text items with words end

    async def send(self, message: Any) -> None:
        """Take what the server would write."""
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        item = message.get("body", b"")
        self._text += item
        self._items += 1
        if words := _said(item.decode()):
            call, answer, _ = words[0]
            self._tally.written[call][answer] = self._answer
            self._word_ends.append(len(self._text))
        more = message.get("more_body", False)
        length = self._manner(self._text, item, self._items) if more else len(self._text)
        now, self._text = self._text[:length], self._text[length:]
        if now or not more:
            await self._send({**message, "body": now})
        whole = [end for end in self._word_ends if end <= length]
        self._answer.written += len(whole)
        self._word_ends = deque(end - length for end in self._word_ends if end > length)


_REIGN = 0.6
_NOTICE = 0.7


def _make_trouble(servers: list[Server], rng: random.Random, tally: Tally, stop: threading.Event) -> None:
    """Let servers fall ill and recover, all but one, who lives for a while and then is killed.

    Its heir has been well for some time by then, so that whatever the policies had against it is over.
    """
    alive = heir = servers[0]
    servers[1].suffer(FALTERING)
    stop.wait(_REIGN)
    next_change = time.monotonic()
    lesser, deck = [name for name in TROUBLES if name != "killed"], list[str]()
    while not stop.wait(rng.uniform(0.02, 0.1)):
        if time.monotonic() >= next_change and heir is alive:
            heir = rng.choice([server for server in servers if server is not alive])
            heir.recover()
            next_change = time.monotonic() + _NOTICE
        elif time.monotonic() >= next_change:
            alive.suffer("killed")
            alive = heir
            next_change = time.monotonic() + _REIGN
        server = rng.choice([server for server in servers if server not in (alive, heir)])
        if not server.ill_with:
            deck = deck or rng.sample(lesser, len(lesser))
            server.suffer(deck.pop())
        elif rng.random() < 0.4:
            server.recover()
    for server in servers:
        server.recover()


# Load

_PATIENCE = 2.0  # what callers forgot is closed by threads and tasks of its own


def _live_sync(urls: list[str], tally: Tally, seed: str, stop: threading.Event) -> None:
    with Ollama(urls, observer=tally.observe, **POLICIES) as client:
        client.health.start()
        threads = [
            _thread(_work_sync, client, tally, random.Random(f"{seed} {number}"), stop, name="a caller")
            for number in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until = time.monotonic() + _PATIENCE
        while (lost := _lost_places(client)) and time.monotonic() < until:
            time.sleep(0.02)
            gc.collect()
        if lost:
            tally.breaks(f"sync: places are lost: {lost}")
    if client.health.running:
        tally.breaks("sync: the health monitor outlives its client")


def _work_sync(client: Ollama, tally: Tally, rng: random.Random, stop: threading.Event) -> None:
    while not stop.is_set():
        call = Call(tally, rng, tasks=False)
        _reconfigure_perhaps(client, rng)
        try:
            complete = _ask_sync(client, call)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            call.failed(error)
        else:
            call.ended() if complete else call.left()


def _ask_sync(client: Ollama, call: Call) -> bool:
    """Whether the caller stays to the end."""
    reply = call.ask(client)
    if not call.streams:
        call.take_whole(reply)
        return True
    for item in reply:
        if call.take(item):
            if call.way == "leaves":
                return False  # and forgets the stream, which closes it
            if call.way == "collects":
                call.take_whole(reply.collect())
                return True
            call.act(reply)
    return True


async def _live_async(urls: list[str], tally: Tally, seed: str, stop: threading.Event, world: str) -> None:
    tasks = _living_tasks(world)
    async with AsyncOllama(urls, observer=tally.observe, **POLICIES) as client:
        await client.health.start()
        async with anyio.create_task_group() as group:
            for number in range(WORKERS):
                group.start_soon(_work_async, client, tally, random.Random(f"{seed} {number}"), stop)
        until = time.monotonic() + _PATIENCE
        while (lost := _lost_places(client)) and time.monotonic() < until:
            await anyio.sleep(0.02)
            gc.collect()
        if lost:
            tally.breaks(f"{world}: places are lost: {lost}")
    await anyio.lowlevel.checkpoint()
    if client.health.running:
        tally.breaks(f"{world}: the health monitor outlives its client")
    if _living_tasks(world) > tasks:
        tally.breaks(f"{world}: tasks are left behind: {_living_tasks(world)} after {tasks}")


async def _work_async(client: AsyncOllama, tally: Tally, rng: random.Random, stop: threading.Event) -> None:
    while not stop.is_set():
        call = Call(tally, rng, tasks=True)
        _reconfigure_perhaps(client, rng)
        complete = False
        try:
            with anyio.move_on_after(call.cancelled_after):
                complete = await _ask(client, call)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            call.failed(error)
        else:
            call.ended() if complete else call.left()


async def _ask(client: AsyncOllama, call: Call) -> bool:
    """As :func:`_ask_sync`."""
    reply = await call.ask(client)
    if not call.streams:
        call.take_whole(reply)
        return True
    async for item in reply:
        if call.take(item):
            if call.way == "leaves":
                return False
            if call.way == "collects":
                call.take_whole(await reply.collect())
                return True
            call.act(reply)
    return True


def _reconfigure_perhaps(client: Ollama | AsyncOllama, rng: random.Random) -> None:
    if rng.random() < 0.02:
        client.reconfigure(**rng.choice(CHANGES))


def _living_tasks(world: str) -> int:
    return len(asyncio.all_tasks()) if world == "asyncio" else trio.lowlevel.current_statistics().tasks_living


def _lost_places(client: Any) -> str:
    """What is still held although no call is under way."""
    states = client._runtime.transports.stack._states
    busy = [member.busy() for member in states.endpoints.members]
    if not any(busy) and not states.limiter.held and not states.limiter.waiting:
        return ""
    return f"{busy} calls in flight, {states.limiter.held} held, {states.limiter.waiting} waiting"


def _live(world: str, urls: list[str], tally: Tally, seed: str, stop: threading.Event) -> None:
    try:
        if world == "sync":
            _live_sync(urls, tally, seed, stop)
        else:
            anyio.run(_live_async, urls, tally, seed, stop, world, backend=world)
    except Exception as error:  # noqa: BLE001 - a thread has nobody else to tell
        tally.breaks(f"{world}: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _emulator() -> Iterator[Emulator]:
    with Emulator(speed=Speed(time_to_first_token=0.004, tokens_per_second=400)) as server:
        server.models.add(MODEL, capabilities=["completion", "embedding"], embedding_length=_VECTOR)
        server.reply(_counting)
        yield server


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Log nothing of the observer that fails: who keeps the record, as pytest does, keeps the stream of its call with it."""
    logger = logging.getLogger("ollama_sdk")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _witness(tally: Tally) -> Iterator[None]:
    """Break the promise for every exception that would end a thread, timer or task, or vanish, with nobody to tell."""
    hooks = threading.excepthook, sys.unraisablehook
    tell = _Teller(tally)
    threading.excepthook = lambda of: tally.breaks(
        f"{of.thread.name if of.thread else 'a thread'} ended by {of.exc_type.__name__}: {of.exc_value}"
    )
    sys.unraisablehook = lambda of: tally.breaks(
        f"{of.err_msg or 'ignored'} in {of.object!r}: {of.exc_type.__name__}: {of.exc_value}"
    )
    loggers = [logging.getLogger(loop) for loop in ("asyncio", "trio")]  # where they tell of exceptions nobody caught
    for logger in loggers:
        logger.addHandler(tell)
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        for logger in loggers:
            logger.removeHandler(tell)


class _Teller(logging.Handler):
    """Takes what an event loop logs for a broken promise."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.ERROR)
        self._tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        """An exception that nobody caught."""
        self._tally.breaks(f"{record.name}: {record.getMessage()}")


def _thread(work: Callable[..., None], *arguments: Any, name: str) -> threading.Thread:
    """One that keeps no process from ending, should it hang."""
    return threading.Thread(target=work, args=arguments, name=name, daemon=True)


_EVERY = 0.25  # seconds between two looks at what is open


def unleash(
    seconds: float,
    *,
    seed: int,
    worlds: tuple[str, ...] = WORLDS,
    wanted: Sequence[str] = (),
    report: Callable[[Tally], object] | None = None,
    every: float = 60.0,
) -> Tally:
    """Call three servers that fail in turns, and judge every answer.

    Args:
        seconds: How long.
        seed: Decides which calls are made, and which troubles come in which order.
        worlds: Which clients call: ``sync``, ``asyncio``, ``trio``.
        wanted: What has to happen, too, before it ends; on a slow machine that may take up to four times as long.
        report: Called with what has happened so far, now and then.
        every: Seconds between two reports.
    """
    tally, over, calm = Tally(), threading.Event(), threading.Event()
    sockets = _most_sockets(len(worlds))
    with _silence(), _witness(tally), contextlib.ExitStack() as stack:
        servers = [
            Server(stack.enter_context(_emulator()), tally, random.Random(f"{seed} {number}"))
            for number in range(SERVERS)
        ]
        urls = [server.url for server in servers]
        callers = [
            _thread(_live, world, urls, tally, f"{seed} {world}", over, name=f"the {world} world") for world in worlds
        ]
        trouble = _thread(_make_trouble, servers, random.Random(seed), tally, calm, name="the trouble")
        for thread in (*callers, trouble):
            thread.start()
        begun = reported = time.monotonic()
        while (past := time.monotonic() - begun) < seconds or (tally.missing(wanted) and past < 4 * seconds):
            time.sleep(min(seconds - past, _EVERY) if past < seconds else _EVERY)
            tally.look(sockets)
            tally.settle(older_than=1.0)
            if report is not None and time.monotonic() >= reported + every:
                reported = time.monotonic()
                report(tally)
        for event, threads in ((calm, [trouble]), (over, callers)):
            event.set()
            _join(threads, tally)
        _join([thread for thread in threading.enumerate() if thread.name == _HAND], tally)
    tally.settle()
    return tally


def _join(threads: Sequence[threading.Thread], tally: Tally) -> None:
    for thread in threads:
        thread.join(15)
        if thread.is_alive():
            tally.breaks(f"{thread.name} hangs")


def _most_sockets(worlds: int) -> int:
    """How many sockets may be open at once, of which both ends are in this process.

    Each client has a connection to each server for each of its calls, and for a look at its health; some are just being closed.
    """
    connections = worlds * SERVERS * (IN_FLIGHT + 2)
    return len(belongings()) + 2 * connections + 5 * (SERVERS + worlds)


_EVENTS = (
    "RetryScheduled",
    "FailedOver",
    "CircuitOpened",
    "EndpointEjected",
    "EndpointRevived",
    "Waited",
)


def happenings() -> list[str]:
    """What happens in any chaos worth the name.

    Each kind of call is answered, each way to read is taken, each trouble comes; each trouble breaks streams off, of which no
    word is missing; the policies do their work.
    """
    return [
        *(f"{name}: answered" for name in (*PIECES, *STREAMS)),
        *(f"caller {way}: answered" for way in ("reads", "collects", "pauses")),
        "caller leaves: left",
        "caller cancels: cancelled",
        *(f"trouble: {name}" for name in TROUBLES),
        *(f"compared: {name}" for name in BREAKING),
        *(f"event {name} in a call" for name in _EVENTS),
        "event Reconfigured",
    ]


# What is left afterwards


def belongings() -> dict[str, str]:
    """The threads that run and the files and sockets that are open, by what tells them apart."""
    # Not by name: a thread that is kept for later work gets another one with it.
    threads = {f"thread {thread.ident}": thread.name for thread in threading.enumerate()}
    # Trio keeps a thread for later work, ten seconds long, and the runner of its tests makes some.
    found = {key: name for key, name in threads.items() if not name.startswith("Trio thread")}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the directory itself was open while it was listed
            target = str(entry.readlink())
            found[f"file {entry.name} {target}"] = target
    return found


def leftovers(before: dict[str, str], patience: float = 5.0) -> dict[str, str]:
    """What is there now and was not ``before``; what is about to end gets ``patience`` seconds."""
    until = time.monotonic() + patience
    while True:
        gc.collect()
        left = {key: name for key, name in belongings().items() if key not in before and not key.endswith("/fd")}
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)
