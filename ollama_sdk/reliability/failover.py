"""Decides which of several endpoints gets a call, and which is tried when that one fails."""

from __future__ import annotations

import functools
import itertools
import math
import random
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import httpx
from attrs import field, frozen

from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk.errors import APITimeoutError, CircuitOpenError, ConfigurationError, NoEndpointError, OllamaError

from . import _checks
from ._outcome import ENDPOINT_ERRORS, Outcome, described
from ._replies import ahold, asettle, flows, hold, settle
from ._request import about, cut_short, deadline_of, may_repeat, model_of, operation_of
from .events import EndpointEjected, EndpointRevived, Event, FailedOver, Observer, Refused, guarded, observer_of, tell

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
        api_key: Sent as bearer token to this endpoint and to no other, in place of the client's, and of one in ``headers``.
        headers: Sent to this endpoint and to no other, in place of the client's of these names. What is given to
            ``with_options()`` or to a call as ``extra_headers`` goes before both.

    Raises:
        ConfigurationError: The URL is none, or holds credentials.
    """

    url: str = field(converter=_without_slash, validator=_base_url)
    api_key: str | None = field(default=None, repr=False, validator=_secret)
    headers: Mapping[str, str] | None = field(default=None, repr=False, validator=_secret_headers)

    def own_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that belong to this endpoint alone, one of each name."""
        own = {name.lower(): (name.encode(), value.encode()) for name, value in (self.headers or {}).items()}
        if self.api_key is not None:
            own["authorization"] = (b"Authorization", b"Bearer " + self.api_key.encode())
        return list(own.values())


@frozen
class Failover:
    """Spread calls over several endpoints, and move on to the next when one fails.

    Use it with two hosts or more. An operation that may not be repeated moves on only when its request never left. It does not
    balance by cost: ``least_busy`` counts the calls of this client only. For a fleet of equal hosts take ``least_busy``, for
    hosts with different models ``model_aware`` with ``client.health.start()``, for a spare host ``priority``.

    Calls that belong together may go to different hosts. A file that is uploaded is on one host only: use a client of that host
    alone for ``upload_blob`` and the ``create`` that needs the file.

    Attributes:
        strategy: ``priority`` tries in the order given; ``round_robin`` begins with the next each time; ``least_busy`` with
            the one with the fewest calls in flight (of many, the better of two drawn at random); ``model_aware`` takes only
            endpoints that have the model, first those that have it loaded, as the health check last saw them, and the
            unknown ones last; for a call that needs no model to be there, such as a pull, it is ``least_busy``.
        tries: How many endpoints one attempt of a call tries at most, not counting those whose circuit is open; ``None``
            tries all.
        eject_after: Failures in a row after which an endpoint is ejected: tried only when all others have failed.
        eject_for: Seconds of the first ejection; doubled each time until it succeeds again. When they are over it is used
            as before, but the next failure ejects it again. A health check that cannot reach it ejects it as well, or for
            longer; one that reaches it ends the ejection.
        eject_for_maximum: The longest ejection, in seconds; at least ``eject_for``.
        max_ejected: The largest share of endpoints ejected at once; of several, one may always be. Those that fail beyond
            it are tried after the good ones and before the ejected.
        statuses: Error statuses that make a call move on.
        errors: Exceptions of ``httpx`` that make a call move on; an open circuit always does.

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

    def __attrs_post_init__(self) -> None:
        _checks.ordered(self, "eject_for", "eject_for_maximum")


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
        # How often it was put out since it last succeeded, until when it is, and whether as one of the share.
        self.ejections = 0
        self.out_until: float | None = None
        self.ejected = False
        self.url_of = functools.lru_cache(maxsize=256)(self._url_of)

    def _url_of(self, target: bytes) -> httpx.URL:
        return self.base.copy_with(raw_path=self.prefix + target)

    def busy(self) -> int:
        """How many calls are in flight here."""
        return len(self.in_flight)

    def standing(self) -> int:
        """0 of one that is used, 1 of a failing one that could not be ejected, 2 of an ejected one."""
        return 0 if self.out_until is None else 1 + self.ejected


_SCHEME = re.compile("^https?://")


@functools.lru_cache(maxsize=1024)
def full_name(model: str) -> str:
    """A model's name as the server compares it: ``host/namespace/model:tag``, whatever was left out, in any case."""
    head, _, last = _SCHEME.sub("", model.lower()).rpartition("/")
    host, _, namespace = head.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{host or 'registry.ollama.ai'}/{namespace or 'library'}/{name}:{tag or 'latest'}"


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
        if len({member.base for member in self.members}) < len(self.members):
            raise ConfigurationError(f"endpoints={[member.url for member in self.members]!r}: each may be given once")
        self.config = config
        self.clock = clock
        self.notify = guarded(observer)
        self.rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._lock = threading.Lock()
        self._turns = itertools.count()
        home = self.members[0]
        self._home = (home.base.raw_scheme, home.base.raw_host, home.base.port)

    def reconfigure(self, config: Failover) -> None:
        """Go on under ``config``; ejections, models and calls in flight are kept."""
        self.config = config

    def begin(self, request: httpx.Request) -> Journey | None:
        """The way of one call over the endpoints; ``None`` when it goes elsewhere.

        Raises:
            NoEndpointError: No endpoint has the model.
        """
        url = request.url
        target = url.raw_path
        prefix = self.members[0].prefix
        rest = target[len(prefix) :]
        at_home = (url.raw_scheme, url.raw_host, url.port) == self._home
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
        about(request, self.clock)  # the copy shares the number that events know the call by
        headers = request.headers.copy()
        headers["Host"] = member.host
        chosen = request.extensions.get("chosen", ())
        headers.update(
            {name: value for name, value in member.own.items() if name not in chosen} if chosen else member.own
        )
        return httpx.Request(
            request.method,
            member.url_of(target),
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )

    def keep_cookies_back(self, response: httpx.Response) -> None:
        """Let no cookie of one endpoint get into the jar of a client that knows a single address for all of them."""
        if len(self.members) > 1 and "set-cookie" in response.headers:
            del response.headers["set-cookie"]

    # --- who is next

    def _in_order(self, request: httpx.Request) -> list[Member]:
        rank = _STRATEGIES[self.config.strategy]
        turn = next(self._turns)
        out = [member for member in self.members if member.out_until is not None]
        if not out:
            ranked = rank(self, self.members, request, turn)
        else:
            for member in self._revived(out, self.clock.monotonic()):
                self.tell(request, member, EndpointRevived)
            ranked = [one for group in self._by_standing() for one in rank(self, group, request, turn)]
        if not ranked:
            raise self._nobody_has(model_of(request), request)
        return ranked

    def _by_standing(self) -> list[list[Member]]:
        groups: tuple[list[Member], ...] = [], [], []
        for member in self.members:
            groups[member.standing()].append(member)
        return [group for group in groups if group]

    def _nobody_has(self, model: str | None, request: httpx.Request) -> NoEndpointError:
        tell(request, self.clock, self.notify, Refused, "failover", f"no endpoint has the model {model!r}")
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

    def set_reachable(self, endpoint: str, reachable: bool, notify: Callable[[Event], None] | None = None) -> None:
        """Revive the endpoint of that URL; or eject it, for longer if it is ejected; and tell ``notify``."""
        notify = notify or self.notify
        members = self._called(endpoint)
        if reachable:
            for member in self._revived(members, math.inf):
                if notify is not None:
                    notify(EndpointRevived(0, "", member.url, self.clock.monotonic()))
            return
        for member in members:
            with self._lock:
                seconds = self._put_out(member)
            if seconds is not None and notify is not None:
                reason = "the health check cannot reach it"
                notify(EndpointEjected(0, "", member.url, self.clock.monotonic(), seconds, reason))

    def _called(self, endpoint: str) -> list[Member]:
        return [member for member in self.members if member.url == endpoint]

    def succeeded(self, member: Member) -> None:
        """A call to ``member`` went well; one that began before an ejection does not end it."""
        if member.failures or member.ejections:
            with self._lock:
                member.failures = 0
                if not member.ejected:
                    member.ejections, member.out_until = 0, None

    def failed(self, member: Member, reason: str, request: httpx.Request) -> None:
        """A call to ``member`` failed."""
        with self._lock:
            member.failures += 1
            enough = member.failures >= self.config.eject_after and member.out_until is None
            seconds = self._put_out(member) if enough else None
        if seconds is not None:
            self.tell(request, member, EndpointEjected, seconds, reason)

    def _put_out(self, member: Member) -> float | None:
        """Have ``member`` tried after the good ones for a while, ejected if the share allows; for how long if that is new.

        Called with the lock held.
        """
        config = self.config
        seconds = min(config.eject_for_maximum, config.eject_for * 2.0 ** min(member.ejections, 60))
        member.ejections += 1
        member.out_until = self.clock.monotonic() + seconds
        if member.ejected or sum(other.ejected for other in self.members) >= self._most_ejected():
            return None
        member.ejected = True
        return seconds

    def _most_ejected(self) -> int:
        # As Envoy does: of several, one may always be. A product such as 0.7 * 90 may be a hair below the whole number.
        several = len(self.members) > 1
        return max(several, math.floor(round(self.config.max_ejected * len(self.members), 9)))

    def _revived(self, members: list[Member], now: float) -> list[Member]:
        """Use those of ``members`` whose time is over as before; which of them were ejected."""
        revived: list[Member] = []
        for member in members:
            with self._lock:
                if member.out_until is None or member.out_until > now:
                    continue
                was_ejected, member.ejected, member.out_until = member.ejected, False, None
                member.failures = min(member.failures, self.config.eject_after - 1)
            if was_ejected:
                revived.append(member)
        return revived

    def tell(self, request: httpx.Request, member: Member, kind: Callable[..., Event], *values: object) -> None:
        """Tell who hears of this call that something has happened to ``member``."""
        notify = observer_of(request, self.notify)
        if notify is not None:
            call, operation, _, at = about(request, self.clock)
            notify(kind(call, operation, member.url, at, *values))


# Each puts some of the endpoints in order; ``turn`` counts the calls.


def _by_priority(_: Endpoints, members: list[Member], __: httpx.Request, ___: int) -> list[Member]:
    return members


def _by_rotation(_: Endpoints, members: list[Member], __: httpx.Request, turn: int) -> list[Member]:
    start = turn % len(members)
    return members[start:] + members[:start]


def _by_load(endpoints: Endpoints, members: list[Member], _: httpx.Request, __: int) -> list[Member]:
    return _least_busy(members, endpoints.rng)


def _by_model(endpoints: Endpoints, members: list[Member], request: httpx.Request, _: int) -> list[Member]:
    model = model_of(request)
    if model is None or not request.extensions.get("needs_model", True):
        return _least_busy(members, endpoints.rng)
    name = full_name(model)
    loaded: list[Member] = []
    stored: list[Member] = []
    unknown: list[Member] = []
    for member in members:
        if member.available is None:
            unknown.append(member)
        elif name in member.available:
            (loaded if name in member.running else stored).append(member)
    return [member for group in (loaded, stored, unknown) for member in _least_busy(group, endpoints.rng)]


def _least_busy(members: list[Member], rng: random.Random) -> list[Member]:
    if len(members) <= _MANY:
        return sorted(members, key=lambda member: (member.busy(), rng.random()))
    # The others in any order, too: or those who failed here would all go to the same one.
    drawn = rng.sample(members, len(members))
    return sorted(drawn[:2], key=Member.busy) + drawn[2:]


_STRATEGIES: dict[str, Callable[[Endpoints, list[Member], httpx.Request, int], list[Member]]] = {
    "priority": _by_priority,
    "round_robin": _by_rotation,
    "least_busy": _by_load,
    "model_aware": _by_model,
}


class _StatusError(httpx.HTTPStatusError):
    """A response as an exception, which pickles."""

    def __init__(self, message: str, response: httpx.Response) -> None:
        super().__init__(message, request=response.request, response=response)

    def __reduce__(self) -> tuple[Any, ...]:
        return _StatusError, (*self.args, self.response)


# What no longer holds for a body that has been decoded.
_ABOUT_ENCODING = {b"content-encoding", b"content-length", b"transfer-encoding"}


def _status_error(request: httpx.Request, endpoint: str, response: httpx.Response) -> httpx.HTTPStatusError:
    """A response as an exception: readable whatever its encoding, of a request that shows no key."""
    try:
        body = response.read()
    except httpx.DecodingError:
        body = b""
    told = httpx.Response(
        response.status_code,
        headers=[(name, value) for name, value in response.headers.raw if name.lower() not in _ABOUT_ENCODING],
        content=body,
        extensions=response.extensions,
        request=httpx.Request(request.method, request.url),
    )
    return _StatusError(f"{endpoint} answered {response.status_code}", told)


class Journey:
    """One attempt of a call, from endpoint to endpoint until one of them answers."""

    __slots__ = (
        "_config",
        "_endpoints",
        "_left",
        "_leg",
        "_member",
        "_request",
        "_said",
        "_since",
        "_target",
        "_told",
        "_tries",
    )

    def __init__(self, endpoints: Endpoints, request: httpx.Request, target: bytes, members: list[Member]) -> None:
        self._endpoints = endpoints
        self._config = config = endpoints.config
        self._request = request
        self._target = target
        self._left = members
        self._tries = config.tries or len(members)
        self._said: list[Exception] = []
        self._told: list[str] = []
        self._member = self._left[0]
        self._leg = request
        self._since = 0.0

    def next(self) -> httpx.Request:
        """The request to the endpoint whose turn it is, which counts as in flight there until :meth:`release`."""
        self._member = self._left[0]
        self._left = self._left[1:]
        self._member.in_flight.add(self)
        self._since = self._endpoints.clock.monotonic()
        self._leg = self._endpoints.address(self._request, self._member, self._target)
        return self._leg

    def release(self) -> None:
        """The call is no longer in flight; saying so again changes nothing."""
        self._member.in_flight.discard(self)

    def goes_on(self, outcome: Outcome | BaseException) -> bool:
        """Whether another endpoint is tried after ``outcome``; if not, it is the caller's.

        Raises:
            NoEndpointError: Several endpoints have been tried, and all of them failed.
            APITimeoutError: So they did, and the deadline of the call has passed; the cause is that error.
        """
        if isinstance(outcome, httpx.Response):
            self._endpoints.keep_cookies_back(outcome)
        if not (isinstance(outcome, httpx.Response) and flows(outcome)):
            self.release()
        if self._is_failure(outcome):
            return self._moves_on(outcome)
        # While a stream is in flight this is kept, and with an error whoever called, who then could not forget the stream.
        self._said.clear()
        return False

    def _is_failure(self, outcome: Outcome | BaseException) -> TypeGuard[Outcome]:
        if isinstance(outcome, httpx.Response):
            failed = outcome.status_code in self._config.statuses
            if not failed:
                self._endpoints.succeeded(self._member)
        elif isinstance(outcome, CircuitOpenError):
            return True
        else:
            failed = isinstance(outcome, self._config.errors)
        if failed and not self._cut_short(outcome):
            self._endpoints.failed(self._member, described(outcome), self._request)
        return failed

    def _cut_short(self, outcome: Outcome | BaseException) -> bool:
        now = self._endpoints.clock.monotonic()
        return isinstance(outcome, Exception) and cut_short(self._request, outcome, self._since, now)

    def _moves_on(self, outcome: Outcome) -> bool:
        failed = self._member
        cause = outcome if isinstance(outcome, Exception) else None
        if isinstance(outcome, httpx.Response):
            self._said.append(_status_error(self._leg, failed.url, outcome))
        else:
            self._said.append(outcome)
        self._told.append(f"{failed.url}: {described(outcome)}")
        sent = not isinstance(outcome, CircuitOpenError)
        self._tries -= sent
        if self._left and self._tries > 0 and self._has_time() and (not sent or may_repeat(self._request, cause)):
            self.release()
            self._endpoints.tell(self._request, failed, FailedOver, self._left[0].url, described(outcome))
            return True
        if len(self._said) == 1:
            return False
        self.release()
        told = "; ".join(self._told)
        said, self._said = self._said, []
        nobody = NoEndpointError(f"{operation_of(self._request)}: no endpoint could answer: {told}", said)
        if self._has_time():
            raise nobody
        raise APITimeoutError(
            f"{operation_of(self._request)}: the total timeout ran out before an endpoint could answer: {told}",
            phase="total",
        ) from nobody

    def _has_time(self) -> bool:
        deadline = deadline_of(self._request)
        return deadline is None or self._endpoints.clock.monotonic() < deadline


class FailoverTransport(httpx.BaseTransport):
    """Sends each request to one of several endpoints, and to the next when that one fails; see :class:`Failover`.

    Requests are addressed to the first endpoint: give the client its URL as ``base_url``. Cookies that one of several
    endpoints sets are dropped: the client would send them to the others.
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
