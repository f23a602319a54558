"""Looks at the endpoints: which answer, how fast, and which models they have and hold loaded."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import weakref
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.lowlevel
import httpx
from attrs import field, frozen

from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._timeout import Deadlines, Timeout
from ollama_sdk.errors import ConfigurationError

from . import _checks
from ._outcome import described
from ._replies import asettle, settle
from .failover import Endpoint, full_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["AsyncHealth", "EndpointHealth", "Health", "HealthCheck"]

_log = logging.getLogger("ollama_sdk")
_FAILED = "a health check failed; the monitor goes on"


@frozen
class HealthCheck:
    """How endpoints are looked at.

    A check asks each endpoint three small questions. It shows that a server answers, not that a model runs: a stalled GPU
    behind a lively server is the circuit breaker's to find. For one local Ollama call ``client.health.check()`` when in doubt;
    for a fleet run the monitor with the default interval.

    Attributes:
        interval: Seconds from one look of the monitor to the next; a new one holds from the next look on.
        timeout: Seconds that one endpoint may take for all questions together; what has not come by then is no answer.
        version_path: Where the version is asked for.
        models_path: Where the list of models is asked for.
        running_path: Where the list of loaded models is asked for.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    interval: float = field(default=10.0, validator=_checks.positive)
    timeout: float = field(default=5.0, validator=_checks.positive)
    version_path: str = field(default="/api/version", validator=_checks.path)
    models_path: str = field(default="/api/tags", validator=_checks.path)
    running_path: str = field(default="/api/ps", validator=_checks.path)


@frozen
class EndpointHealth:
    """What a look at one endpoint has shown.

    Attributes:
        endpoint: Base URL.
        checked_at: When, in seconds on the monotonic clock.
        reachable: Whether it told its version.
        version: The server's version; ``None`` when it did not tell.
        latency: Seconds until the version was there; ``None`` when it did not come.
        models: Names of the models it has; ``None`` when it did not tell.
        running: Names of the models it holds loaded; ``None`` when it did not tell.
        model_available: Whether it has the model that was asked about; ``None`` when none was or it did not tell.
        model_loaded: Whether it holds that model loaded; ``None`` likewise.
        error: What went wrong first; ``None`` when nothing did.
    """

    endpoint: str
    checked_at: float
    reachable: bool = False
    version: str | None = None
    latency: float | None = None
    models: frozenset[str] | None = None
    running: frozenset[str] | None = None
    model_available: bool | None = None
    model_loaded: bool | None = None
    error: str | None = None


class _Look:
    """The questions to one endpoint and what came of them; it does no I/O, and no answer makes it fail."""

    def __init__(self, endpoint: Endpoint, config: HealthCheck, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._started = self._asked_at = clock.monotonic()
        limits = Timeout(connect=None, first_item=None, between_items=None, total=config.timeout)
        self._deadlines = Deadlines(limits, clock)
        self._questions = [
            (config.running_path, self._note_running),
            (config.models_path, self._note_models),
            (config.version_path, self._note_version),
        ]
        self._note = self._note_version
        self._seen: dict[str, Any] = {}

    def next_request(self) -> httpx.Request | None:
        """What to ask next; ``None`` when all is said."""
        self._asked_at = self._clock.monotonic()
        if not self._questions or "error" in self._seen:
            return None
        path, self._note = self._questions.pop()
        return httpx.Request(
            "GET",
            self._endpoint.url + path,
            headers=[(b"Accept", b"application/json"), *self._endpoint.own_headers()],
            extensions={
                "timeout": self._deadlines.extension(),
                "deadline": self._deadlines.total_at,
                "deadlines": self._deadlines,
                "stream": False,
            },
        )

    def left(self) -> float:
        """Seconds until the time is up."""
        return self._deadlines.left()

    def answered(self, response: httpx.Response) -> None:
        """The answer to the latest question, whole."""
        path = response.request.url.path
        if not response.is_success:
            self._seen["error"] = f"{path}: {described(response)}"
            return
        try:
            self._note(json.loads(response.read()))
        except Exception as error:  # noqa: BLE001 - too deep, too large a number, no text: there is no end of them
            self._seen["error"] = f"{path}: not the answer of an Ollama server: {described(error)}"

    def failed(self, error: Exception) -> None:
        """The latest question brought no answer."""
        if self.left() > 0:
            self._seen["error"] = described(error)
        else:
            self.note_timeout()

    def note_timeout(self) -> None:
        """The time is up."""
        self._seen.setdefault("error", "no answer in time")

    def result(self, model: str | None) -> EndpointHealth:
        """What was seen, also of ``model``."""
        seen = self._seen.copy()  # a thread that is late may still add to it
        return EndpointHealth(
            self._endpoint.url,
            self._started,
            model_available=_is_among(model, seen.get("models")),
            model_loaded=_is_among(model, seen.get("running")),
            **seen,
        )

    def _note_version(self, answer: Any) -> None:
        self._seen.update(
            version=str(answer["version"]), latency=self._clock.monotonic() - self._asked_at, reachable=True
        )

    def _note_models(self, answer: Any) -> None:
        self._seen["models"] = _names(answer)

    def _note_running(self, answer: Any) -> None:
        self._seen["running"] = _names(answer)


def _names(answer: Any) -> frozenset[str]:
    models: list[dict[str, Any]] = answer["models"] or []
    names = [model["name"] for model in models]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a model's name is no text")
    return frozenset(names)


def _is_among(model: str | None, names: frozenset[str] | None) -> bool | None:
    if model is None or names is None:
        return None
    return full_name(model) in map(full_name, names)


class Health:
    """Looks at endpoints when asked, and with a monitor thread between :meth:`start` and :meth:`stop`.

    It asks over ``wire`` directly, past every policy.
    """

    def __init__(
        self,
        wire: httpx.BaseTransport,
        endpoints: Iterable[Endpoint],
        config: HealthCheck | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        feed: Callable[[EndpointHealth], object] | None = None,
        closed: bool = False,
    ) -> None:
        self.config = config or HealthCheck()
        self._wire = wire
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._feed = feed
        self._closed = closed
        self._lock = threading.Lock()
        self._monitor: tuple[threading.Thread, Callable[[], object]] | None = None

    def reconfigure(self, config: HealthCheck | None) -> None:
        """Go on under ``config``, by default the default one, from the next look on."""
        self.config = config or HealthCheck()

    def check(self, model: str | None = None) -> tuple[EndpointHealth, ...]:
        """Look at every endpoint now, at all of them at once.

        Args:
            model: Also say whether each has this model, and holds it loaded.

        Returns:
            One look per endpoint, in their order; an endpoint that cannot be reached is one with ``reachable=False``.
        """
        looks = [_Look(endpoint, self.config, self._clock) for endpoint in self._endpoints]
        # Threads, because a name server cannot be told to hurry; daemons, because nobody shall wait for it.
        threads = [
            threading.Thread(target=self._ask, args=(look,), name="ollama-sdk-health-look", daemon=True)
            for look in looks
        ]
        for thread in threads:
            thread.start()
        for look, thread in zip(looks, threads, strict=True):
            thread.join(max(0.0, look.left()))
            if thread.is_alive():
                look.note_timeout()
        seen = [look.result(model) for look in looks]
        _pass_on(seen, self._feed)
        return tuple(seen)

    @property
    def running(self) -> bool:
        """Whether the monitor runs."""
        return self._monitor is not None and self._monitor[0].is_alive()

    def start(self) -> None:
        """Look at the endpoints now and then every ``interval`` seconds, in a daemon thread; once is enough.

        Raises:
            ConfigurationError: The client has been closed, and nothing would end the monitor.
        """
        with self._lock:
            if self._closed:
                raise _too_late()
            if self.running:
                return
            stop = threading.Event()
            thread = threading.Thread(
                target=_monitor, args=(weakref.ref(self), stop), name="ollama-sdk-health", daemon=True
            )
            thread.start()
            # The thread knows this object weakly: who forgets a client also ends its monitor.
            self._monitor = thread, weakref.finalize(self, stop.set)

    def stop(self) -> None:
        """End the monitor and wait until it has ended, for the ``timeout`` of one look at most."""
        with self._lock:
            monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        thread, end = monitor
        end()
        if thread is not threading.current_thread():
            thread.join()

    def close(self) -> None:
        """End the monitor for good: it cannot be started again."""
        with self._lock:
            self._closed = True
        self.stop()

    def _ask(self, look: _Look) -> None:
        while (request := look.next_request()) is not None:
            try:
                response = self._wire.handle_request(request)
                response.request = request
                response.stream = _InTime(cast("httpx.SyncByteStream", response.stream), look)
                response = settle(request, response)
            except Exception as error:  # noqa: BLE001 - whatever it is, it says how the endpoint is
                look.failed(error)
            else:
                look.answered(response)


class _InTime(httpx.SyncByteStream):
    """A body that may not trickle past the end of a look: not every transport minds that."""

    def __init__(self, inner: httpx.SyncByteStream, look: _Look) -> None:
        self._inner = inner
        self._look = look

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            if self._look.left() <= 0:
                raise httpx.ReadTimeout("the time is up")
            yield chunk

    def close(self) -> None:
        self._inner.close()


def _monitor(health: weakref.ref[Health], stop: threading.Event) -> None:
    while (alive := health()) is not None and not stop.is_set():
        interval = alive.config.interval
        try:
            alive.check()
        except Exception:  # noqa: BLE001 - the next look may do better, and the log shows it
            _log.exception(_FAILED)
        del alive
        stop.wait(interval)


class AsyncHealth:
    """As :class:`Health`, with a monitor task in the caller's event loop."""

    def __init__(
        self,
        wire: httpx.AsyncBaseTransport,
        endpoints: Iterable[Endpoint],
        config: HealthCheck | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        feed: Callable[[EndpointHealth], object] | None = None,
        closed: bool = False,
    ) -> None:
        self.config = config or HealthCheck()
        self._wire = wire
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._feed = feed
        self._closed = closed
        self._monitor: _MonitorTask | None = None

    def reconfigure(self, config: HealthCheck | None) -> None:
        """Go on under ``config``; see :meth:`Health.reconfigure`."""
        self.config = config or HealthCheck()

    async def check(self, model: str | None = None) -> tuple[EndpointHealth, ...]:
        """Look at every endpoint now; see :meth:`Health.check`."""
        looks = [_Look(endpoint, self.config, self._clock) for endpoint in self._endpoints]
        async with anyio.create_task_group() as group:
            for look in looks:
                group.start_soon(self._ask, look)
        seen = [look.result(model) for look in looks]
        _pass_on(seen, self._feed)
        return tuple(seen)

    @property
    def running(self) -> bool:
        """Whether the monitor runs; it does not outlive its event loop."""
        return self._monitor is not None and self._monitor.alive()

    async def start(self) -> None:
        """Look at the endpoints now and then every ``interval`` seconds, in a task of this event loop; once is enough.

        Raises:
            ConfigurationError: The client has been closed, and nothing would end the monitor.
        """
        if self._closed:
            raise _too_late()
        if self._monitor is not None:
            if self._monitor.alive() and self._monitor.is_here():
                return
            self._monitor.end()
        self._monitor = _MonitorTask(self, self._clock)

    async def stop(self) -> None:
        """End the monitor and wait until it has ended; one of another event loop is only told to."""
        monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        monitor.end()
        if monitor.is_here():
            await monitor.ended.wait()

    async def close(self) -> None:
        """End the monitor for good: it cannot be started again."""
        self._closed = True
        await self.stop()

    async def _ask(self, look: _Look) -> None:
        with anyio.move_on_after(max(0.0, look.left())) as limit:
            while (request := look.next_request()) is not None:
                try:
                    response = await self._wire.handle_async_request(request)
                    response.request = request
                    response = await asettle(request, response)
                except Exception as error:  # noqa: BLE001 - whatever it is, it says how the endpoint is
                    look.failed(error)
                else:
                    look.answered(response)
        if limit.cancelled_caught:
            look.note_timeout()


class _MonitorTask:
    """The monitor of an :class:`AsyncHealth`, which it knows weakly, in the current event loop."""

    def __init__(self, health: AsyncHealth, clock: Clock) -> None:
        self._health = weakref.ref(health)
        self._clock = clock
        self._scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self._loop: Any = anyio.lowlevel.current_token().native_token
        # Who forgets a client also ends its monitor.
        self.end = weakref.finalize(health, _end, self._loop, self._scope)
        # A task group would have to be left by the task that entered it, which start() and stop() cannot promise.
        self._task: Any = None
        if hasattr(self._loop, "create_task"):
            self._task = self._loop.create_task(self._run())
            return
        import trio.lowlevel  # noqa: PLC0415 - it is the running event loop, so it is there

        trio.lowlevel.spawn_system_task(self._run)

    def alive(self) -> bool:
        """Whether it goes on looking: asyncio leaves a task of a loop that was closed as it is, trio ends it."""
        return not self.ended.is_set() and not (self._task is not None and self._loop.is_closed())

    def is_here(self) -> bool:
        """Whether it is of the current event loop."""
        return self._loop is anyio.lowlevel.current_token().native_token

    async def _run(self) -> None:
        try:
            with self._scope:
                while (health := self._health()) is not None:
                    interval = health.config.interval
                    try:
                        await health.check()
                    except Exception:  # noqa: BLE001 - the next look may do better, and the log shows it
                        _log.exception(_FAILED)
                    del health
                    await self._clock.asleep(interval)
        finally:
            self.ended.set()


def _too_late() -> ConfigurationError:
    return ConfigurationError(
        "the client has been closed, so that nothing would end a monitor: start it on an open one"
    )


def _end(loop: Any, scope: anyio.CancelScope) -> None:
    """Have ``scope`` cancelled in its event loop, from whichever thread collects the garbage."""
    soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
    with contextlib.suppress(RuntimeError):  # the loop is no more, and so is the task
        soon(scope.cancel)


def _pass_on(seen: list[EndpointHealth], feed: Callable[[EndpointHealth], object] | None) -> None:
    if feed is None:
        return
    try:
        for look in seen:
            feed(look)
    except Exception:  # noqa: BLE001 - the monitor outlives it, and the log shows it
        _log.exception("what a health check has seen could not be passed on")
