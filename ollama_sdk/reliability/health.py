"""Looks at the endpoints: which answer, how fast, and which models they have and hold loaded."""

from __future__ import annotations

import json
import logging
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
from attrs import field, frozen

from ollama_sdk._clock import SYSTEM_CLOCK, Clock

from . import _checks
from ._outcome import Outcome, described
from ._replies import asettle, settle
from .failover import Endpoint, full_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["AsyncHealth", "EndpointHealth", "Health", "HealthCheck"]

_log = logging.getLogger("ollama_sdk")


@frozen
class HealthCheck:
    """How endpoints are looked at.

    A check asks each endpoint three small questions. It shows that a server answers, not that a model runs: a stalled GPU
    behind a lively server is the circuit breaker's to find. For one local Ollama call ``client.health.check()`` when in doubt;
    for a fleet run the monitor with the default interval.

    Attributes:
        interval: Seconds between two looks of the monitor.
        timeout: Seconds that one endpoint may take for all questions together.
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
    """The questions to one endpoint and what came of them; it does no I/O."""

    def __init__(self, endpoint: Endpoint, config: HealthCheck, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._started = self._asked_at = clock.monotonic()
        self._ends_at = self._started + config.timeout
        self._paths = [config.running_path, config.models_path, config.version_path]
        self._notes = [self._note_running, self._note_models, self._note_version]
        self._seen: dict[str, Any] = {}

    def next_request(self) -> httpx.Request | None:
        """What to ask next; ``None`` when all is said."""
        self._asked_at = self._clock.monotonic()
        left = self._ends_at - self._asked_at
        if not self._paths or "error" in self._seen:
            return None
        headers = [(b"Accept", b"application/json"), *self._endpoint.own_headers()]
        url = self._endpoint.url + self._paths.pop()
        limits = dict.fromkeys(("connect", "read", "write", "pool"), max(0.001, left))
        return httpx.Request("GET", url, headers=headers, extensions={"timeout": limits, "deadline": self._ends_at})

    def note(self, outcome: Outcome) -> None:
        """The answer to the latest question."""
        note = self._notes.pop()
        if isinstance(outcome, Exception):
            self._seen["error"] = described(outcome)
        elif not outcome.is_success:
            self._seen["error"] = f"{outcome.url.path}: {described(outcome)}"
        else:
            try:
                note(json.loads(outcome.read()))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self._seen["error"] = f"{outcome.url.path}: not the answer of an Ollama server: {described(error)}"

    def note_timeout(self) -> None:
        """The time is up."""
        self._seen.setdefault("error", "no answer in time")

    def result(self, model: str | None) -> EndpointHealth:
        """What was seen, also of ``model``."""
        return EndpointHealth(
            self._endpoint.url,
            self._started,
            model_available=_is_among(model, self._seen.get("models")),
            model_loaded=_is_among(model, self._seen.get("running")),
            **self._seen,
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
    ) -> None:
        self.config = config or HealthCheck()
        self._wire = wire
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._feed = feed
        self._lock = threading.Lock()
        self._monitor: tuple[threading.Thread, threading.Event] | None = None

    def check(self, model: str | None = None) -> tuple[EndpointHealth, ...]:
        """Look at every endpoint now, at all of them at once.

        Args:
            model: Also say whether each has this model, and holds it loaded.

        Returns:
            One look per endpoint, in their order; an endpoint that cannot be reached is one with ``reachable=False``.
        """
        if len(self._endpoints) == 1:
            seen = [self._look(self._endpoints[0], model)]
        else:
            with ThreadPoolExecutor(len(self._endpoints), thread_name_prefix="ollama-sdk-health") as pool:
                seen = list(pool.map(self._look, self._endpoints, [model] * len(self._endpoints)))
        _pass_on(seen, self._feed)
        return tuple(seen)

    @property
    def running(self) -> bool:
        """Whether the monitor runs."""
        return self._monitor is not None and self._monitor[0].is_alive()

    def start(self) -> None:
        """Look at the endpoints now and then every ``interval`` seconds, in a daemon thread; once is enough."""
        with self._lock:
            if self.running:
                return
            stop = threading.Event()
            # The thread knows this object weakly: who forgets a client also ends its monitor.
            weakref.finalize(self, stop.set)
            thread = threading.Thread(
                target=_monitor, args=(weakref.ref(self), stop), name="ollama-sdk-health", daemon=True
            )
            self._monitor = thread, stop
            thread.start()

    def stop(self) -> None:
        """End the monitor and wait until it has ended."""
        with self._lock:
            monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        thread, stop = monitor
        stop.set()
        if thread is not threading.current_thread():
            thread.join()

    def _look(self, endpoint: Endpoint, model: str | None) -> EndpointHealth:
        look = _Look(endpoint, self.config, self._clock)
        while (request := look.next_request()) is not None:
            try:
                response = self._wire.handle_request(request)
                response.request = request
                look.note(settle(request, response))
            except Exception as error:  # noqa: BLE001 - whatever it is, it says how the endpoint is
                look.note(error)
        return look.result(model)


def _monitor(health: weakref.ref[Health], stop: threading.Event) -> None:
    while (alive := health()) is not None and not stop.is_set():
        interval = alive.config.interval
        alive.check()
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
    ) -> None:
        self.config = config or HealthCheck()
        self._wire = wire
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._feed = feed
        self._monitor: _MonitorTask | None = None

    async def check(self, model: str | None = None) -> tuple[EndpointHealth, ...]:
        """Look at every endpoint now; see :meth:`Health.check`."""
        seen: dict[int, EndpointHealth] = {}

        async def look(index: int, endpoint: Endpoint) -> None:
            seen[index] = await self._look(endpoint, model)

        async with anyio.create_task_group() as group:
            for index, endpoint in enumerate(self._endpoints):
                group.start_soon(look, index, endpoint)
        in_order = [seen[index] for index in range(len(self._endpoints))]
        _pass_on(in_order, self._feed)
        return tuple(in_order)

    @property
    def running(self) -> bool:
        """Whether the monitor runs."""
        return self._monitor is not None and not self._monitor.ended.is_set()

    async def start(self) -> None:
        """Look at the endpoints now and then every ``interval`` seconds, in a task of its own; once is enough."""
        if not self.running:
            self._monitor = _MonitorTask(weakref.ref(self), self._clock)
            self._monitor.spawn()

    async def stop(self) -> None:
        """End the monitor and wait until it has ended."""
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            monitor.scope.cancel()
            await monitor.ended.wait()

    async def _look(self, endpoint: Endpoint, model: str | None) -> EndpointHealth:
        look = _Look(endpoint, self.config, self._clock)
        with anyio.move_on_after(self.config.timeout) as limit:
            while (request := look.next_request()) is not None:
                try:
                    response = await self._wire.handle_async_request(request)
                    response.request = request
                    look.note(await asettle(request, response))
                except Exception as error:  # noqa: BLE001 - whatever it is, it says how the endpoint is
                    look.note(error)
        if limit.cancelled_caught:
            look.note_timeout()
        return look.result(model)


class _MonitorTask:
    """The monitor of an :class:`AsyncHealth`, which it knows weakly."""

    def __init__(self, health: weakref.ref[AsyncHealth], clock: Clock) -> None:
        self._health = health
        self._clock = clock
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()
        self._task: Any = None

    def spawn(self) -> None:
        """Run in the background of the current event loop.

        A task group would have to be left by the task that entered it, which start() and stop() cannot promise.
        """
        loop: Any = anyio.lowlevel.current_token().native_token
        if hasattr(loop, "create_task"):
            self._task = loop.create_task(self._run())
            return
        import trio.lowlevel  # noqa: PLC0415 - it is the running event loop, so it is there

        trio.lowlevel.spawn_system_task(self._run)

    async def _run(self) -> None:
        try:
            with self.scope:
                while (health := self._health()) is not None:
                    interval = health.config.interval
                    await health.check()
                    del health
                    await self._clock.asleep(interval)
        finally:
            self.ended.set()


def _pass_on(seen: list[EndpointHealth], feed: Callable[[EndpointHealth], object] | None) -> None:
    if feed is None:
        return
    try:
        for look in seen:
            feed(look)
    except Exception:  # noqa: BLE001 - the monitor outlives it, and the log shows it
        _log.exception("what a health check has seen could not be passed on")
