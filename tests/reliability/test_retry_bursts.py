"""More calls at once than a server queues: what retries carry, and what a server that is down gets, in turned time."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio.to_thread
import pytest

from ollama_sdk._transport.aio import AsyncHTTPTransport
from ollama_sdk._transport.sync import HTTPTransport
from ollama_sdk.errors import ServiceUnavailableError
from ollama_sdk.reliability import Retry
from ollama_sdk.reliability._driver import AsyncPolicyTransport, PolicyTransport
from ollama_sdk.reliability.retry import Retrier
from tests.support import worlds
from tests.support.loopback import PATIENCE, Connection, Loopback, whole

BURST = 7
GOOD = whole(b'{"version": "1"}')
BUSY = whole(b'{"error": "server busy, please try again.  maximum pending requests exceeded"}', 503)


class TurnedClock:
    """Stands still while one of the callers runs, then jumps to the next moment at which one goes on.

    A caller runs, or sleeps on this clock, or is in the server. Each moment on the clock lets one caller go on.

    Args:
        callers: How many there are; each must say when it :meth:`ended`.
    """

    def __init__(self, callers: int) -> None:
        self._lock = threading.RLock()
        self._running = callers
        self._now = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        woken = threading.Event()
        with self._lock:
            self.later(seconds, woken.set)
            self.ended()
        assert woken.wait(PATIENCE)

    async def asleep(self, seconds: float) -> None:
        await anyio.to_thread.run_sync(self.sleep, seconds)

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do this in so many seconds, after which one caller more runs."""
        with self._lock:
            heapq.heappush(self._due, (self._now + seconds, next(self._order), action))

    def ended(self) -> None:
        """A caller runs no more."""
        with self._lock:
            self._running -= 1
            if not self._running and self._due:
                self._now, _, action = heapq.heappop(self._due)
                self._running += 1
                action()


class ShortQueue:
    """Answers one request after the other, lets two wait, and refuses the rest at once, as Ollama does.

    Args:
        clock: Turned by what the callers do.
        seconds: What one answer takes.
    """

    def __init__(self, clock: TurnedClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._inside: deque[threading.Event] = deque()

    def __call__(self, connection: Connection) -> None:
        while True:
            connection.request()
            connection.send(GOOD if self._serve() else BUSY)

    def _serve(self) -> bool:
        done = threading.Event()
        with self._lock:
            if len(self._inside) == 3:
                return False
            self._inside.append(done)
            if len(self._inside) == 1:
                self._clock.later(self._seconds, self._finish)
        self._clock.ended()
        return done.wait(PATIENCE)

    def _finish(self) -> None:
        with self._lock:
            self._inside.popleft().set()
            if self._inside:
                self._clock.later(self._seconds, self._finish)


def refuse(connection: Connection) -> None:
    while True:
        connection.answer(BUSY)


def retrying(kind: str, policy: Retry, clock: Any) -> Any:
    retrier = Retrier(policy, clock=clock, draw=lambda low, high: (low + high) / 2)
    if kind == "sync":
        return PolicyTransport(HTTPTransport(), retrier)
    return AsyncPolicyTransport(AsyncHTTPTransport(), retrier)


def burst(client: Any, clock: TurnedClock) -> list[Any]:
    """What the calls return or raise."""

    def call(_: int) -> Any:
        try:
            return client.version()
        except ServiceUnavailableError as error:
            return error
        finally:
            clock.ended()

    with ThreadPoolExecutor(BURST) as threads:
        return list(threads.map(call, range(BURST), timeout=PATIENCE))


@pytest.mark.parametrize("kind", worlds.KINDS)
@pytest.mark.parametrize("seconds", [1, 2])
def test_eight_attempts_carry_a_burst_over_a_short_queue(kind: str, seconds: float) -> None:
    clock = TurnedClock(BURST)
    transport = retrying(kind, Retry(attempts=8), clock)
    with (
        Loopback(ShortQueue(clock, seconds)) as server,
        worlds.world(kind) as world,
        world.client(server.url, transport=transport, timeout=None) as client,
    ):
        assert [getattr(reply, "version", reply) for reply in burst(client, clock)] == ["1"] * BURST
        assert clock.monotonic() < 12.8 + seconds  # the waits of one call, and its answer


@pytest.mark.parametrize("kind", worlds.KINDS)
def test_server_that_refuses_a_whole_burst_is_then_left_alone(kind: str) -> None:
    transport = retrying(kind, Retry(attempts=8), clock := TurnedClock(BURST))
    with (
        Loopback(refuse) as server,
        worlds.world(kind) as world,
        world.client(server.url, transport=transport, timeout=None) as client,
    ):
        assert all(isinstance(outcome, ServiceUnavailableError) for outcome in burst(client, clock))
        retried = len(server.requests)
        assert 2 * BURST < retried <= 8 * BURST
        for _ in range(20):
            with pytest.raises(ServiceUnavailableError):
                client.version()
        assert len(server.requests) == retried + 20
