"""Tracks each endpoint: its calls in flight, the failures that eject it, and its models.

An endpoint is in one of three states, as in the outlier detection of Envoy:

======= =========================================================================== =======================================
from    when                                                                        to
======= =========================================================================== =======================================
HEALTHY ``eject_after`` calls in a row failed, or a health check cannot reach it    EJECTED, or SUSPECT if ``max_ejected``
                                                                                    endpoints are ejected already
SUSPECT a call succeeds, its time is over, or a health check reaches it             HEALTHY
SUSPECT a health check cannot reach it, and fewer are ejected by now                EJECTED
EJECTED its time is over, or a health check reaches it                              HEALTHY
======= =========================================================================== =======================================

A call tries the healthy endpoints first, then the suspect, then the ejected ones, each group in the order of the strategy. So the
states decide how soon a call finds a working endpoint, not whether it finds one.

- A success does not end an ejection, and a failure does not extend one: either may belong to a call that began before it. A health
  check that cannot reach an endpoint extends the ejection.
- Each ejection lasts twice as long as the one before, until a call succeeds while the endpoint is not ejected. An endpoint that
  becomes healthy again is one failure short of ``eject_after``, so that its next failure ejects it.
- No timer runs: the first call after the end of an ejection makes the endpoint healthy, and emits the event.

**What is locked.** Every change of a state holds ``_lock`` for a few assignments, never while an observer runs or another lock is
taken, so it cannot deadlock. Reads take no lock: a call that reads an outdated state tries the same endpoints in another order. The
calls in flight are a set per endpoint, because adding to a set and removing from it are atomic and may be repeated: the garbage
collector may end a call in a thread that holds the lock, and may end it twice.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
import threading
from enum import IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING

import httpx

from ollama_sdk._concurrency import forks
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk.errors import ConfigurationError, NoEndpointError, OllamaError

from ._extensions import about, model_of
from ._model_name import full_name
from ._strategies import STRATEGIES
from .events import EndpointEjected, EndpointRevived, Event, Observer, Refused, emit, guarded, observer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._driver import CallRef
    from .endpoint import Endpoint
    from .failover import Failover

__all__ = ["EndpointState", "Endpoints", "Member"]


class EndpointState(IntEnum):
    """The states in the order in which a call tries them."""

    HEALTHY = 0
    SUSPECT = 1
    EJECTED = 2


_BY_STATE = attrgetter("state")
_MOST_LEARNT = 1000  # names of models per endpoint


class Member:
    """The state of one endpoint.

    Attributes:
        url: Base URL.
        base: The parsed base URL.
        prefix: The path of the base URL, which is the prefix of each request's path.
        host: The ``Host`` header.
        own_headers: The headers that only this endpoint receives.
        in_flight: One weak reference per call in flight.
        ended: Removes one of them; the callback of each.
        models: Full names of its models; ``None`` before the first health check.
        loaded: Full names of its loaded models.
        learnt: Models that later calls have added, removed or not found there: by full name, whether the endpoint has it, and
            when the call showed that, in seconds on the clock.
        failures: Failed calls in a row.
        state: As the module describes.
        ejections: How often the endpoint left ``HEALTHY`` since its last success; decides the length of the next ejection.
        until: The end of the ejection or suspicion, in seconds on the clock; ``None`` while it is healthy.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.url: str = endpoint.url
        self.base: httpx.URL = httpx.URL(endpoint.url)
        self.prefix: bytes = self.base.raw_path.rstrip(b"/")
        self.host: str = self.base.netloc.decode("ascii")
        self.own_headers: httpx.Headers = httpx.Headers(endpoint.own_headers())
        self.forget_calls()
        self.models: frozenset[str] | None = None
        self.loaded: frozenset[str] = frozenset()
        self.learnt: dict[str, tuple[bool, float]] = {}
        self.failures: int = 0
        self.state: EndpointState = EndpointState.HEALTHY
        self.ejections: int = 0
        self.until: float | None = None
        self.url_of: Callable[[bytes], httpx.URL] = functools.lru_cache(maxsize=256)(self._url_of)

    def forget_calls(self) -> None:
        """Count no call as in flight."""
        self.in_flight: set[CallRef] = set()
        self.ended: Callable[[CallRef], None] = self.in_flight.discard

    def busy(self) -> int:
        """How many calls are in flight."""
        return len(self.in_flight)

    def has(self, model: str) -> bool | None:
        """Whether it has the model of that full name; ``None`` if neither a call nor a health check has shown it."""
        learnt = self.learnt.get(model)
        if learnt is not None:
            return learnt[0]
        return None if self.models is None else model in self.models

    def _url_of(self, target: bytes) -> httpx.URL:
        return self.base.copy_with(raw_path=self.prefix + target)


class Endpoints:
    """The endpoints of one client and their states; shared by the calls of all threads.

    Attributes:
        keeps_order: Whether every call tries the endpoints in the order given, because all are healthy and the strategy is
            ``priority``; becomes false before a state changes, and true only under the lock.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        config: Failover,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.members: list[Member] = [Member(endpoint) for endpoint in endpoints]
        if not self.members:
            raise ConfigurationError("Failover needs at least one endpoint")
        if len({member.base for member in self.members}) < len(self.members):
            raise ConfigurationError(
                f"an endpoint is named twice ({', '.join(member.url for member in self.members)}): give each once"
            )
        self.config: Failover = config
        self.keeps_order: bool = False
        self.clock: Clock = clock
        self.notify: Callable[[Event], None] | None = guarded(observer)
        self._rng = rng or random.Random()
        self._lock = threading.Lock()
        self._turns = self._count_turns()
        forks.register(self)

    def restart_in_child(self) -> None:
        """Forget the calls of the parent, and draw other random numbers than the parent."""
        self._lock = threading.Lock()
        for member in self.members:
            member.forget_calls()
        self._rng.seed()
        self._turns = self._count_turns()

    def _count_turns(self) -> Iterator[int]:
        """The numbers of calls, from a random endpoint on: clients that start together do not stay together."""
        return itertools.count(self._rng.randrange(len(self.members)))

    def reconfigure(self, config: Failover) -> None:
        """Continue under ``config``; states, models and calls in flight are kept."""
        with self._lock:
            self.keeps_order = False
            self.config = config

    def in_order(self, request: httpx.Request) -> list[Member]:
        """The endpoints that a call may try, the best first.

        Raises:
            NoEndpointError: No endpoint has the model.
        """
        members, turn = self.members, next(self._turns)
        rank = STRATEGIES[self.config.strategy]
        if any(map(_BY_STATE, members)):
            for member in self._revive(members, self.clock.monotonic()):
                self.emit(request, member, EndpointRevived)
            groups = itertools.groupby(sorted(members, key=_BY_STATE), _BY_STATE)
            ordered = [member for _, group in groups for member in rank(list(group), request, turn, self._rng)]
        else:
            ordered = rank(members, request, turn, self._rng)
            if self.config.strategy == "priority":
                with self._lock:  # another thread may change the strategy or a state
                    self.keeps_order = self.config.strategy == "priority" and not any(map(_BY_STATE, members))
        if not ordered:
            raise self._without_model(request)
        return ordered

    def _without_model(self, request: httpx.Request) -> NoEndpointError:
        model = model_of(request)
        emit(request, self.clock, self.notify, Refused, "failover", f"no endpoint has the model {model!r}")
        return NoEndpointError(
            f"no endpoint has the model {model!r}, according to earlier calls and the last health check: pull it, "
            "or call client.health.check()",
            [OllamaError(f"{member.url} does not have the model {model!r}") for member in self.members],
        )

    def set_models(self, endpoint: str, models: Iterable[str], loaded: Iterable[str], since: float = math.inf) -> None:
        """Note which models an endpoint has, and which of them are loaded.

        Args:
            endpoint: The base URL of the endpoint.
            models: The names of its models.
            loaded: The names of its loaded models.
            since: When the check began, in seconds on the clock; the results of later calls still count.
        """
        for member in self.members:
            if member.url == endpoint:
                member.models = frozenset(map(full_name, models))
                member.loaded = frozenset(map(full_name, loaded))
                for name, (_, at) in list(member.learnt.items()):
                    if at <= since:
                        member.learnt.pop(name, None)

    def learn(self, member: Member, model: str, *, is_there: bool) -> None:
        """Note that ``member`` has or lacks a model, as a call has shown. Only the latest thousand names are kept."""
        name = full_name(model)
        member.learnt.pop(name, None)  # to the end
        member.learnt[name] = is_there, self.clock.monotonic()
        while len(member.learnt) > _MOST_LEARNT:
            member.learnt.pop(next(iter(list(member.learnt))), None)

    def set_reachable(self, endpoint: str, reachable: bool, notify: Callable[[Event], None] | None = None) -> None:
        """Revive or eject an endpoint after a health check.

        Args:
            endpoint: The base URL of the endpoint.
            reachable: Whether the check reached it.
            notify: Called with the event, if the state changes; by default the observer.
        """
        notify = notify or self.notify
        events: list[Event] = []
        now = self.clock.monotonic()
        members = [member for member in self.members if member.url == endpoint]
        if reachable:
            events += [EndpointRevived(0, "", member.url, now) for member in self._revive(members, math.inf)]
        else:
            for member in members:
                with self._lock:
                    seconds = self._eject(member)
                if seconds is not None:
                    reason = "the health check cannot reach it"
                    events.append(EndpointEjected(0, "", member.url, now, seconds, reason))
        if notify is not None:
            for event in events:
                notify(event)

    def note_success(self, member: Member) -> None:
        """Note that a call to ``member`` succeeded; needless if it has no failure and no ejection since its last success."""
        with self._lock:
            member.failures = 0
            if member.state is not EndpointState.EJECTED:
                member.state, member.until, member.ejections = EndpointState.HEALTHY, None, 0

    def note_failure(self, member: Member, reason: str, request: httpx.Request) -> None:
        """Note that a call to ``member`` failed with ``reason``."""
        with self._lock:
            member.failures += 1
            is_outlier = member.failures >= self.config.eject_after and member.state is EndpointState.HEALTHY
            seconds = self._eject(member) if is_outlier else None
        if seconds is not None:
            self.emit(request, member, EndpointEjected, seconds, reason)

    def _eject(self, member: Member) -> float | None:
        """Eject ``member``, or make it suspect; returns the seconds of a new ejection. The caller holds the lock."""
        self.keeps_order = False
        config = self.config
        # The exponent is bounded: large enough for any maximum, without an overflow.
        seconds = min(config.eject_for_maximum, config.eject_for * 2.0 ** min(member.ejections, 60))
        member.ejections += 1
        member.until = self.clock.monotonic() + seconds
        if member.state is EndpointState.EJECTED:
            return None
        # As in Envoy, one of several may always be ejected. Rounded, because 0.7 * 90 is slightly less than 63.
        several = len(self.members) > 1
        most = max(several, math.floor(round(config.max_ejected * len(self.members), 9)))
        if sum(other.state is EndpointState.EJECTED for other in self.members) >= most:
            member.state = EndpointState.SUSPECT
            return None
        member.state = EndpointState.EJECTED
        return seconds

    def _revive(self, members: Iterable[Member], now: float) -> list[Member]:
        """Make each member healthy whose time is over; returns those that were ejected."""
        revived: list[Member] = []
        for member in members:
            with self._lock:
                if member.until is None or member.until > now:
                    continue
                if member.state is EndpointState.EJECTED:
                    revived.append(member)
                member.state, member.until = EndpointState.HEALTHY, None
                member.failures = min(member.failures, self.config.eject_after - 1)
        return revived

    def emit(self, request: httpx.Request, member: Member, kind: Callable[..., Event], *values: object) -> None:
        """Notify the observer of this call of an event at ``member``: a ``kind`` with ``values``."""
        notify = observer_of(request, self.notify)
        if notify is not None:
            call, operation, _, at = about(request, self.clock)
            notify(kind(call, operation, member.url, at, *values))
