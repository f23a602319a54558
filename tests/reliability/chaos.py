"""Chaos on real sockets: clients call three servers that fail in every way, and the promises are checked that hold meanwhile.

The promises:

- A call in one piece is answered, and correctly, unless in each of its attempts each server had a trouble for it, was down, or had
  its circuit open. One server lives at any moment, so that this is rare.
- So is a stream that is interrupted before its first item. A stream that is interrupted later ends with an error, never silently,
  only if there was a trouble, and only with the error that this trouble ends in.
- A stream delivers items of one answer to this very call, in order, none twice; if it is interrupted, all that the server wrote.
- A paused stream delivers nothing; a stream that is left or cancelled ends, at the server, too.
- Connections stay few. When the callers have gone, no permit is held, no call is in flight, and nothing is left behind.
- No thread, timer or task ends by an exception, and no exception is lost.

No verdict depends on the speed of the machine: limits are far longer than any pause, but for a few hasty calls, whose timeouts are
excused; a call that failed is judged by what its client did and what the servers did to it, not by when; a server is killed
only after its heir has answered; and a run goes on until everything has happened that it shall show. The calls are in :mod:`chaos_calls`, the servers in :mod:`chaos_servers`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import trio.lowlevel
from attrs import evolve

from ollama_sdk import AsyncOllama, CircuitBreaker, CircuitOpenError, Failover, HealthCheck, Ollama, RateLimit, Retry
from tests.reliability.chaos_calls import ATTEMPTS, HAND, PATIENT, PIECES, SERVERS, STREAMS, Call, Tally
from tests.reliability.chaos_servers import INTERRUPTING, TROUBLES, Server, emulator, make_trouble

WORLDS = ("sync", "asyncio", "trio")
WORKERS = 11
IN_FLIGHT = WORKERS - 1  # so that one of them waits

# What the README recommends to start from for a fleet, with the seconds of the policies cut down to the pace of the troubles.
POLICIES: dict[str, Any] = {
    "timeout": PATIENT,
    "failover": Failover("least_busy", eject_for=0.05, eject_for_maximum=0.2),
    "retry": Retry(
        attempts=ATTEMPTS,
        initial=0.05,
        maximum=0.5,
        errors=(httpx.NetworkError, httpx.RemoteProtocolError, httpx.TimeoutException, CircuitOpenError),
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

# Seconds that anything may take that ends in any case: only what hangs takes longer.
PATIENCE = 120.0


# Load


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
        until = time.monotonic() + PATIENCE
        while (lost := _lost_permits(client)) and time.monotonic() < until:
            time.sleep(0.02)
            gc.collect()
        if lost:
            tally.breaks(f"sync: permits are lost: {lost}")
    if client.health.running:
        tally.breaks("sync: the health monitor outlives its client")


def _work_sync(client: Ollama, tally: Tally, rng: random.Random, stop: threading.Event) -> None:
    while not stop.is_set():
        call = Call(tally, rng, "sync")
        _reconfigure_perhaps(client, rng)
        try:
            complete = _ask_sync(client, call)
        except Exception as error:  # noqa: BLE001 - every error gets a outcome
            call.failed(error)
        else:
            call.ended() if complete else call.left()


def _ask_sync(client: Ollama, call: Call) -> bool:
    """Make the call. Returns whether the caller stayed to the end."""
    reply = call.ask(client)
    if not call.is_stream:
        call.take_whole(reply)
        return True
    for item in reply:
        if call.take(item):
            if call.way == "leaves":
                return False  # and drops the stream, which closes it
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
                group.start_soon(_work_async, client, tally, random.Random(f"{seed} {number}"), stop, world)
        until = time.monotonic() + PATIENCE
        while (lost := _lost_permits(client)) and time.monotonic() < until:
            await anyio.sleep(0.02)
            gc.collect()
        if lost:
            tally.breaks(f"{world}: permits are lost: {lost}")
    await anyio.lowlevel.checkpoint()
    if client.health.running:
        tally.breaks(f"{world}: the health monitor outlives its client")
    if _living_tasks(world) > tasks:
        tally.breaks(f"{world}: tasks are left behind: {_living_tasks(world)} after {tasks}")


async def _work_async(client: AsyncOllama, tally: Tally, rng: random.Random, stop: threading.Event, world: str) -> None:
    while not stop.is_set():
        call = Call(tally, rng, world)
        _reconfigure_perhaps(client, rng)
        complete = False
        try:
            with anyio.move_on_after(call.cancelled_after):
                complete = await _ask(client, call)
        except Exception as error:  # noqa: BLE001 - every error gets a outcome
            call.failed(error)
        else:
            call.ended() if complete else call.left()


async def _ask(client: AsyncOllama, call: Call) -> bool:
    """As :func:`_ask_sync`."""
    reply = await call.ask(client)
    if not call.is_stream:
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


def _lost_permits(client: Any) -> str:
    """What is still held although no call is in flight."""
    states = client._runtime.transports.stack._states
    busy = [member.busy() for member in states.endpoints.members]
    queue = states.limiter.queue
    if not any(busy) and not queue.held and not queue.waiting:
        return ""
    return f"{busy} calls in flight, {len(queue.held)} held, {len(queue.waiting)} waiting"


def _live(world: str, urls: list[str], tally: Tally, seed: str, stop: threading.Event) -> None:
    try:
        if world == "sync":
            _live_sync(urls, tally, seed, stop)
        else:
            anyio.run(_live_async, urls, tally, seed, stop, world, backend=world)
    except Exception as error:  # noqa: BLE001 - a thread has no caller that could catch it
        tally.breaks(f"{world}: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Log nothing about the failing observer: a log record that is kept, as by pytest, keeps the stream of its call alive."""
    logger = logging.getLogger("ollama_sdk")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def _witness(tally: Tally) -> Iterator[None]:
    """Note a broken promise for every exception that ends a thread, timer or task, or is lost."""
    hooks = threading.excepthook, sys.unraisablehook
    handler = _LogHandler(tally)
    threading.excepthook = lambda of: tally.breaks(
        f"{of.thread.name if of.thread else 'a thread'} ended by {of.exc_type.__name__}: {of.exc_value}"
    )
    sys.unraisablehook = lambda of: tally.breaks(
        f"{of.err_msg or 'ignored'} in {of.object!r}: {of.exc_type.__name__}: {of.exc_value}"
    )
    loggers = [
        logging.getLogger(loop) for loop in ("asyncio", "trio")
    ]  # where they log exceptions that were not caught
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        for logger in loggers:
            logger.removeHandler(handler)


class _LogHandler(logging.Handler):
    """Notes a broken promise for each error that an event loop logs."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(logging.ERROR)
        self._tally = tally

    def emit(self, record: logging.LogRecord) -> None:
        """Note an exception that was not caught."""
        self._tally.breaks(f"{record.name}: {record.getMessage()}")


def _thread(work: Callable[..., None], *arguments: Any, name: str) -> threading.Thread:
    """A daemon, which does not keep the process alive if it hangs."""
    return threading.Thread(target=work, args=arguments, name=name, daemon=True)


_EVERY = 0.25  # seconds between two checks


def unleash(
    seconds: float,
    *,
    seed: int,
    worlds: tuple[str, ...] = WORLDS,
    wanted: Sequence[str] = (),
    report: Callable[[Tally], object] | None = None,
    every: float = 60.0,
) -> Tally:
    """Call three servers that fail in turns, and give a outcome on every answer.

    Args:
        seconds: How long.
        seed: Decides which calls are made, and which troubles come in which order.
        worlds: Which clients call: ``sync``, ``asyncio``, ``trio``.
        wanted: What has to happen as well before it ends; a slow machine needs longer for it.
        report: Called with what has happened so far, now and then.
        every: Seconds between two reports.
    """
    tally, over, calm = Tally(), threading.Event(), threading.Event()
    most_sockets = _most_sockets(len(worlds))
    with _silence(), _witness(tally), contextlib.ExitStack() as stack:
        servers = [
            Server(stack.enter_context(emulator()), tally, random.Random(f"{seed} {number}"))
            for number in range(SERVERS)
        ]
        urls = [server.url for server in servers]
        callers = [
            _thread(_live, world, urls, tally, f"{seed} {world}", over, name=f"the {world} world") for world in worlds
        ]
        trouble = _thread(make_trouble, servers, worlds, random.Random(seed), tally, calm, name="the trouble")
        for thread in (*callers, trouble):
            thread.start()
        begun = reported = time.monotonic()
        while (past := time.monotonic() - begun) < seconds or (tally.missing(wanted) and past < seconds + PATIENCE):
            time.sleep(min(seconds - past, _EVERY) if past < seconds else _EVERY)
            _count_sockets(tally, most_sockets)
            tally.settle(PATIENCE)
            if report is not None and time.monotonic() >= reported + every:
                reported = time.monotonic()
                report(tally)
        for event, threads in ((calm, [trouble]), (over, callers)):
            event.set()
            _join(threads, tally)
        _join([thread for thread in threading.enumerate() if thread.name == HAND], tally)
        until = time.monotonic() + PATIENCE
        while tally.ended and time.monotonic() < until:
            tally.settle(PATIENCE)
            time.sleep(0.01)
    tally.settle(0)
    tally.judge_excuses()
    return tally


def _count_sockets(tally: Tally, most: int) -> None:
    sockets = sum(target.startswith("socket:") for target in belongings().values())
    tally.sockets = max(tally.sockets, sockets)
    if sockets > most:
        tally.breaks(f"{sockets} sockets are open at once, more than {most}")


def _join(threads: Sequence[threading.Thread], tally: Tally) -> None:
    for thread in threads:
        thread.join(PATIENCE)
        if thread.is_alive():
            tally.breaks(f"{thread.name} hangs")


def _most_sockets(worlds: int) -> int:
    """How many sockets may be open at once; both ends of a connection are in this process.

    Each client has a connection to each server for each of its calls, and for a health check; some are just being closed.
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
    """What a run has to show.

    Each kind of call is answered, each way to read is used, each trouble comes and interrupts streams, and each policy acts.
    """
    return [
        *(f"{name}: answered" for name in (*PIECES, *STREAMS)),
        *(f"caller {way}: answered" for way in ("reads", "collects", "pauses")),
        "caller leaves: left",
        "caller cancels: cancelled",
        *(f"trouble: {name}" for name in TROUBLES),
        *(f"compared: {name}" for name in INTERRUPTING),
        *(f"event {name} in a call" for name in _EVENTS),
        "event Reconfigured",
    ]


# What is left afterwards


def belongings() -> dict[str, str]:
    """The threads that run and the files and sockets that are open, by an identifier of each."""
    # Not by name: a thread that is kept for later work gets another one with it.
    threads = {f"thread {thread.ident}": thread.name for thread in threading.enumerate()}
    # Trio keeps a thread for later work, ten seconds long, and the runner of its tests makes some.
    found = {key: name for key, name in threads.items() if not name.startswith("Trio thread")}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the directory itself was open while it was listed
            target = str(entry.readlink())
            if target == "/dev/null":  # libuv keeps it open, to be able to accept when a process has no descriptor left
                continue
            found[f"file {entry.name} {target}"] = target
    return found


def leftovers(before: dict[str, str], patience: float = PATIENCE) -> dict[str, str]:
    """What is there now and was not ``before``; it has ``patience`` seconds to end."""
    until = time.monotonic() + patience
    while True:
        gc.collect()
        left = {key: name for key, name in belongings().items() if key not in before and not key.endswith("/fd")}
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)
