"""Stacks the policies of one client over its transport, in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import httpx
from attrs import evolve, field, fields, frozen

from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike, as_async_transport, as_transport
from ollama_sdk.errors import ConfigurationError

from . import _checks
from ._driver import AsyncPolicyTransport, Policy, PolicyTransport
from .cache import Cache, Caching
from .circuit_breaker import Breakers, CircuitBreaker
from .endpoint import Endpoint
from .endpoints import Endpoints
from .events import Event, Observer, Reconfigured, check_observer, guarded
from .failover import Failover, Router
from .health_check import HealthCheck
from .observing import AttemptReporter, CallReporter
from .rate_limit import Limiter, RateLimit
from .retry import Budget, Retrier, Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .health_check import EndpointHealth

__all__ = ["Policies", "Stack", "build_async_stack", "build_stack"]


def _off_or(kind: type) -> _checks.Rule:
    return _checks.optional(_checks.instance_of(kind))


@frozen(kw_only=True)
class Policies:
    """The policies of a client; ``None`` is off.

    Raises:
        ConfigurationError: An argument is not the policy of that name.
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
class _States:
    """The states that the calls of one client share, one for each policy that is on."""

    caching: Caching | None = None
    limiter: Limiter | None = None
    retrier: Retrier | None = None
    endpoints: Endpoints | None = None
    breakers: Breakers | None = None

    def policies(self, clock: Clock, notify: Callable[[Event], None] | None) -> list[Policy]:
        """The policies that are on, outermost first; the first and the last report to the observer."""
        ordered = (
            None if notify is None else CallReporter(notify, clock=clock),
            self.caching,
            self.limiter,
            self.retrier,
            None if self.endpoints is None else Router(self.endpoints),
            self.breakers,
            None if notify is None else AttemptReporter(notify, clock=clock),
        )
        return [policy for policy in ordered if policy is not None]


@frozen(eq=False)
class Stack(Generic[_TransportT]):
    """Policies over a transport (the wire), outermost first: cache, rate limit, retry, failover, circuit breaker, wire.

    It never changes: :meth:`reconfigured` makes another one over the same wire. A call keeps the policies of its start.

    Attributes:
        policies: The configuration.
        transport: Sends requests through the policies; the wire itself if all policies are off.
        endpoints: The servers; requests are addressed to the first.
    """

    policies: Policies
    transport: _TransportT
    endpoints: tuple[Endpoint, ...]
    _wire: _TransportT
    _driver: Callable[..., _TransportT]
    _states: _States
    _clock: Clock
    _notify: Callable[[Event], None] | None

    @property
    def cache(self) -> Caching | None:
        """The cache, with ``statistics()`` and ``clear()``; ``None`` if it is off."""
        return self._states.caching

    def saw(self, health: EndpointHealth) -> None:
        """Pass the result of a health check on to failover."""
        known = self._states.endpoints
        if known is None:
            return
        known.set_reachable(health.endpoint, health.reachable, self._notify)
        if health.models is not None:
            known.set_models(health.endpoint, health.models, health.running or (), health.checked_at)

    def reconfigured(self, **changes: Any) -> Stack[_TransportT]:
        """Make a stack with some policies changed, which takes over their state.

        Breakers keep their windows and states, the cache its content, the limit its permits and tokens, retry its budget,
        failover the states of its endpoints. Calls that wait for a limit that is turned off start at once. Send new calls through
        the new stack: the old one only finishes its calls.

        Args:
            changes: As :class:`Policies` takes them; ``None`` turns a policy off.

        Raises:
            ConfigurationError: A change cannot work; nothing has changed.
        """
        policies = evolve(self.policies, **changes)
        # The same observer is not wrapped again, because its first failure would be logged again.
        notify = self._notify if policies.observer == self.policies.observer else guarded(policies.observer)
        stack = _build(
            self._wire,
            self.endpoints,
            policies,
            driver=self._driver,
            clock=self._clock,
            notify=notify,
            former=self._states,
        )
        if policies.rate_limit is None and self._states.limiter is not None:
            self._states.limiter.lift()
        return stack

    def report_changes(self, former: Stack[_TransportT]) -> None:
        """Report to the observer which policies differ from those of the previous stack."""
        old, new = former.policies, self.policies
        changed = tuple(one.name for one in fields(Policies) if getattr(old, one.name) != getattr(new, one.name))
        if self._notify is not None and changed:
            self._notify(Reconfigured(0, "", "", self._clock.monotonic(), changed))


def build_stack(
    wire: TransportLike,
    endpoints: Iterable[Endpoint] = (),
    policies: Policies | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Stack[httpx.BaseTransport]:
    """Put policies over a sync transport.

    Args:
        wire: Sends the requests.
        endpoints: The servers. Without :class:`Failover` at most one, whose key and headers the client must send itself.
        policies: The policies; all are off by default.
        clock: The clock of all policies.

    Raises:
        ConfigurationError: Endpoints and policies do not fit together.
    """
    chosen = policies or Policies()
    return _build(
        as_transport(wire),
        tuple(endpoints),
        chosen,
        driver=PolicyTransport,
        clock=clock,
        notify=guarded(chosen.observer),
    )


def build_async_stack(
    wire: AsyncTransportLike,
    endpoints: Iterable[Endpoint] = (),
    policies: Policies | None = None,
    *,
    clock: Clock = SYSTEM_CLOCK,
) -> Stack[httpx.AsyncBaseTransport]:
    """Put policies over an async transport; see :func:`build_stack`."""
    chosen = policies or Policies()
    notify = guarded(chosen.observer)
    return _build(
        as_async_transport(wire), tuple(endpoints), chosen, driver=AsyncPolicyTransport, clock=clock, notify=notify
    )


def _build(
    wire: _TransportT,
    endpoints: tuple[Endpoint, ...],
    policies: Policies,
    *,
    driver: Callable[..., _TransportT],
    clock: Clock,
    notify: Callable[[Event], None] | None,
    former: _States | None = None,
) -> Stack[_TransportT]:
    urls = [endpoint.url for endpoint in endpoints]
    if len(set(urls)) < len(urls):
        raise ConfigurationError(f"an endpoint is named twice ({', '.join(urls)}): give each once")
    if len(urls) > 1 and policies.failover is None:
        raise ConfigurationError(
            f"several endpoints ({', '.join(urls)}) need failover=Failover(...), which spreads the calls over them; "
            "or give one host"
        )
    if policies.failover is not None and not urls:
        raise ConfigurationError("failover needs at least one endpoint")
    former = former or _States()
    # None of them has its own observer: the observer of a call is in its request's extensions.
    states = _States(
        caching=_kept(former.caching, policies.cache, lambda c: Caching(c, clock=clock)),
        limiter=_kept(former.limiter, policies.rate_limit, lambda c: Limiter(c, clock=clock)),
        retrier=_make_retrier(policies.retry, clock, former.retrier),
        endpoints=_kept(former.endpoints, policies.failover, lambda c: Endpoints(endpoints, c, clock=clock)),
        breakers=_kept(former.breakers, policies.circuit_breaker, lambda c: Breakers(c, clock=clock)),
    )
    ordered = states.policies(clock, notify)
    transport = driver(wire, *ordered) if ordered else wire
    return Stack(policies, transport, endpoints, wire, driver, states, clock, notify)


def _kept(state: Any, config: Any, make: Callable[[Any], Any]) -> Any:
    """The state of a policy under ``config``: the previous one, a new one, or ``None`` if it is off."""
    if config is None:
        return None
    if state is None:
        return make(config)
    state.reconfigure(config)
    return state


def _make_retrier(config: Retry | None, clock: Clock, former: Retrier | None) -> Retrier | None:
    if config is None:
        return None
    budget: Budget | None = None if former is None else former.budget
    if budget is not None:
        budget.reconfigure(config)
    return Retrier(config, clock=clock, budget=budget)
