"""Checks all endpoints: once by ``check()``, and regularly by a monitor between ``start()`` and ``stop()``."""

from __future__ import annotations

import logging
import threading
import weakref
from typing import TYPE_CHECKING

import anyio
import httpx

from ollama_sdk._bodies import ForeignBody, WholeBody
from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._concurrency.loops import current_loop
from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike, as_transport
from ollama_sdk.errors import ConfigurationError

from ._driver import AsyncPolicyTransport, PolicyTransport
from .health_check import EndpointCheck, EndpointHealth, HealthCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .endpoint import Endpoint

__all__ = ["AsyncHealth", "Health"]

_logger = logging.getLogger("ollama_sdk")
_MONITOR_FAILURE = "a health check failed; the monitor continues"


class _Results(tuple[EndpointHealth, ...]):
    """The results of one check; a notebook shows them as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from ollama_sdk._display import health_html  # imported only for notebooks

        return health_html(self)


class _Checking:
    """The base of sync and async checks.

    Args:
        endpoints: The endpoints, in the order of the results.
        config: How to check; by default :class:`HealthCheck`'s defaults.
        clock: Measures latencies and timeouts.
        feed: Called with each result of each check.
        closed: Whether the client has been closed, so that no monitor may start.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        config: HealthCheck | None,
        clock: Clock,
        feed: Callable[[EndpointHealth], object] | None,
        *,
        closed: bool,
    ) -> None:
        self.config: HealthCheck = config or HealthCheck()
        self._endpoints = tuple(endpoints)
        self._clock = clock
        self._feed = feed
        self._closed = closed

    def reconfigure(self, config: HealthCheck | None) -> None:
        """Use ``config``, or the defaults for ``None``, from the next check on."""
        self.config = config or HealthCheck()

    def _make_checks(self, model: object) -> list[EndpointCheck]:
        if model is not None and not isinstance(model, str):
            raise ConfigurationError(f"model is of type {type(model).__name__}; give the name of a model")
        return [EndpointCheck(endpoint, self.config, self._clock) for endpoint in self._endpoints]

    def _results(self, checks: list[EndpointCheck], model: str | None) -> tuple[EndpointHealth, ...]:
        results = _Results(check.result(model) for check in checks)
        try:
            if self._feed is not None:
                for result in results:
                    self._feed(result)
        except Exception:  # a feed must break neither a check nor the monitor
            _logger.exception("failover could not process the result of a health check")
        return results

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ConfigurationError(
                "the client has been closed, so nothing would stop a monitor: start it on an open client"
            )


class Health(_Checking):
    """Checks endpoints by :meth:`check`, and by a monitor thread between :meth:`start` and :meth:`stop`.

    It sends its requests through ``wire``, a transport without policies.
    """

    def __init__(
        self,
        wire: TransportLike,
        endpoints: Iterable[Endpoint],
        config: HealthCheck | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        feed: Callable[[EndpointHealth], object] | None = None,
        closed: bool = False,
    ) -> None:
        super().__init__(endpoints, config, clock, feed, closed=closed)
        self._wire = PolicyTransport(_InTime(as_transport(wire)))
        self._lock = threading.Lock()
        self._monitor: tuple[threading.Thread, Callable[[], object]] | None = None
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the monitor, which is a thread of the parent: none runs here before :meth:`start`."""
        self._lock = threading.Lock()
        self._monitor = None

    def check(self, model: str | None = None) -> tuple[EndpointHealth, ...]:
        """Check every endpoint now, all at once.

        Args:
            model: Also report whether each endpoint has this model, and has it loaded, under this name or another one of the
                same digest; see :class:`EndpointHealth` for the limits of this comparison.

        Returns:
            One result per endpoint, in their order. An endpoint that cannot be reached has ``reachable=False``.

        Raises:
            ConfigurationError: The model is not a string.
        """
        checks = self._make_checks(model)
        # Threads, because name resolution has no timeout; daemons, because a hanging one must not keep the process alive.
        threads = [
            threading.Thread(target=self._ask, args=(check,), name="ollama-sdk-health-check", daemon=True)
            for check in checks
        ]
        for thread in threads:
            thread.start()
        for check, thread in zip(checks, threads, strict=True):
            thread.join(max(0.0, check.seconds_left()))
            if thread.is_alive():
                check.time_out()
        return self._results(checks, model)

    @property
    def running(self) -> bool:
        """Whether the monitor runs."""
        return self._monitor is not None and self._monitor[0].is_alive()

    def start(self) -> None:
        """Check the endpoints now and then every ``interval`` seconds, in a daemon thread. A second call changes nothing.

        Raises:
            ConfigurationError: The client has been closed.
        """
        with self._lock:
            self._refuse_if_closed()
            if self.running:
                return
            stop = threading.Event()
            thread = threading.Thread(
                target=_monitor, args=(weakref.ref(self), stop), name="ollama-sdk-health", daemon=True
            )
            thread.start()
            # The thread has only a weak reference to this object, so that dropping the client also ends the monitor.
            self._monitor = thread, weakref.finalize(self, stop.set)

    def stop(self) -> None:
        """Stop the monitor and wait until it has ended, at most for the ``timeout`` of one check."""
        with self._lock:
            monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        thread, end = monitor
        end()
        if thread is not threading.current_thread():
            thread.join()

    def close(self) -> None:
        """Stop the monitor; it cannot be started again."""
        with self._lock:
            self._closed = True
        self.stop()

    def _ask(self, check: EndpointCheck) -> None:
        while (request := check.next_request()) is not None:
            try:
                response = self._wire.handle_request(request)
            except Exception as error:  # noqa: BLE001 - every error is a result
                check.take_error(error)
            else:
                check.take(response)


class _InTime(httpx.BaseTransport):
    """Limits a body to the timeout of its check, which not every transport does."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        if not isinstance(response.stream, WholeBody):
            response.stream = ForeignBody(response.stream, request)
        return response


def _monitor(health: weakref.ref[Health], stop: threading.Event) -> None:
    while (alive := health()) is not None and not stop.is_set():
        interval = alive.config.interval
        try:
            alive.check()
        except Exception:  # the next check may succeed
            _logger.exception(_MONITOR_FAILURE)
        del alive
        stop.wait(interval)


class AsyncHealth(_Checking):
    """As :class:`Health`, with a monitor task in the caller's event loop."""

    def __init__(
        self,
        wire: AsyncTransportLike,
        endpoints: Iterable[Endpoint],
        config: HealthCheck | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        feed: Callable[[EndpointHealth], object] | None = None,
        closed: bool = False,
    ) -> None:
        super().__init__(endpoints, config, clock, feed, closed=closed)
        self._wire = AsyncPolicyTransport(wire)
        self._monitor: _MonitorTask | None = None
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the monitor, which is a task of the parent: none runs here before :meth:`start`."""
        self._monitor = None

    async def check(self, model: str | None = None) -> tuple[EndpointHealth, ...]:
        """Check every endpoint now; see :meth:`Health.check`."""
        current_loop()  # refuses an event loop of the parent process once, instead of once for each endpoint
        checks = self._make_checks(model)
        async with anyio.create_task_group() as group:
            for check in checks:
                group.start_soon(self._ask, check)
        return self._results(checks, model)

    @property
    def running(self) -> bool:
        """Whether the monitor runs. It ends with its event loop."""
        return self._monitor is not None and self._monitor.is_alive()

    async def start(self) -> None:
        """Check the endpoints now and then every ``interval`` seconds, in a task of this event loop; see :meth:`Health.start`.

        A monitor of another event loop is stopped.

        Raises:
            ConfigurationError: The client has been closed.
        """
        self._refuse_if_closed()
        if self._monitor is not None:
            if self._monitor.is_alive() and self._monitor.loop.is_current():
                return
            self._monitor.end()
        self._monitor = _MonitorTask(self, self._clock)
        await self._monitor.begun.wait()

    async def stop(self) -> None:
        """Stop the monitor and wait until it has ended. A monitor of another event loop is stopped without waiting."""
        monitor, self._monitor = self._monitor, None
        if monitor is None:
            return
        monitor.end()
        if monitor.loop.is_current():
            await monitor.ended.wait()

    async def close(self) -> None:
        """Stop the monitor; it cannot be started again."""
        self._closed = True
        await self.stop()

    async def _ask(self, check: EndpointCheck) -> None:
        with anyio.move_on_after(max(0.0, check.seconds_left())) as limit:
            while (request := check.next_request()) is not None:
                try:
                    response = await self._wire.handle_async_request(request)
                except Exception as error:  # noqa: BLE001 - every error is a result
                    check.take_error(error)
                else:
                    check.take(response)
        if limit.cancelled_caught:
            check.time_out()


class _MonitorTask:
    """The monitor of an :class:`AsyncHealth`, in the current event loop.

    It is a task of the event loop, not of a task group: the task that enters a task group must leave it, but different tasks may
    call ``start()`` and ``stop()``.

    Attributes:
        loop: The event loop.
        begun: Set when the task has begun.
        ended: Set when the task has ended.
        end: Ends the task, from any thread; also called when the ``AsyncHealth`` is garbage-collected, to which the task has
            only a weak reference.
    """

    def __init__(self, health: AsyncHealth, clock: Clock) -> None:
        self.loop = current_loop()
        self._health = weakref.ref(health)
        self._clock = clock
        self._scope = anyio.CancelScope()
        self.begun = anyio.Event()
        self.ended = anyio.Event()
        self.end = weakref.finalize(health, self.loop.call, self._scope.cancel)
        self.loop.spawn(self._run)

    def is_alive(self) -> bool:
        """Whether the monitor still runs."""
        return not self.ended.is_set() and not self.loop.is_closed()

    async def _run(self) -> None:
        self.begun.set()
        try:
            with self._scope:
                while (health := self._health()) is not None:
                    interval = health.config.interval
                    try:
                        await health.check()
                    except Exception:  # the next check may succeed
                        _logger.exception(_MONITOR_FAILURE)
                    del health
                    await self._clock.asleep(interval)
        finally:
            self.ended.set()
