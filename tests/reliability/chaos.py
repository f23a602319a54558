"""Chaos on real sockets: three servers that fail in every way while clients call them, and the promises that hold meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import random
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import trio.lowlevel
from attrs import Factory, define, frozen

from ollama_sdk import (
    AsyncOllama,
    CircuitBreaker,
    CircuitOpenError,
    Failover,
    HealthCheck,
    Ollama,
    OllamaError,
    RateLimit,
    Retry,
    Timeout,
)
from ollama_sdk.reliability import Event, RetryBudget
from ollama_sdk.testing import Emulator, Exchange, Fault, Speed

WORLDS = ("sync", "asyncio", "trio")
SERVERS = 3
WORKERS = 6
MODEL = "llama3.2"

# What the README tells a fleet to start from, with its seconds cut down to the pace of the troubles below.
POLICIES: dict[str, Any] = {
    "timeout": Timeout(connect=1, first_item=0.7, between_items=0.5, total=60),
    "retry": Retry(
        attempts=20,
        initial=0.05,
        maximum=0.5,
        errors=(httpx.NetworkError, httpx.RemoteProtocolError, httpx.TimeoutException, CircuitOpenError),
        budget=RetryBudget(tokens=10_000),
    ),
    "failover": Failover("least_busy", eject_after=2, eject_for=0.2, eject_for_maximum=0.4),
    "circuit_breaker": CircuitBreaker(window=10, minimum_calls=5, open_for=0.1, open_for_maximum=0.3),
    "rate_limit": RateLimit(concurrent=WORKERS - 1),
    "health": HealthCheck(interval=0.3, timeout=0.3),
}


# What is asked, and whether the answer is right


def _counting(prompt: Any) -> list[str]:
    """The model's answer: it counts up to the number that the prompt ends with."""
    return [f"{number} " for number in range(int(prompt.text.split()[-1]))]


def _messages(prompt: str) -> list[Any]:
    return [{"role": "user", "content": prompt}]


@frozen
class Kind:
    """One way to ask.

    Attributes:
        ask: Makes the call, of a client and a prompt; async clients give something to await.
        text: The text in the reply, or in one item of the stream.
        exact: Each part of the body is one item of the stream.
    """

    ask: Callable[[Any, str], Any]
    text: Callable[[Any], str | None]
    exact: bool = False


PIECES = {
    "chat": Kind(lambda client, prompt: client.chat(MODEL, _messages(prompt)), lambda r: r.message.content),
    "generate": Kind(lambda client, prompt: client.generate(MODEL, prompt), lambda r: r.response),
    "v1 chat": Kind(
        lambda client, prompt: client.v1.chat.completions.create(MODEL, _messages(prompt)),
        lambda r: r.choices[0].message.content,
    ),
    # As many vectors as the prompt ends with, so that they can be counted like the words of the others.
    "embed": Kind(
        lambda client, prompt: client.embed(MODEL, [prompt] * int(prompt.split()[-1])),
        lambda r: "".join(f"{number} " for number, _ in enumerate(r.embeddings)),
    ),
}
STREAMS = {
    "chat stream": Kind(
        lambda client, prompt: client.chat(MODEL, _messages(prompt), stream=True),
        lambda item: item.message.content,
        exact=True,
    ),
    "generate stream": Kind(
        lambda client, prompt: client.generate(MODEL, prompt, stream=True), lambda item: item.response, exact=True
    ),
    "v1 chat stream": Kind(
        lambda client, prompt: client.v1.chat.completions.create(MODEL, _messages(prompt), stream=True),
        lambda item: item.choices[0].delta.content if item.choices else "",
    ),
}
_LONGEST_CUT = 4
_SHORTEST = _LONGEST_CUT + 2
_numbers = itertools.count()


class Call:
    """One call, from the question to the verdict."""

    def __init__(self, tally: Tally, world: str, rng: random.Random) -> None:
        self.name = rng.choice([*PIECES, *STREAMS])
        self.kind = (PIECES | STREAMS)[self.name]
        self.streams = self.name in STREAMS
        self.length = rng.randint(_SHORTEST, 20)
        self.prompt = f"{next(_numbers)} {world} {self.length}"
        # Some callers lose interest: they leave a stream after so many items, or are cancelled after so many seconds.
        self.leaves_after = rng.randint(1, 5) if self.streams and rng.random() < 0.1 else None
        self.cancelled_after = rng.uniform(0, 0.1) if rng.random() < 0.1 else None
        self.items = 0
        self._text = ""
        self._tally = tally

    def take(self, part: Any) -> bool:
        """The reply, or an item of it; whether the caller wants more."""
        self.items += 1
        self._text += self.kind.text(part) or ""
        return self.items != self.leaves_after

    def left(self) -> None:
        """The caller went away."""
        self._end("left", complete=False)

    def ended(self) -> None:
        """The reply is there."""
        self._end("answered", complete=True)

    def failed(self, error: Exception) -> None:
        """The call raised ``error``."""
        what = type(error).__name__
        if not isinstance(error, OllamaError):
            self._tally.breaks(f"{self.name} raised {what}, which is no error of the package: {error}")
        elif not self.streams:
            self._tally.breaks(f"{self.name} failed although an endpoint was alive: {what}: {error}")
        elif self.kind.exact:
            self._tally.interrupted.append((time.monotonic(), self))
        self._end(what, complete=False)

    def _end(self, how: str, *, complete: bool) -> None:
        self._tally.count(f"{self.name}: {how}")
        numbers = [int(word) for word in self._text.split()]
        if numbers != list(range(len(numbers))):
            self._tally.breaks(f"{self.name} lost or doubled an item: {numbers}")
        if complete and len(numbers) != self.length:
            self._tally.breaks(f"{self.name} was cut off silently: {len(numbers)} of {self.length} items")


@define(eq=False, repr=False)
class Tally:
    """What has happened so far.

    Attributes:
        counts: Calls by kind and outcome, troubles by name, events by class.
        broken: Promises that did not hold.
        interrupted: Streams that ended with an error, and when.
        cut: How many items the server had sent of a stream when it ended it, by prompt.
    """

    counts: Counter[str] = Factory(Counter)
    broken: list[str] = Factory(list)
    interrupted: deque[tuple[float, Call]] = Factory(deque)
    cut: defaultdict[str, list[int]] = Factory(lambda: defaultdict(list))
    _lock: Any = Factory(threading.Lock)

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def breaks(self, promise: str) -> None:
        with self._lock:
            self.broken.append(promise)

    def observe(self, event: Event) -> None:
        """An observer, and one that fails now and then."""
        self.count(f"event {type(event).__name__}")
        if event.call % 10 == 9:
            raise ValueError("a failing observer breaks no call")

    def settle(self, older_than: float = 0.0) -> None:
        """Compare what interrupted streams delivered with what was sent of them."""
        before = time.monotonic() - older_than
        while self.interrupted and self.interrupted[0][0] <= before:
            _, call = self.interrupted.popleft()
            # Of an attempt that was ended before its first item the caller knows nothing.
            sent = [items for items in self.cut.pop(call.prompt, []) if items]
            if len(sent) == 1 and call.items != sent[0]:
                self.breaks(f"{call.name} delivered {call.items} items, and {sent[0]} were sent whole")

    def total(self, *words: str) -> int:
        """How often something happened of which every word is part of the name."""
        with self._lock:
            return sum(count for what, count in self.counts.items() if all(word in what for word in words))

    def line(self) -> str:
        """All of it in one line."""
        answered, left = self.total(": answered"), self.total(": left")
        calls = self.total(": ") - self.total("trouble: ")
        return (
            f"{calls} calls, {answered} answered, {left} left by their callers, {calls - answered - left} streams "
            f"interrupted; {self.total('trouble: ')} troubles, {self.total('event RetryScheduled')} retries, "
            f"{self.total('event FailedOver')} failovers; {len(self.broken)} promises broken"
        )


# Troubles


def _streamed(request: Any) -> bool:
    return request.wants_stream


def _whole(request: Any) -> bool:
    return not request.wants_stream


def _noted(fault: Fault, items: int, tally: Tally) -> Fault:
    """``fault``, which ends a stream after ``items``, and says so."""

    async def act(exchange: Exchange) -> None:
        await fault.act(exchange)
        body = exchange.request.json
        tally.cut[body.get("prompt") or body["messages"][-1]["content"]].append(items)

    return Fault(fault.name, act)


def _kill(server: Emulator, rng: random.Random, tally: Tally) -> None:
    server.down()


def _refuse(server: Emulator, rng: random.Random, tally: Tally) -> None:
    server.faults.add(Fault.refuse())
    server.faults.add(Fault.reset("before headers"))


def _stall(server: Emulator, rng: random.Random, tally: Tally) -> None:
    server.faults.add(Fault.stall(after=rng.choice([None, 1, 3])))


def _busy(server: Emulator, rng: random.Random, tally: Tally) -> None:
    server.faults.add(Fault.status(503, retry_after=rng.choice([None, 0.1])))


def _cut(server: Emulator, rng: random.Random, tally: Tally) -> None:
    items = rng.randint(0, _LONGEST_CUT)
    server.faults.add(_noted(Fault.cut(after=items, clean=rng.random() < 0.5), items, tally), when=_streamed)
    server.faults.add(Fault.cut(clean=False), when=_whole)


def _reset(server: Emulator, rng: random.Random, tally: Tally) -> None:
    server.faults.add(Fault.reset(after=rng.randint(0, _LONGEST_CUT)))


def _die(server: Emulator, rng: random.Random, tally: Tally) -> None:
    items = rng.randint(1, _LONGEST_CUT)
    server.faults.add(_noted(Fault.error_item(after=items), items, tally), when=_streamed)


TROUBLES = {
    "killed": _kill,
    "refusing": _refuse,
    "stalled": _stall,
    "busy": _busy,
    "cut": _cut,
    "reset": _reset,
    "runner dies": _die,
}


def _heal(server: Emulator) -> None:
    server.faults.clear()
    server.up()
    server.requests.clear()


def _make_trouble(servers: list[Emulator], rng: random.Random, tally: Tally, stop: threading.Event) -> None:
    """Let one server after the other fail and recover; at least one is well at any time."""
    ill: list[Emulator] = []
    deck: list[str] = []
    while not stop.wait(rng.uniform(0.03, 0.25)):
        server = rng.choice(servers)
        if server in ill:
            ill.remove(server)
            _heal(server)
            continue
        if len(ill) == len(servers) - 1:
            _heal(ill.pop(rng.randrange(len(ill))))
        ill.append(server)
        deck = deck or rng.sample(list(TROUBLES), len(TROUBLES))
        name = deck.pop()
        tally.count(f"trouble: {name}")
        TROUBLES[name](server, rng, tally)
    for server in ill:
        _heal(server)


# Load


def _live_sync(urls: list[str], tally: Tally, seed: str, stop: threading.Event) -> None:
    with Ollama(urls, observer=tally.observe, **POLICIES) as client:
        client.health.start()
        threads = [
            threading.Thread(target=_work_sync, args=(client, tally, random.Random(f"{seed} {number}"), stop))
            for number in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        gc.collect()
        _check_places(client, tally)


def _work_sync(client: Ollama, tally: Tally, rng: random.Random, stop: threading.Event) -> None:
    while not stop.is_set():
        call = Call(tally, "sync", rng)
        try:
            reply = call.kind.ask(client, call.prompt)
            for part in reply if call.streams else [reply]:
                if not call.take(part):
                    break
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            call.failed(error)
        else:
            call.left() if call.items == call.leaves_after else call.ended()
        reply = part = None  # who left a stream forgets it, which closes it


async def _live_async(urls: list[str], tally: Tally, seed: str, stop: threading.Event, world: str) -> None:
    tasks = _living_tasks(world)
    async with AsyncOllama(urls, observer=tally.observe, **POLICIES) as client:
        await client.health.start()
        async with anyio.create_task_group() as group:
            for number in range(WORKERS):
                group.start_soon(_work_async, client, tally, random.Random(f"{seed} {number}"), stop, world)
        gc.collect()
        await anyio.sleep(0.05)  # what was left to the garbage collector is closed by tasks of its own
        _check_places(client, tally)
    await anyio.lowlevel.checkpoint()
    if _living_tasks(world) > tasks:
        tally.breaks(f"{world}: tasks are left behind: {_living_tasks(world)} after {tasks}")


async def _work_async(client: AsyncOllama, tally: Tally, rng: random.Random, stop: threading.Event, world: str) -> None:
    while not stop.is_set():
        call = Call(tally, world, rng)
        try:
            with anyio.move_on_after(call.cancelled_after) as limit:
                await _ask(client, call)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is judged
            call.failed(error)
        else:
            call.left() if limit.cancelled_caught or call.items == call.leaves_after else call.ended()


async def _ask(client: AsyncOllama, call: Call) -> None:
    reply = await call.kind.ask(client, call.prompt)
    if not call.streams:
        call.take(reply)
        return
    async for part in reply:
        if not call.take(part):
            break


def _living_tasks(world: str) -> int:
    return len(asyncio.all_tasks()) if world == "asyncio" else trio.lowlevel.current_statistics().tasks_living


def _check_places(client: Any, tally: Tally) -> None:
    """No call is under way any more, so nobody may hold anything."""
    states = client._runtime.transports.stack._states
    busy = [member.busy() for member in states.endpoints.members]
    if any(busy) or states.limiter.held or states.limiter.waiting:
        tally.breaks(
            f"places are lost: {busy} calls in flight, {states.limiter.held} held, {states.limiter.waiting} waiting"
        )


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
        server.models.add(MODEL, capabilities=["completion", "embedding"])
        server.reply(_counting)
        yield server


def unleash(
    seconds: float,
    *,
    seed: int,
    worlds: tuple[str, ...] = WORLDS,
    report: Callable[[Tally], object] | None = None,
    every: float = 60.0,
) -> Tally:
    """Call three servers that fail in turns, and judge every answer.

    Args:
        seconds: How long.
        seed: Decides which calls are made, and which troubles come in which order.
        worlds: Which clients call: ``sync``, ``asyncio``, ``trio``.
        report: Called with what has happened so far, now and then.
        every: Seconds between two reports.
    """
    tally, over, calm = Tally(), threading.Event(), threading.Event()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(_emulator()) for _ in range(SERVERS)]
        urls = [server.url for server in servers]
        callers = [
            threading.Thread(target=_live, args=(world, urls, tally, f"{seed} {world}", over)) for world in worlds
        ]
        trouble = threading.Thread(target=_make_trouble, args=(servers, random.Random(seed), tally, calm))
        for thread in (*callers, trouble):
            thread.start()
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(left, every))
            tally.settle(older_than=1.0)
            if report is not None:
                report(tally)
        for event, threads in ((calm, [trouble]), (over, callers)):
            event.set()
            for thread in threads:
                thread.join(60)
                if thread.is_alive():
                    tally.breaks("a caller hangs")
    tally.settle()
    return tally


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
