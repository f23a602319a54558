"""The servers of the chaos: three emulators that fail in every way, all but one, and record what they write."""

from __future__ import annotations

import contextlib
import itertools
import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, frozen

from ollama_sdk import APITimeoutError, IncompleteReplyError, ReplyFailedError
from ollama_sdk.testing import Emulator, Fault, Interception, Speed
from tests.reliability.chaos_calls import MODEL, SHORTEST, VECTOR, Answer, Tally, answer_to, words_of


@frozen
class Trouble:
    """One way for a server to fail.

    Attributes:
        stream: What happens to a request for a stream after so many items.
        whole: What happens to any other request.
        ends_in: The errors that end a stream of which something had arrived; none if only new requests are affected.
        from_item: The least number of items before it happens. An end that is in order for HTTP needs one: no policy sees anything
            wrong with it, however short the reply is.
    """

    stream: Callable[[int], Fault] | None
    whole: Callable[[], Fault] | None
    ends_in: tuple[type[Exception], ...] = ()
    from_item: int = 0


def _refused() -> Fault:
    return Fault.status(503, retry_after=0.05)


TROUBLES = {
    "killed": Trouble(None, None, (IncompleteReplyError,)),
    "refuses": Trouble(lambda _: Fault.reset("before headers"), lambda: Fault.reset("in headers")),
    "busy": Trouble(lambda _: _refused(), _refused),
    "falters": Trouble(None, None),
    "stalls": Trouble(lambda items: Fault.stall(after=items), Fault.stall, (APITimeoutError,)),
    "cut": Trouble(
        lambda items: Fault.cut(after=items, clean=False), lambda: Fault.cut(clean=False), (IncompleteReplyError,)
    ),
    "ended early": Trouble(lambda items: Fault.cut(after=items), None, (IncompleteReplyError,), from_item=1),
    "reset": Trouble(lambda items: Fault.reset(after=items), Fault.reset, (IncompleteReplyError,)),
    "runner dies": Trouble(lambda items: Fault.error_item(after=items), None, (ReplyFailedError,), from_item=1),
}
INTERRUPTING = [name for name, trouble in TROUBLES.items() if trouble.ends_in]
# Refuses two requests of three: never three in a row, after which failover would eject it, so that its circuit must open.
_FALTERING = "falters"
# What may also interrupt a stream of a healthy server.
_ACCIDENTS = [name for name in INTERRUPTING if name not in {"killed", "stalls"}]
_LATEST = SHORTEST - 2  # the trouble comes after this many items at the latest, before any answer is complete


class Server:
    """An emulator that has troubles, and records the streams that it writes.

    Attributes:
        url: Base URL.
        trouble: The name of its trouble; empty while it is healthy.
        answered: Calls that it has answered since it recovered, by the world of the client.
    """

    def __init__(self, emulator: Emulator, tally: Tally, rng: random.Random) -> None:
        self.url = emulator.url
        self.trouble = ""
        self.answered: Counter[str] = Counter()
        self._emulator = emulator
        self._tally = tally
        self._rng = rng
        self._answering: set[Answer] = set()
        self._refused: deque[str] = deque(maxlen=1000)
        self._steps = itertools.count()
        emulator.faults.add(Fault("chaos", self._handle))

    def suffer(self, trouble: str) -> None:
        """Begin to have a trouble."""
        self._tally.count(f"trouble: {trouble}")
        if trouble == "killed":
            self._wait_for_a_stream()
        self.trouble = trouble
        if trouble == "killed":
            for answer in list(self._answering):
                answer.troubles["killed"] = TROUBLES["killed"].ends_in
            self._tally.down[self.url].append([time.monotonic(), math.inf])
            self._emulator.down()

    def _wait_for_a_stream(self) -> None:
        """Wait a moment for a stream in progress, which the server's death then interrupts."""
        until = time.monotonic() + 0.2
        while time.monotonic() < until and not any(answer.written for answer in list(self._answering)):
            time.sleep(0.002)

    def recover(self) -> None:
        """Be healthy again."""
        self.trouble = ""
        self.answered.clear()
        self._emulator.up()
        if down := self._tally.down[self.url]:
            down[-1][1] = min(down[-1][1], time.monotonic())
        self._emulator.requests.clear()

    async def _handle(self, exchange: Interception) -> None:
        """Answer a request as the trouble allows."""
        request = exchange.request
        call, lucky, hasty, world = request.headers.get("x-call", " 1 0 -").split(" ")
        if lucky == "0" and call not in self._refused:
            self._refused.append(call)
            self._befalls(call, "without luck")
            await Fault.status(429).act(exchange)
            return
        name = self.trouble
        if name == "stalls" and call and hasty == "0":
            name = "busy"  # only hasty calls may stall: the others have no limit short enough
        if call and name == _FALTERING and next(self._steps) % 3:
            self._befalls(call, name)
            await _refused().act(exchange)
        elif not request.wants_stream:
            fault = TROUBLES[name].whole if name else None
            if fault is not None:
                self._befalls(call, name)
            await (exchange.proceed() if fault is None else fault().act(exchange))
        else:
            await self._stream(exchange, name, call, hasty=hasty == "1")
        if call and not name:
            self.answered[world] += 1

    def _befalls(self, call: str, trouble: str) -> None:
        if call:
            self._tally.befalls(int(call), self.url, trouble)

    async def _stream(self, exchange: Interception, name: str, call: str, *, hasty: bool) -> None:
        answer, first = Answer(), 0
        if not name and self._rng.random() < (0.8 if hasty else 0.2):
            # A healthy server may interrupt an answer, too: late enough that a burst of items arrives together with its end.
            name, first = "stalls" if hasty else self._rng.choice(_ACCIDENTS), _BURST - 1
        trouble = TROUBLES.get(name)
        if trouble is not None:
            answer.troubles[name] = trouble.ends_in
            if trouble.stream is not None:
                self._befalls(call, name)
        self._answering.add(answer)
        writer = _Writer(exchange, answer, self._tally, self._rng.choice(_MANNERS))
        exchange = evolve(exchange, send=writer.send)
        try:
            if trouble is None or trouble.stream is None:
                await exchange.proceed()
            else:
                await trouble.stream(self._rng.randint(max(first, trouble.from_item), _LATEST)).act(exchange)
        finally:
            self._answering.discard(answer)
            answer.is_over = True


_BURST = 4


def _at_once(text: bytes, last: bytes, count: int) -> int:
    """Each item is written when it is there."""
    return len(text)


def _in_bursts(text: bytes, last: bytes, count: int) -> int:
    """The first item is written when it is there; then several as one, and an error or the end with those that wait."""
    return 0 if (count - 1) % _BURST else len(text)


def _torn(text: bytes, last: bytes, count: int) -> int:
    """Each item but the first is written in two parts, the second with the next item."""
    return len(text) - (len(last) // 2 if count > 1 else 0)


_MANNERS = (_at_once, _in_bursts, _in_bursts, _torn)


class _Writer:
    """Writes a stream in some manner, and counts the words that have been written whole."""

    def __init__(
        self, exchange: Interception, answer: Answer, tally: Tally, manner: Callable[[bytes, bytes, int], int]
    ) -> None:
        self._send = exchange.send
        self._answer = answer
        self._tally = tally
        self._manner = manner
        self._text = b""  # not yet written
        self._items = 0
        self._word_ends: deque[int] = deque()  # where in the text items with words end

    async def send(self, message: Any) -> None:
        """Take what the server would write."""
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        item = message.get("body", b"")
        self._text += item
        self._items += 1
        if words := words_of(item.decode()):
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


_REIGN = 0.6  # seconds that a server lives at least
_ANSWERS = 3  # of each client, after which none has anything against a server any more


def make_trouble(
    servers: list[Server], worlds: tuple[str, ...], rng: random.Random, tally: Tally, stop: threading.Event
) -> None:
    """Let servers fail and recover until ``stop``, all but one, which lives for a while and then is killed.

    Its heir has answered every client before that, so that its circuits are closed. How long that takes depends on the machine.
    """
    alive = heir = servers[0]
    servers[1].suffer(_FALTERING)
    stop.wait(_REIGN)
    until = time.monotonic()
    lesser, deck = [name for name in TROUBLES if name != "killed"], list[str]()
    while not stop.wait(rng.uniform(0.02, 0.1)):
        if time.monotonic() >= until and heir is alive:
            heir = rng.choice([server for server in servers if server is not alive])
            heir.recover()
            until = time.monotonic() + _REIGN
        elif time.monotonic() >= until and all(heir.answered[world] >= _ANSWERS for world in worlds):
            alive.suffer("killed")
            alive = heir
            until = time.monotonic() + _REIGN
        server = rng.choice([server for server in servers if server not in (alive, heir)])
        if not server.trouble:
            deck = deck or rng.sample(lesser, len(lesser))
            server.suffer(deck.pop())
        elif rng.random() < 0.4:
            server.recover()
    for server in servers:
        server.recover()


@contextlib.contextmanager
def emulator() -> Iterator[Emulator]:
    """An emulator with one model, which answers any prompt."""
    with Emulator(speed=Speed(time_to_first_token=0.004, tokens_per_second=400)) as server:
        server.models.add(MODEL, capabilities=["completion", "embedding"], embedding_length=VECTOR)
        server.reply(answer_to)
        yield server
