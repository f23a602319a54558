"""Sends each call to one of several endpoints, and to the next when that one fails.

A call has a *route*: the endpoints in the order in which it tries them, which :mod:`~ollama_sdk.reliability.endpoints` decides when
the call begins. An attempt at one endpoint ends in one of three ways:

- The endpoint answered, with any status that is not in ``statuses``: the call ends with that response.
- The endpoint failed, with a status in ``statuses``, an error in ``errors`` or an open circuit: the call moves to the next endpoint
  of its route, if there is one, ``tries`` allows it, the deadline has not passed, and the request may be repeated or was never
  sent. Otherwise the call ends: with the outcome of the endpoint if it is the only one tried, else with ``NoEndpointError``.
- Any other error, such as a cancelled task or a mistake of the caller: the call ends with it.

A call is in flight at an endpoint from before the request is sent until its attempt fails, its response has been read, or its stream
is closed or garbage-collected; so it is counted once, and always removed. The flow takes no lock, and remembers of earlier calls only the
last URL that was found to be an endpoint's: the shared state is in :class:`~ollama_sdk.reliability.endpoints.Endpoints`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from attrs import field, frozen

from ollama_sdk._bodies import WholeBody, hold
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._outcome import CallOutcome, on_outcome
from ollama_sdk.errors import APITimeoutError, CircuitOpenError, NoEndpointError, decoded_headers

from . import _checks
from ._driver import AsyncPolicyTransport, CallOwner, CallRef, Flow, PolicyTransport, Send
from ._extensions import about, cut_short, deadline_of, may_repeat, operation_of
from ._failures import ENDPOINT_ERRORS, Outcome, described
from ._model_changes import MODEL_CHANGES, NOT_FOUND, change_of, says_missing
from .endpoints import Endpoints, Member
from .events import FailedOver, Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike

    from ._strategies import Strategy
    from .endpoint import Endpoint

__all__ = ["AsyncFailoverTransport", "Failover", "FailoverTransport", "Router"]


@frozen
class Failover:
    """Spread calls over several endpoints, and move to the next when one fails.

    Use it with two hosts or more. A request that may not be repeated moves only if it was never sent. For a fleet of equal hosts
    take ``least_busy``, which counts only the calls of this client; for hosts with different models ``model_aware`` with
    ``client.health.start()``; for a spare host ``priority``.

    Related calls may go to different hosts. An uploaded file is on one host only: use a client of only that host for
    ``upload_blob`` and the ``create`` that needs the file.

    Attributes:
        strategy: ``priority`` tries in the order given. ``round_robin`` starts each call with the next one, the first
            call with a random one. ``least_busy`` starts with the one that has the fewest calls in flight, of several such with a
            random one (of more than eight, with the less busy of two random ones).
            ``model_aware`` takes only endpoints that have the model: first those that had it loaded at the last health check
            (under any name of the same digest; see :class:`EndpointHealth`), last those without a health check. Models that its
            own calls create, copy, pull or delete count at once. An endpoint that answers that it lacks the model is marked, and
            the call moves on. A call that does not need an existing model, such as a pull, is sent as by ``least_busy``.
        tries: The most endpoints that one attempt of a call tries, without those whose circuit is open; ``None`` tries all.
        eject_after: Failures in a row after which an endpoint is ejected: it is then tried only after all others have failed.
        eject_for: Seconds of the first ejection; doubled each time until a call succeeds again. Afterwards the endpoint is used
            as before, but its next failure ejects it again. A health check that cannot reach an endpoint ejects it, or extends
            its ejection; one that reaches it ends the ejection.
        eject_for_maximum: The longest ejection, in seconds; at least ``eject_for``.
        max_ejected: The largest share of endpoints ejected at once; one of several may always be. Further failing endpoints are
            tried after the healthy ones and before the ejected ones.
        statuses: Error statuses that make a call move.
        errors: Exceptions of ``httpx`` that make a call move; an open circuit always does.

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


class _Failure(NamedTuple):
    """A failed attempt at one endpoint.

    Attributes:
        member: The endpoint.
        request: The request as it was sent to the endpoint.
        outcome: The response or the error.
        is_missing_model: Whether the endpoint answered that it does not have the model.
    """

    member: Member
    request: httpx.Request
    outcome: Outcome
    is_missing_model: bool = False

    def __str__(self) -> str:
        return f"{self.member.url}: {described(self.outcome, self.request)}"

    @property
    def was_sent(self) -> bool:
        return not isinstance(self.outcome, CircuitOpenError)

    def as_error(self) -> Exception:
        if isinstance(self.outcome, Exception):
            return self.outcome
        return _status_error(self.request, self.member.url, self.outcome)


_PATH_STARTS = (b"/", b"?", b"")


class Router:
    """Routes the calls of one client over its endpoints; the policy of :class:`Failover`.

    Requests are addressed to the first endpoint. A request to any other address is sent unchanged.
    """

    judges_attempts = True

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self.clock: Clock = endpoints.clock
        first = endpoints.members[0]
        self._prefix = first.prefix
        self._origin = (first.base.raw_scheme, first.base.raw_host, first.base.port)
        self._latest: httpx.URL | None = None  # the latest URL found to be ours: usually that of the next request, too
        self._sent_as_it_is = None if first.own_headers else first
        self._shares_cookies = len(endpoints.members) > 1

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Send one call to endpoint after endpoint until one of them answers.

        Raises:
            NoEndpointError: No endpoint has the model, or several were tried and all of them failed.
            APITimeoutError: They failed, and the deadline of the call has passed; the cause is the ``NoEndpointError``.
        """
        extensions = request.extensions
        if request.url is not self._latest and not self._is_ours(request.url):
            extensions.pop("endpoint", None)  # set before a redirect
            return (yield from send(request))
        endpoints = self._endpoints
        config = endpoints.config
        route = endpoints.members if endpoints.keeps_order else endpoints.in_order(request)
        failures: list[_Failure] = []
        owner: CallOwner | None = None
        try:
            for member in route:
                started = self.clock.monotonic()
                extensions["endpoint"] = member.url
                attempt = request if member is self._sent_as_it_is else self._address(request, member)
                # The call is in flight while its owner lives; the owner dies with this flow, even after an interrupt.
                owner = CallOwner()
                call = CallRef(owner, member.ended)
                member.in_flight.add(call)
                try:
                    response = yield from send(attempt)
                except Exception as error:
                    if not isinstance(error, (CircuitOpenError, *config.errors)):
                        raise
                    failures.append(_Failure(member, attempt, error))
                else:
                    if self._shares_cookies:
                        _drop_cookie(response)
                    status = response.status_code
                    is_missing = status == NOT_FOUND and self._learn_missing(request, response, member)
                    if status not in config.statuses and not is_missing:
                        if member.failures or member.ejections or extensions.get("operation") in MODEL_CHANGES:
                            self._note_success(request, response, member)
                        is_read = isinstance(response.stream, WholeBody)
                        return response if is_read else hold(response, partial(_end, member.ended, call, owner))
                    failures.append(_Failure(member, attempt, response, is_missing))
                self._note_failure(failures[-1], request, started)
                if len(failures) == len(route) or not self._may_move(failures, request):
                    break
                reason = described(failures[-1].outcome, failures[-1].request)
                endpoints.emit(request, member, FailedOver, route[len(failures)].url, reason)
            return self._give_up(request, failures)
        finally:
            owner = None
            failures.clear()  # their tracebacks refer to this frame: only the garbage collector would free it and the response

    def _is_ours(self, url: httpx.URL) -> bool:
        """Whether a request to ``url`` is addressed to the first endpoint."""
        prefix, path = self._prefix, url.raw_path
        if (url.raw_scheme, url.raw_host, url.port) != self._origin:
            return False
        if not path.startswith(prefix) or path[len(prefix) : len(prefix) + 1] not in _PATH_STARTS:
            return False
        self._latest = url
        return True

    def _address(self, request: httpx.Request, member: Member) -> httpx.Request:
        """A copy of ``request`` for ``member``."""
        about(request, self.clock)  # numbers the call, so that the events of the copy have the same number
        headers = request.headers.copy()
        headers["Host"] = member.host
        chosen = request.extensions.get("chosen", ())
        headers.update(
            {name: value for name, value in member.own_headers.items() if name not in chosen}
            if chosen
            else member.own_headers
        )
        return httpx.Request(
            request.method,
            member.url_of(request.url.raw_path[len(self._prefix) :]),
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )

    def _learn_missing(self, request: httpx.Request, response: httpx.Response, member: Member) -> bool:
        """Note that ``member`` answers that it does not have the model; returns whether ``model_aware`` moves the call on."""
        endpoints, extensions = self._endpoints, request.extensions
        if endpoints.config.strategy != "model_aware":
            return False
        if not extensions.get("needs_model", True) or not says_missing(request, response):
            return False
        endpoints.learn(member, extensions["model"], is_there=False)
        return True

    def _note_success(self, request: httpx.Request, response: httpx.Response, member: Member) -> None:
        """Note that ``member`` answered, and the model that the call adds to it or removes, once it has succeeded."""
        self._endpoints.note_success(member)
        change = change_of(request)
        if change is None or not response.is_success:
            return
        model, is_there = change
        learn = partial(self._endpoints.learn, member, model, is_there=is_there)
        if not on_outcome(request, response, partial(_unless_failed, learn)) and isinstance(response.stream, WholeBody):
            learn()

    def _note_failure(self, failure: _Failure, request: httpx.Request, started: float) -> None:
        outcome = failure.outcome
        if isinstance(outcome, CircuitOpenError) or failure.is_missing_model:
            return
        if isinstance(outcome, Exception) and cut_short(request, outcome, started, self.clock.monotonic()):
            return
        self._endpoints.note_failure(failure.member, described(outcome, failure.request), request)

    def _may_move(self, failures: list[_Failure], request: httpx.Request) -> bool:
        """Whether the call may be sent to another endpoint after these failures."""
        failure, tries = failures[-1], self._endpoints.config.tries
        if tries is not None and sum(failure.was_sent for failure in failures) >= tries:
            return False
        if not self._has_time(request):
            return False
        if failure.is_missing_model:  # the endpoint did nothing, so the request may be repeated if its body can be
            return bool(request.extensions.get("rewinds", isinstance(request.stream, WholeBody)))
        error = failure.outcome if isinstance(failure.outcome, Exception) else None
        return not failure.was_sent or may_repeat(request, error)

    def _has_time(self, request: httpx.Request) -> bool:
        deadline = deadline_of(request)
        return deadline is None or self.clock.monotonic() < deadline

    def _give_up(self, request: httpx.Request, failures: list[_Failure]) -> httpx.Response:
        """End the call as its only attempt ended, or with one error about all attempts."""
        if len(failures) > 1:
            raise self._all_failed(request, failures)
        return _returned(failures.pop().outcome)

    def _all_failed(self, request: httpx.Request, failures: list[_Failure]) -> Exception:
        """The error of a call that failed at several endpoints."""
        operation, text = operation_of(request), "; ".join(map(str, failures))
        error = NoEndpointError(
            f"{operation}: no endpoint could answer: {text}", [failure.as_error() for failure in failures]
        )
        if self._has_time(request):
            return error
        late = APITimeoutError(
            f"{operation}: the total timeout passed before an endpoint could answer: {text}", phase="total"
        )
        late.__cause__ = error
        return late


def _unless_failed(learn: Callable[[], None], outcome: CallOutcome) -> None:
    if outcome.error is None:
        learn()


def _drop_cookie(response: httpx.Response) -> None:
    """Remove cookies: the client has one address for all endpoints, so it would send them to the others."""
    if "set-cookie" in response.headers:
        del response.headers["set-cookie"]


def _end(ended: Callable[[CallRef], None], call: CallRef, _owner: CallOwner) -> None:
    ended(call)


def _returned(outcome: Outcome) -> httpx.Response:
    """Return a response, raise an error."""
    if isinstance(outcome, httpx.Response):
        return outcome
    try:
        raise outcome
    finally:
        del outcome  # its traceback refers to this frame


class _StatusError(httpx.HTTPStatusError):
    """A response as an exception, which pickles."""

    def __init__(self, message: str, response: httpx.Response) -> None:
        super().__init__(message, request=response.request, response=response)

    def __reduce__(self) -> tuple[Any, ...]:
        return _StatusError, (*self.args, self.response)


def _status_error(request: httpx.Request, endpoint: str, response: httpx.Response) -> httpx.HTTPStatusError:
    """A response as an exception, with the decoded body, and without the request's headers, which may hold a key."""
    try:
        body = response.read()
    except httpx.DecodingError:
        body = b""
    readable = httpx.Response(
        response.status_code,
        headers=decoded_headers(response.headers),
        content=body,
        extensions=response.extensions,
        request=httpx.Request(request.method, request.url),
    )
    return _StatusError(f"{endpoint} answered {response.status_code}", readable)


def _router(
    endpoints: Endpoints | Iterable[Endpoint], policy: Failover | None, clock: Clock, observer: Observer | None
) -> Router:
    if not isinstance(endpoints, Endpoints):
        endpoints = Endpoints(endpoints, policy or Failover(), clock=clock, observer=observer)
    return Router(endpoints)


class FailoverTransport(PolicyTransport):
    """Sends each request to one of several endpoints, and to the next when that one fails; see :class:`Failover`.

    Requests are addressed to the first endpoint: give the client its URL as ``base_url``. A cookie that one of several endpoints
    sets is dropped, because the client would send it to the others.

    Args:
        inner: Sends the requests; closed with this transport.
        endpoints: The servers.
        policy: How to choose among them; by default :class:`Failover`'s defaults.
        clock: Measures ejections and deadlines.
        observer: Called with each event.
    """

    def __init__(
        self,
        inner: TransportLike,
        endpoints: Endpoints | Iterable[Endpoint],
        policy: Failover | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, _router(endpoints, policy, clock, observer))


class AsyncFailoverTransport(AsyncPolicyTransport):
    """As :class:`FailoverTransport`, on asyncio and trio."""

    def __init__(
        self,
        inner: AsyncTransportLike,
        endpoints: Endpoints | Iterable[Endpoint],
        policy: Failover | None = None,
        *,
        clock: Clock = SYSTEM_CLOCK,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(inner, _router(endpoints, policy, clock, observer))
