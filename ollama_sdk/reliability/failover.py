"""Decides which of several endpoints gets a call, and which is tried when that one fails."""

from __future__ import annotations

import functools
import itertools
import random
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import httpx
from attrs import field, frozen

from ollama_sdk._clock import SYSTEM_CLOCK, Clock
from ollama_sdk.errors import CircuitOpenError, ConfigurationError, NoEndpointError, OllamaError

from . import _checks
from ._outcome import ENDPOINT_ERRORS, Outcome, described, status_error
from ._replies import ahold, asettle, flows, hold, settle
from ._request import about, deadline_of, may_repeat, model_of, operation_of
from .events import EndpointEjected, EndpointRevived, FailedOver, Observer, Refused, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from attrs import Attribute

__all__ = ["AsyncFailoverTransport", "Endpoint", "Endpoints", "Failover", "FailoverTransport"]

Strategy = Literal["priority", "round_robin", "least_busy", "model_aware"]


_LAST_PORT = 65535


def _base_url(_: Endpoint, __: object, value: Any) -> None:
    try:
        url = httpx.URL(value)
    except (TypeError, httpx.InvalidURL) as error:
        raise ConfigurationError(f"Endpoint(url={value!r}): {error}") from error
    if url.userinfo:
        raise ConfigurationError(
            f"Endpoint(url=...) on {url.host}: credentials go into api_key or headers, not into the URL"
        )
    good = url.scheme in {"http", "https"} and url.host and not url.query and not url.fragment
    if not good or not (url.port is None or 0 < url.port <= _LAST_PORT):
        raise ConfigurationError(f"Endpoint(url={value!r}): give a base URL such as 'http://gpu-1:11434'")


def _secret(endpoint: Endpoint, attribute: Attribute[Any], value: Any) -> None:
    # The value is a secret: no message may quote it.
    if value is not None and not (isinstance(value, str) and value.isascii() and value.isprintable()):
        raise ConfigurationError(f"Endpoint({attribute.name}=...) for {endpoint.url}: give printable ASCII text")


def _secret_headers(endpoint: Endpoint, attribute: Attribute[Any], value: Any) -> None:
    if value is None:
        return
    headers: Mapping[Any, Any] = value
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"Endpoint({attribute.name}=...) for {endpoint.url}: give a mapping of names to values"
        )
    for name, content in headers.items():
        _secret(endpoint, attribute, name or 0)
        _secret(endpoint, attribute, 0 if content is None else content)


def _without_slash(value: Any) -> Any:
    return value.rstrip("/") if isinstance(value, str) else value


@frozen
class Endpoint:
    """One server.

    Attributes:
        url: Base URL, such as ``http://gpu-1:11434``; a path is put before that of each request.
        api_key: Sent as bearer token to this endpoint and to no other, in place of the one that the request has.
        headers: Sent to this endpoint and to no other, in place of those of these names that the request has.

    Raises:
        ConfigurationError: The URL is none, or holds credentials.
    """

    url: str = field(converter=_without_slash, validator=_base_url)
    api_key: str | None = field(default=None, repr=False, validator=_secret)
    headers: Mapping[str, str] | None = field(default=None, repr=False, validator=_secret_headers)

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that belong to this endpoint alone."""
        own = [(name.encode(), value.encode()) for name, value in (self.headers or {}).items()]
        if self.api_key is not None:
            own.append((b"Authorization", b"Bearer " + self.api_key.encode()))
        return own


@frozen
class Failover:
    """Spread calls over several endpoints, and move on to the next when one fails.

    Use it with two hosts or more. An operation that may not be repeated moves on only when its request never left. It does not
    balance by cost: ``least_busy`` counts the calls of this client only. For a fleet of equal hosts take ``least_busy``, for
    hosts with different models ``model_aware`` with ``client.health.start()``, for a spare host ``priority``.

    Attributes:
        strategy: ``priority`` tries in the order given; ``round_robin`` begins with the next each time; ``least_busy`` with
            the one with the fewest calls in flight (of many, the better of two drawn at random); ``model_aware`` takes only
            endpoints that have the model, first those that have it loaded, as the health check last saw them, and the
            unknown ones last.
        tries: How many endpoints one attempt of a call tries at most; ``None`` tries all.
        eject_after: Failures in a row after which an endpoint is ejected: tried only when all others have failed.
        eject_for: Seconds of the first ejection; doubled each time until it succeeds again.
        eject_for_maximum: The longest ejection, in seconds.
        max_ejected: The largest share of endpoints ejected at once.
        statuses: Error statuses that make a call move on.
        errors: Exceptions that make a call move on; an open circuit always does.

    Raises:
        ConfigurationError: An argument cannot work.
    """

    strategy: Strategy = field(
        default="priority", validator=_checks.one_of("priority", "round_robin", "least_busy", "model_aware")
    )
    tries: int | None = field(default=None, validator=_checks.optional(_checks.count))
    eject_after: int = field(default=3, validator=_checks.count)
    eject_for: float = field(default=10.0, validator=_checks.positive)
    eject_for_maximum: float = field(default=300.0, validator=_checks.positive)
    max_ejected: float = field(default=0.7, validator=_checks.share)
    statuses: frozenset[int] = field(
        default=frozenset({429, 502, 503, 504}), converter=_checks.to_set, validator=_checks.statuses
    )
    errors: tuple[type[Exception], ...] = field(default=ENDPOINT_ERRORS, validator=_checks.classes)


class Member:
    """What is known of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.url = endpoint.url
        self.base = httpx.URL(endpoint.url)
        self.prefix = self.base.raw_path.rstrip(b"/")
        self.host = self.base.netloc.decode("ascii")
        self.own = httpx.Headers(endpoint.own_headers())
        # Adding to and removing from a set is atomic, counting up and down is not.
        self.in_flight: set[object] = set()
        self.available: frozenset[str] | None = None
        self.running: frozenset[str] = frozenset()
        self.failures = 0
        self.ejections = 0
        self.ejected_until: float | None = None
        self.url_of = functools.lru_cache(maxsize=256)(self._url_of)

    def _url_of(self, target: bytes) -> httpx.URL:
        return self.base.copy_with(raw_path=self.prefix + target)

    def busy(self) -> int:
        """How many calls are in flight here."""
        return len(self.in_flight)


def full_name(model: str) -> str:
    """A model's name as the server compares it: with its tag, in any case."""
    name = model.casefold()
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


_MANY = 8
_PATH_STARTS = (b"/", b"?", b"")


class Endpoints:
    """The endpoints of one client and how they fare; shared by the calls of all threads.

    Requests are addressed to the first endpoint. One that is addressed elsewhere is none of its business.
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
        given = list(endpoints)
        self.members = [Member(endpoint) for endpoint in given]
        if not self.members:
            raise ConfigurationError("Failover needs at least one endpoint")
        if len({member.url for member in self.members}) < len(self.members):
            raise ConfigurationError(f"endpoints={[member.url for member in self.members]!r}: each may be given once")
        self.config = config
        self.clock = clock
        self.notify = guarded(observer)
        self.rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._lock = threading.Lock()
        self.rotation = itertools.count()
        home = self.members[0]
        self._home = (home.base.raw_scheme, home.base.raw_host, home.base.port, home.prefix)

    def reconfigure(self, config: Failover, observer: Observer | None) -> None:
        """Go on under ``config``; ejections, models and calls in flight are kept."""
        self.notify = guarded(observer)
        self.config = config

    def begin(self, request: httpx.Request) -> Journey | None:
        """The way of one call over the endpoints; ``None`` when it goes elsewhere.

        Raises:
            NoEndpointError: No endpoint has the model.
        """
        scheme, host, port, prefix = self._home
        url = request.url
        target = url.raw_path
        rest = target[len(prefix) :]
        at_home = (url.raw_scheme, url.raw_host, url.port) == (scheme, host, port)
        if not at_home or not target.startswith(prefix) or rest[:1] not in _PATH_STARTS:
            # A redirect may have led here with what was noted on the way.
            request.extensions.pop("endpoint", None)
            return None
        return Journey(self, request, rest, self._in_order(request))

    def address(self, request: httpx.Request, member: Member, target: bytes) -> httpx.Request:
        """``request`` as ``member`` shall get it."""
        request.extensions["endpoint"] = member.url
        if member is self.members[0] and not member.own:
            return request
        headers = request.headers.copy()
        headers["Host"] = member.host
        headers.update(member.own)
        return httpx.Request(
            request.method,
            member.url_of(target),
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )

    # --- who is next

    def _in_order(self, request: httpx.Request) -> list[Member]:
        ranked = _STRATEGIES[self.config.strategy](self, request)
        if all(member.ejected_until is None for member in self.members):
            return ranked
        self._revive_due(request)
        return sorted(ranked, key=lambda member: member.ejected_until is not None)

    def nobody_has(self, model: str, request: httpx.Request) -> NoEndpointError:
        """The error of a call whose model no endpoint has."""
        if self.notify is not None:
            self.notify(Refused(*about(request, self.clock), "failover", f"no endpoint has the model {model!r}"))
        return NoEndpointError(
            f"no endpoint has the model {model!r}, as far as the last health check saw: pull it, then client.health.check()",
            [OllamaError(f"{member.url} does not have the model {model!r}") for member in self.members],
        )

    # --- how they fare

    def set_models(self, endpoint: str, available: Iterable[str], running: Iterable[str]) -> None:
        """Note which models the endpoint of that URL has, and which of them are loaded."""
        for member in self._called(endpoint):
            member.available = frozenset(map(full_name, available))
            member.running = frozenset(map(full_name, running))

    def set_reachable(self, endpoint: str, reachable: bool) -> None:
        """Revive the endpoint of that URL, or eject it."""
        for member in self._called(endpoint):
            if reachable:
                self._revive([member], None)
            else:
                self._eject(member, "the health check cannot reach it", None)

    def _called(self, endpoint: str) -> list[Member]:
        return [member for member in self.members if member.url == endpoint]

    def succeeded(self, member: Member) -> None:
        """A call to ``member`` went well."""
        if member.failures or member.ejections:
            with self._lock:
                member.failures = 0
                if member.ejected_until is None:
                    member.ejections = 0

    def failed(self, member: Member, reason: str, request: httpx.Request) -> None:
        """A call to ``member`` failed."""
        with self._lock:
            member.failures += 1
            enough = member.failures >= self.config.eject_after
        if enough:
            self._eject(member, reason, request)

    def _eject(self, member: Member, reason: str, request: httpx.Request | None) -> None:
        config = self.config
        with self._lock:
            ejected = sum(other.ejected_until is not None for other in self.members)
            if member.ejected_until is not None or ejected + 1 > config.max_ejected * len(self.members):
                return
            seconds = min(config.eject_for_maximum, config.eject_for * 2.0 ** min(member.ejections, 60))
            member.ejections += 1
            member.ejected_until = self.clock.monotonic() + seconds
        if self.notify is not None:
            self.notify(EndpointEjected(*self.about(member, request), seconds, reason))

    def _revive_due(self, request: httpx.Request) -> None:
        now = self.clock.monotonic()
        self._revive([m for m in self.members if m.ejected_until is not None and m.ejected_until <= now], request)

    def _revive(self, members: list[Member], request: httpx.Request | None) -> None:
        for member in members:
            with self._lock:
                was_ejected, member.ejected_until = member.ejected_until is not None, None
            if was_ejected and self.notify is not None:
                self.notify(EndpointRevived(*self.about(member, request)))

    def about(self, member: Member, request: httpx.Request | None) -> tuple[int, str, str, float]:
        """The four values that an event about ``member`` begins with; outside a call without ``request``."""
        if request is None:
            return 0, "", member.url, self.clock.monotonic()
        call, operation, _, at = about(request, self.clock)
        return call, operation, member.url, at


def _by_priority(endpoints: Endpoints, _: httpx.Request) -> list[Member]:
    return endpoints.members


def _by_rotation(endpoints: Endpoints, _: httpx.Request) -> list[Member]:
    members = endpoints.members
    start = next(endpoints.rotation) % len(members)
    return members[start:] + members[:start]


def _by_load(endpoints: Endpoints, _: httpx.Request) -> list[Member]:
    return _least_busy(endpoints.members, endpoints.rng)


def _by_model(endpoints: Endpoints, request: httpx.Request) -> list[Member]:
    model = model_of(request)
    if model is None:
        return _by_load(endpoints, request)
    name = full_name(model)
    loaded: list[Member] = []
    stored: list[Member] = []
    unknown: list[Member] = []
    for member in endpoints.members:
        if member.available is None:
            unknown.append(member)
        elif name in member.available:
            (loaded if name in member.running else stored).append(member)
    if not (loaded or stored or unknown):
        raise endpoints.nobody_has(model, request)
    return [member for group in (loaded, stored, unknown) for member in _least_busy(group, endpoints.rng)]


def _least_busy(members: list[Member], rng: random.Random) -> list[Member]:
    if len(members) <= _MANY:
        return sorted(members, key=lambda member: (member.busy(), rng.random()))
    pair = sorted(rng.sample(members, 2), key=Member.busy)
    return pair + [member for member in members if member not in pair]


_STRATEGIES: dict[str, Callable[[Endpoints, httpx.Request], list[Member]]] = {
    "priority": _by_priority,
    "round_robin": _by_rotation,
    "least_busy": _by_load,
    "model_aware": _by_model,
}


class Journey:
    """One attempt of a call, from endpoint to endpoint until one of them answers."""

    __slots__ = ("_config", "_endpoints", "_left", "_leg", "_member", "_request", "_said", "_target", "_told")

    def __init__(self, endpoints: Endpoints, request: httpx.Request, target: bytes, members: list[Member]) -> None:
        self._endpoints = endpoints
        self._config = endpoints.config
        self._request = request
        self._target = target
        self._left = members[: endpoints.config.tries]
        self._said: list[Exception] = []
        self._told: list[str] = []
        self._member = self._left[0]
        self._leg = request

    def next(self) -> httpx.Request:
        """The request to the endpoint whose turn it is, which counts as in flight there until :meth:`release`."""
        self._member = self._left[0]
        self._left = self._left[1:]
        self._member.in_flight.add(self)
        self._leg = self._endpoints.address(self._request, self._member, self._target)
        return self._leg

    def release(self) -> None:
        """The call is no longer in flight; saying so again changes nothing."""
        self._member.in_flight.discard(self)

    def goes_on(self, outcome: Outcome | BaseException) -> bool:
        """Whether another endpoint is tried after ``outcome``; if not, it is the caller's.

        Raises:
            NoEndpointError: Several endpoints have been tried, and all of them failed.
        """
        if isinstance(outcome, httpx.Response):
            # Whoever tells of the response later can name the endpoint that it came from.
            outcome.extensions["url"] = self._leg.url
        if not (isinstance(outcome, httpx.Response) and flows(outcome)):
            self.release()
        return self._is_failure(outcome) and self._moves_on(outcome)

    def _is_failure(self, outcome: Outcome | BaseException) -> TypeGuard[Outcome]:
        if isinstance(outcome, CircuitOpenError):
            return True
        if isinstance(outcome, httpx.Response):
            failed = outcome.status_code in self._config.statuses
            if not failed:
                self._endpoints.succeeded(self._member)
        else:
            failed = isinstance(outcome, self._config.errors)
        if failed:
            self._endpoints.failed(self._member, described(outcome), self._request)
        return failed

    def _moves_on(self, outcome: Outcome) -> bool:
        failed = self._member
        cause = outcome if isinstance(outcome, Exception) else None
        if isinstance(outcome, httpx.Response):
            self._said.append(status_error(self._leg, failed.url, outcome))
        else:
            self._said.append(outcome)
        self._told.append(f"{failed.url}: {described(outcome)}")
        sent = not isinstance(outcome, CircuitOpenError)
        if self._left and self._has_time() and (not sent or may_repeat(self._request, cause)):
            self.release()
            self._tell(failed, self._left[0], described(outcome))
            return True
        if len(self._said) == 1:
            return False
        self.release()
        told = "; ".join(self._told)
        raise NoEndpointError(f"{operation_of(self._request)}: no endpoint could answer: {told}", self._said)

    def _has_time(self) -> bool:
        deadline = deadline_of(self._request)
        return deadline is None or self._endpoints.clock.monotonic() < deadline

    def _tell(self, failed: Member, following: Member, reason: str) -> None:
        endpoints = self._endpoints
        if endpoints.notify is not None:
            endpoints.notify(FailedOver(*endpoints.about(failed, self._request), following.url, reason))


class FailoverTransport(httpx.BaseTransport):
    """Sends each request to one of several endpoints, and to the next when that one fails; see :class:`Failover`.

    Requests are addressed to the first endpoint: give the client its URL as ``base_url``.
    """

    def __init__(
        self,
        inner: httpx.BaseTransport,
        endpoints: Endpoints | Iterable[Endpoint],
        policy: Failover | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._endpoints = _shared(endpoints, policy, clock, observer)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` until an endpoint answers."""
        journey = self._endpoints.begin(request)
        if journey is None:
            return self._inner.handle_request(request)
        while True:
            leg = journey.next()
            try:
                response = settle(leg, self._inner.handle_request(leg))
            except BaseException as error:
                if not journey.goes_on(error):
                    raise
                continue
            if not journey.goes_on(response):
                return hold(response, journey.release) if flows(response) else response

    def close(self) -> None:
        """Close the transport within."""
        self._inner.close()


class AsyncFailoverTransport(httpx.AsyncBaseTransport):
    """As :class:`FailoverTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        endpoints: Endpoints | Iterable[Endpoint],
        policy: Failover | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        self._inner = inner
        self._endpoints = _shared(endpoints, policy, clock, observer)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` until an endpoint answers."""
        journey = self._endpoints.begin(request)
        if journey is None:
            return await self._inner.handle_async_request(request)
        while True:
            leg = journey.next()
            try:
                response = await asettle(leg, await self._inner.handle_async_request(leg))
            except BaseException as error:
                if not journey.goes_on(error):
                    raise
                continue
            if not journey.goes_on(response):
                return ahold(response, journey.release) if flows(response) else response

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()


def _shared(
    endpoints: Endpoints | Iterable[Endpoint], policy: Failover | None, clock: Clock, observer: Observer | None
) -> Endpoints:
    if isinstance(endpoints, Endpoints):
        return endpoints
    return Endpoints(endpoints, policy or Failover(), clock=clock, observer=observer)
