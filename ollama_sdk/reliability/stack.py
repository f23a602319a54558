"""Puts the policies of one client over its transport in their fixed order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from attrs import evolve, field, fields, frozen

from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk.errors import ConfigurationError

from . import _checks
from ._driver import AsyncPolicyTransport, PolicyTransport
from .cache import AsyncCacheTransport, Cache, CacheTransport, Caching
from .circuit_breaker import AsyncCircuitBreakerTransport, Breakers, CircuitBreaker, CircuitBreakerTransport
from .events import Event, Observer, Reconfigured, check_observer, guarded
from .failover import AsyncFailoverTransport, Endpoint, Endpoints, Failover, FailoverTransport
from .health import HealthCheck
from .observing import AsyncAttemptTransport, AsyncCallTransport, AttemptTransport, CallTransport
from .rate_limit import AsyncRateLimitTransport, Limiter, RateLimit, RateLimitTransport
from .retry import Budget, Retrier, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .health import EndpointHealth

__all__ = ["Policies", "Stack", "build_async_stack", "build_stack"]


def _off_or(kind: type) -> _checks.Rule:
    return _checks.optional(_checks.instance_of(kind))


@frozen(kw_only=True)
class Policies:
    """The policies of a client; ``None`` is off.

    Raises:
        ConfigurationError: An argument is of another kind.
    """

    retry: Retry | None = field(default=None, validator=_off_or(Retry))
    circuit_breaker: CircuitBreaker | None = field(default=None, validator=_off_or(CircuitBreaker))
    rate_limit: RateLimit | None = field(default=None, validator=_off_or(RateLimit))
    failover: Failover | None = field(default=None, validator=_off_or(Failover))
    health: HealthCheck | None = field(default=None, validator=_off_or(HealthCheck))
    cache: Cache | None = field(default=None, validator=_off_or(Cache))
    observer: Observer | None = field(
        default=None, validator=_checks.optional(lambda _, __, observer: check_observer(observer))
    )


_TransportT = TypeVar("_TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)


@frozen
class _Shells(Generic[_TransportT]):
    """The transports of one colour."""

    call: Callable[..., _TransportT]
    cache: Callable[[_TransportT, Caching], _TransportT]
    rate_limit: Callable[[_TransportT, Limiter], _TransportT]
    retry: Callable[..., _TransportT]
    failover: Callable[[_TransportT, Endpoints], _TransportT]
    circuit_breaker: Callable[[_TransportT, Breakers], _TransportT]
    attempt: Callable[..., _TransportT]


_SYNC: _Shells[httpx.BaseTransport] = _Shells(
    CallTransport,
    CacheTransport,
    RateLimitTransport,
    PolicyTransport,
    FailoverTransport,
    CircuitBreakerTransport,
    AttemptTransport,
)
_ASYNC: _Shells[httpx.AsyncBaseTransport] = _Shells(
    AsyncCallTransport,
    AsyncCacheTransport,
    AsyncRateLimitTransport,
    AsyncPolicyTransport,
    AsyncFailoverTransport,
    AsyncCircuitBreakerTransport,
    AsyncAttemptTransport,
)


@frozen
class _States:
    """What the calls of one client share, one for each policy that is on."""

    caching: Caching | None
    limiter: Limiter | None
    retrying: Retrier | None
    endpoints: Endpoints | None
    breakers: Breakers | None


@frozen(eq=False)
class Stack(Generic[_TransportT]):
    """Policies over a transport, outermost first: cache, rate limit, retry, failover, circuit breaker, the wire.

    It never changes: :meth:`reconfigured` makes another one over the same wire. A call keeps the transports it began with.

    Attributes:
        policies: The configuration.
        transport: What to send through; the wire itself when all policies are off.
        endpoints: The servers; requests are addressed to the first.
    """

    policies: Policies
    transport: _TransportT
    endpoints: tuple[Endpoint, ...]
    _wire: _TransportT
    _shells: _Shells[_TransportT]
    _states: _States
    _clock: Clock
    _notify: Callable[[Event], None] | None

    @property
    def cache(self) -> Caching | None:
        """Statistics and ``clear()`` of the cache; ``None`` when it is off."""
        return self._states.caching

    def saw(self, health: EndpointHealth) -> None:
        """Tell failover what a health check has seen."""
        known = self._states.endpoints
        if known is None:
            return
        known.set_reachable(health.endpoint, health.reachable, self._notify)
        if health.models is not None:
            known.set_models(health.endpoint, health.models, health.running or ())

    def reconfigured(self, **changes: Any) -> Stack[_TransportT]:
        """A stack with some policies changed, which takes over the state that still makes sense.

        Breakers keep their windows and states, the cache its content, the limit its places and tokens, retry its budget,
        failover what it knows of the endpoints. Whoever waits for a limit that is turned off starts at once. Use the new
        stack from here on: the old one only finishes its calls.

        Args:
            changes: As :class:`Policies` takes them; ``None`` turns a policy off.

        Raises:
            ConfigurationError: A change cannot work; nothing has changed.
        """
        policies = evolve(self.policies, **changes)
        _check(self.endpoints, policies)
        # The same observer is not another one, whose first failure would be logged again.
        notify = self._notify if policies.observer == self.policies.observer else guarded(policies.observer)
        states = _make_states(self.endpoints, policies, self._clock, self._states)
        if states.limiter is None and self._states.limiter is not None:
            self._states.limiter.lift()
        return _assemble(
            self._wire, self.endpoints, policies, self._shells, states=states, clock=self._clock, notify=notify
        )

    def tell_what_changed(self, former: Stack[_TransportT]) -> None:
        """Tell the observer in which policies this stack, now in use, differs from the former."""
        old, new = former.policies, self.policies
        changed = tuple(one.name for one in fields(Policies) if getattr(old, one.name) != getattr(new, one.name))
        if self._notify is not None and changed:
            self._notify(Reconfigured(0, "", "", self._clock.monotonic(), changed))


def build_stack(
    wire: httpx.BaseTransport,
    endpoints: Iterable[Endpoint] = (),
    policies: Policies | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Stack[httpx.BaseTransport]:
    """Put policies over a sync transport.

    Args:
        wire: Sends the requests.
        endpoints: The servers. Without :class:`Failover` at most one, and its key and headers are the client's to send.
        policies: Which are on, and how.
        clock: Tells the time to all of them.

    Raises:
        ConfigurationError: They do not go together.
    """
    return _build(wire, endpoints, policies, _SYNC, clock)


def build_async_stack(
    wire: httpx.AsyncBaseTransport,
    endpoints: Iterable[Endpoint] = (),
    policies: Policies | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Stack[httpx.AsyncBaseTransport]:
    """Put policies over an async transport; see :func:`build_stack`."""
    return _build(wire, endpoints, policies, _ASYNC, clock)


def _build(
    wire: _TransportT,
    endpoints: Iterable[Endpoint],
    policies: Policies | None,
    shells: _Shells[_TransportT],
    clock: Clock,
) -> Stack[_TransportT]:
    servers = tuple(endpoints)
    policies = policies or Policies()
    _check(servers, policies)
    states = _make_states(servers, policies, clock, None)
    notify = guarded(policies.observer)
    return _assemble(wire, servers, policies, shells, states=states, clock=clock, notify=notify)


def _check(endpoints: tuple[Endpoint, ...], policies: Policies) -> None:
    urls = [endpoint.url for endpoint in endpoints]
    if len(set(urls)) < len(urls):
        raise ConfigurationError(f"endpoints={urls!r}: give each once")
    if len(urls) > 1 and policies.failover is None:
        raise ConfigurationError(f"endpoints={urls!r}: several endpoints need failover=Failover(...)")
    if policies.failover is not None and not urls:
        raise ConfigurationError("failover needs at least one endpoint")


def _make_states(endpoints: tuple[Endpoint, ...], policies: Policies, clock: Clock, former: _States | None) -> _States:
    # None of them has an observer: that of a call travels with it.
    old = former or _States(None, None, None, None, None)
    return _States(
        caching=_kept(old.caching, policies.cache, lambda c: Caching(c, scope=_scope(endpoints), clock=clock)),
        limiter=_kept(old.limiter, policies.rate_limit, lambda c: Limiter(c, clock=clock)),
        retrying=_make_retrying(policies.retry, clock, old.retrying),
        endpoints=_kept(old.endpoints, policies.failover, lambda c: Endpoints(endpoints, c, clock=clock)),
        breakers=_kept(old.breakers, policies.circuit_breaker, lambda c: Breakers(c, clock=clock)),
    )


def _kept(state: Any, config: Any, make: Callable[[Any], Any]) -> Any:
    """The state of a policy under ``config``: the former one, a new one, or none when it is off."""
    if config is None:
        return None
    if state is None:
        return make(config)
    state.reconfigure(config)
    return state


def _make_retrying(config: Retry | None, clock: Clock, former: Retrier | None) -> Retrier | None:
    if config is None:
        return None
    budget: Budget | None = None if former is None else former.budget
    if budget is not None and config.budget is not None:
        budget.reconfigure(config.budget)
    return Retrier(config, clock=clock, budget=budget)


def _scope(endpoints: tuple[Endpoint, ...]) -> str:
    """A digest of the endpoints and of what they are sent: part of every cache key."""
    told = [(endpoint.url, endpoint.own_headers()) for endpoint in endpoints]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _assemble(
    wire: _TransportT,
    endpoints: tuple[Endpoint, ...],
    policies: Policies,
    shells: _Shells[_TransportT],
    *,
    states: _States,
    clock: Clock,
    notify: Callable[[Event], None] | None,
) -> Stack[_TransportT]:
    transport = wire
    if notify is not None:
        transport = shells.attempt(transport, notify, clock=clock)
    if states.breakers is not None:
        transport = shells.circuit_breaker(transport, states.breakers)
    if states.endpoints is not None:
        transport = shells.failover(transport, states.endpoints)
    if states.retrying is not None:
        transport = shells.retry(transport, states.retrying)
    if states.limiter is not None:
        transport = shells.rate_limit(transport, states.limiter)
    if states.caching is not None:
        transport = shells.cache(transport, states.caching)
    if notify is not None:
        transport = shells.call(transport, notify, clock=clock)
    return Stack(policies, transport, endpoints, wire, shells, states, clock, notify)
