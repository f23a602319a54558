"""Interrupts calls by real signals at random moments, and checks that nothing is lost: ``python -m tests.reliability.signalled_calls``.

A timer of the system sends SIGALRM, whose handler raises, at whichever byte code the main thread is: in a call, in a finalizer or
in between. After some hundred of them nothing may be held, no lock either, and calls must succeed, in this thread and another.

What the calls import they import before that. A signal may end Python's own import machinery between taking the one lock of all
imports and the ``try`` that gives it back; then every other thread hangs at its next import, with or without this package.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Self

from attrs import define, field

from ollama_sdk import Cache, CircuitBreaker, Failover, Ollama, OllamaError, RateLimit, Retry
from tests.support.held import held_by
from tests.support.loopback import END, PATIENCE, chunk, chunked, whole

POLICIES: dict[str, dict[str, Any]] = {
    "no policy": {},
    "rate limit": {"rate_limit": RateLimit(concurrent=1, per_second=100_000)},
    "cache": {"cache": Cache(max_entries=2, streams=True)},
    "retry": {"retry": Retry()},
    "failover": {"failover": Failover("least_busy")},
    "circuit breaker": {"circuit_breaker": CircuitBreaker(window=20, minimum_calls=20)},
}
POLICIES["all"] = {name: policy for policies in POLICIES.values() for name, policy in policies.items()}
_MEAN = 0.0004  # seconds until a signal, so that each comes at any moment of a call: they take about as long
_CALLS_A_SIGNAL = 20  # at most, should the signal be lost
_LOOK_AFTER = 250  # signals
_REPORT_AFTER = 10_000
_MOST_IN_A_ROW = 200  # interrupted calls without one that ends, before a call is made in peace


class SignalledError(BaseException):
    """As KeyboardInterrupt, but no test runner takes it for its own."""


@define
class Signalled:
    """What a run showed.

    Attributes:
        signals: How many signals interrupted something.
        whole: How many calls ended.
        ignored: How many were raised in finalizers, where Python ignores exceptions.
        broken: What went wrong.
    """

    signals: int = 0
    whole: int = 0
    ignored: int = 0
    broken: list[str] = field(factory=list[str])


_ITEM = b'{"model":"m","response":"a","done":%s}\n'
_WHOLE = whole(_ITEM % b"true")
_FIRST = chunked("application/x-ndjson", _ITEM % b"false")
_LAST = chunk(_ITEM % b"true") + END


def _serve(listener: socket.socket) -> None:
    """Serve for ever, in one thread, which waits for no single connection: most break off in the middle of something."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.data is None:
                    sock, _ = listener.accept()
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or the end of a stream waits 40 ms
                    selector.register(sock, selectors.EVENT_READ, (sock, bytearray()))
                elif not _serve_once(*key.data):
                    selector.unregister(key.fileobj)
                    key.data[0].close()


def _serve_once(sock: socket.socket, unread: bytearray) -> bool:
    """Take what a connection has received, and answer a request that has come whole; whether the connection lasts."""
    with suppress(ConnectionError):
        received = sock.recv(65536)
        unread += received
        head, end, body = unread.partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]):
            unread.clear()
            for piece in (_FIRST, _LAST) if b'"stream":true' in body else (_WHOLE,):
                sock.send(piece)
        return bool(received)
    return False


@contextmanager
def _server_process() -> Iterator[str]:
    """A server in a process of its own, which takes no time of this one's; its URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        pid = os.fork()
        if not pid:
            try:
                _serve(listener)
            finally:
                os._exit(1)
        port = listener.getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _call(client: Ollama, number: int) -> None:
    options: dict[str, Any] = {"seed": 1, "temperature": 0}  # so that the cache takes part
    prompt = str(number % 5)
    if number % 2:
        assert client.generate("m", prompt, options=options).response == "a"
    elif number % 4:
        with client.generate("m", prompt, options=options, stream=True) as items:
            assert [item.response for item in items] == ["a", "a"]
    else:
        assert client.generate("m", prompt, options=options, stream=True).collect().response == "aa"


class _Alarm:
    """Raises in the main thread at a random moment, once for each time that it is set."""

    def __init__(self, seen: Signalled) -> None:
        self.seen = seen
        self.armed = False

    def __enter__(self) -> Self:
        self._former = signal.signal(signal.SIGALRM, self._ring)
        self._hook, sys.unraisablehook = sys.unraisablehook, self._ignored
        return self

    def __exit__(self, *_: object) -> None:
        self.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._former)
        sys.unraisablehook = self._hook

    def set(self) -> None:
        self.armed = True
        signal.setitimer(signal.ITIMER_REAL, random.expovariate(1 / _MEAN) + 1e-5)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self.armed:
            self.armed = False
            self.seen.signals += 1
            raise SignalledError

    def _ignored(self, what: Any) -> None:
        if issubclass(what.exc_type, SignalledError):
            self.seen.ignored += 1
            self.armed = True
            signal.setitimer(signal.ITIMER_REAL, _MEAN)
        else:
            self.seen.broken.append(f"ignored in {what.object!r}: {what.exc_value!r}")


def _interrupted_calls(client: Ollama, alarm: _Alarm, numbers: Iterator[int], until: int) -> None:
    seen, in_a_row = alarm.seen, 0
    while seen.signals < until and in_a_row < _MOST_IN_A_ROW:
        try:
            try:
                alarm.set()
                for _ in range(_CALLS_A_SIGNAL):
                    _call(client, next(numbers))
                    seen.whole += 1
                    in_a_row = 0
            finally:
                alarm.armed = False
        except SignalledError:
            in_a_row += 1
        except (OllamaError, AssertionError) as error:
            seen.broken.append(f"after {seen.signals} signals: {error!r}, from {error.__cause__!r}")
            return


def _calls_elsewhere(client: Ollama, numbers: Iterator[int]) -> str:
    """What is wrong with calls in another thread, which a lock that is still held would keep out."""
    wrong = ["it hangs"]

    def calls() -> None:
        try:
            for _ in range(4):
                _call(client, next(numbers))
        except Exception as error:  # noqa: BLE001 - for the report
            wrong[:] = [repr(error)]
        else:
            wrong.clear()

    thread = threading.Thread(target=calls, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        wrong += traceback.format_stack(sys._current_frames().get(thread.ident or 0))
    return "\n".join(wrong)


def signal_calls(
    policies: dict[str, Any], *, wanted: int, report: Callable[[Signalled], object] = lambda _: None
) -> Signalled:
    """Interrupt calls under ``policies`` by ``wanted`` signals.

    Args:
        policies: As the client takes them.
        wanted: How many signals.
        report: Called with what has happened so far, each time that all was in order.
    """
    seen, numbers = Signalled(), itertools.count()
    with _server_process() as one, _server_process() as other:
        hosts = [one, other] if "failover" in policies else [one]
        with Ollama(hosts, timeout=PATIENCE, **policies) as client, _Alarm(seen) as alarm:
            for number in range(4):
                _call(client, number)
            while seen.signals < wanted and not seen.broken:
                _interrupted_calls(client, alarm, numbers, min(seen.signals + _LOOK_AFTER, wanted))
                signal.setitimer(signal.ITIMER_REAL, 0)
                if wrong := _calls_elsewhere(client, numbers):
                    seen.broken.append(f"after {seen.signals} signals, in another thread: {wrong}")
                if left := held_by(client):
                    seen.broken.append(f"after {seen.signals} signals: {left}")
                cache = client.cache if "cache" in policies else None
                if cache is not None and cache.statistics().entries > policies["cache"].max_entries:
                    seen.broken.append(f"after {seen.signals} signals: {cache.statistics()}")
                report(seen)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description="Interrupt calls by signals, and look for what is lost.")
    parser.add_argument("signals", type=int, nargs="?", default=200_000, help="for each policy (default: 200000)")
    parser.add_argument("policies", nargs="*", help=f"of {', '.join(POLICIES)}; all of these by default")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    asked = parser.parse_args()
    print(f"Python {sys.version.split()[0]}, {asked.signals} signals each, --seed {asked.seed}", flush=True)
    random.seed(asked.seed)
    failed = False
    for name in asked.policies or POLICIES:
        begun = time.monotonic()

        def report(seen: Signalled, name: str = name, begun: float = begun) -> None:
            if seen.signals % _REPORT_AFTER < _LOOK_AFTER:
                print(f"  {name}: {seen.signals} after {time.monotonic() - begun:.0f} s", flush=True)

        seen = signal_calls(POLICIES[name], wanted=asked.signals, report=report)
        failed = failed or bool(seen.broken)
        print(
            f"{name}: {seen.signals} signals ({seen.ignored} in finalizers), {seen.whole} whole calls, "
            f"{time.monotonic() - begun:.0f} s: {'broken' if seen.broken else 'nothing lost'}",
            *seen.broken,
            sep="\n  ",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
