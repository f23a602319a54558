"""Failover: which endpoint gets a call, which is next, and what each of them is told."""

from __future__ import annotations

import gc
import random
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from reliability_kit import Caller, HandClock, Script, chunks, say, serving

from ollama_sdk.errors import CircuitOpenError, ConfigurationError, NoEndpointError
from ollama_sdk.reliability import (
    AsyncFailoverTransport,
    Endpoint,
    EndpointEjected,
    EndpointRevived,
    FailedOver,
    Failover,
    FailoverTransport,
)
from ollama_sdk.reliability.failover import Endpoints

PAIR = (FailoverTransport, AsyncFailoverTransport)
A, B, C = "http://a:1", "http://b:2", "http://c:3"
THREE = [Endpoint(A), Endpoint(B), Endpoint(C)]
SAFE = {"repeat": "safe", "operation": "chat"}


class Hosts(Script):
    """Answers by host: a status, an exception or a function; 200 unless told otherwise."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(self.answer)
        self.answers = answers

    def answer(self, request: httpx.Request) -> httpx.Response:
        outcome = self.answers.get(request.url.host, 200)
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome, text=f"{request.url.host} says {outcome}")

    @property
    def asked(self) -> str:
        return "".join(request.url.host for request in self.requests)


def post(caller: Caller, transport: Any, **kwargs: Any) -> httpx.Response:
    return caller.call(transport, "POST", f"{A}/api/chat", content=b"{}", extensions=dict(SAFE), **kwargs)


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("stalled"), 429, 502, 503, 504],
)
def test_a_call_moves_on_when_its_endpoint_fails(caller: Caller, clock: HandClock, failure: Any) -> None:
    wire, events = Hosts(a=failure), []
    transport = caller.wrap(PAIR, wire, THREE, Failover(), clock=clock, observer=events.append)
    assert post(caller, transport).text == "b says 200"
    assert wire.asked == "ab"
    [event] = events
    assert (type(event), event.endpoint, event.to, event.operation) == (FailedOver, A, B, "chat")


def test_an_open_circuit_moves_even_an_unsafe_call_on(clock: HandClock) -> None:
    wire = Hosts(a=CircuitOpenError("open", endpoint=A, retry_after=1))
    transport = FailoverTransport(wire, THREE, Failover(), clock=clock)
    assert Caller("sync").call(transport, "DELETE", f"{A}/api/delete").text == "b says 200"


@pytest.mark.parametrize(
    ("failure", "asked"), [(httpx.ConnectError("refused"), "ab"), (httpx.ReadError("reset"), "a"), (503, "a")]
)
def test_an_unsafe_call_moves_on_only_when_it_never_left(clock: HandClock, failure: Any, asked: str) -> None:
    wire = Hosts(a=failure)
    try:
        Caller("sync").call(FailoverTransport(wire, THREE, Failover(), clock=clock), "DELETE", f"{A}/api/delete")
    except httpx.ReadError:
        assert failure != 503
    assert wire.asked == asked


def test_when_all_fail_the_error_holds_what_each_said(caller: Caller, clock: HandClock) -> None:
    wire = Hosts(a=httpx.ConnectError("refused"), b=503, c=CircuitOpenError("open", endpoint=C, retry_after=1))
    with pytest.raises(
        NoEndpointError,
        match=r"chat: no endpoint could answer: http://a:1: ConnectError: refused; http://b:2: status 503; http://c:3: .*open",
    ) as raised:
        post(caller, caller.wrap(PAIR, wire, THREE, Failover(), clock=clock))
    refused, busy, opened = raised.value.exceptions
    assert isinstance(refused, httpx.ConnectError)
    assert isinstance(busy, httpx.HTTPStatusError)
    assert busy.response.read() == b"b says 503"
    assert isinstance(opened, CircuitOpenError)


def test_what_a_single_endpoint_says_is_handed_on_as_it_is(caller: Caller, clock: HandClock) -> None:
    assert post(caller, caller.wrap(PAIR, Hosts(a=503), [Endpoint(A)], Failover(), clock=clock)).status_code == 503
    with pytest.raises(httpx.ReadError):
        post(caller, caller.wrap(PAIR, Hosts(a=httpx.ReadError("x")), [Endpoint(A)], Failover(), clock=clock))


def test_a_mistake_of_the_caller_goes_to_one_endpoint_only(caller: Caller, clock: HandClock) -> None:
    wire = Hosts(a=400)
    assert post(caller, caller.wrap(PAIR, wire, THREE, Failover(), clock=clock)).status_code == 400
    assert wire.asked == "a"


def test_all_endpoints_are_tried_however_many_there_are(caller: Caller, clock: HandClock) -> None:
    hosts = "abcdefg"
    wire = Hosts(**dict.fromkeys(hosts[:-1], 503))
    endpoints = [Endpoint(A), *(Endpoint(f"http://{host}:1") for host in hosts[1:])]
    assert post(caller, caller.wrap(PAIR, wire, endpoints, Failover(), clock=clock)).status_code == 200
    assert wire.asked == hosts


def test_no_more_endpoints_are_tried_than_asked_for_nor_after_the_deadline(clock: HandClock) -> None:
    wire = Hosts(a=503, b=503, c=503)
    with pytest.raises(NoEndpointError):
        post(Caller("sync"), FailoverTransport(wire, THREE, Failover(tries=2), clock=clock))
    assert wire.asked == "ab"
    wire.requests.clear()
    transport = FailoverTransport(wire, THREE, Failover(), clock=clock)
    Caller("sync").call(transport, url=f"{A}/x", extensions={"deadline": clock.now})
    assert wire.asked == "a"


def test_a_stream_that_is_refused_everywhere_tells_every_refusal_whole_and_stays_nowhere_in_flight() -> None:
    with serving({"/a/s": say(503, b"a is full"), "/b/s": say(503, b"b is full")}) as server:
        shared = Endpoints([Endpoint(f"{server.url}/a"), Endpoint(f"{server.url}/b")], Failover())
        with FailoverTransport(httpx.HTTPTransport(), shared) as transport, pytest.raises(NoEndpointError) as raised:
            transport.handle_request(httpx.Request("GET", f"{server.url}/a/s", extensions={"stream": True}))
    assert [said.response.read() for said in raised.value.exceptions] == [b"a is full", b"b is full"]
    assert [member.busy() for member in shared.members] == [0, 0]


# --- what an endpoint is told


def test_each_endpoint_gets_its_own_key_host_and_path_and_no_other_gets_them() -> None:
    with serving({"/one/api/chat": say(503), "/two/api/chat": say(503), "/api/chat": say(200)}) as server:
        endpoints = [
            Endpoint(f"{server.url}/one/", api_key="secret-1", headers={"X-Team": "red"}),
            Endpoint(f"{server.url}/two", api_key="secret-2"),
            Endpoint(server.url.replace("127.0.0.1", "localhost")),
        ]
        with httpx.Client(
            transport=FailoverTransport(httpx.HTTPTransport(), endpoints, Failover()), base_url=endpoints[0].url
        ) as client:
            response = client.post(
                "/api/chat",
                json={},
                headers={"X-Mine": "yes", "Authorization": "Bearer the request's own"},
                extensions=SAFE,
            )
        assert response.status_code == 200
        told = [
            (path, headers.get("Authorization"), headers.get("X-Team"), headers["Host"], headers["X-Mine"])
            for path, headers, _ in server.requests
        ]
    host = server.url.removeprefix("http://")
    assert told[0] == ("/one/api/chat", "Bearer secret-1", "red", host, "yes")
    assert told[1] == ("/two/api/chat", "Bearer secret-2", None, host, "yes")
    assert told[2] == ("/api/chat", "Bearer the request's own", None, host.replace("127.0.0.1", "localhost"), "yes")


def test_a_path_with_escapes_and_a_query_travels_unchanged(clock: HandClock) -> None:
    wire = Hosts(a=503)
    transport = FailoverTransport(wire, [Endpoint(A), Endpoint(f"{B}/base")], Failover(), clock=clock)
    Caller("sync").call(transport, url=f"{A}/v1/models/hf.co%2Forg%2Fmodel?x=%2F&y=1")
    assert [str(request.url) for request in wire.requests] == [
        f"{A}/v1/models/hf.co%2Forg%2Fmodel?x=%2F&y=1",
        f"{B}/base/v1/models/hf.co%2Forg%2Fmodel?x=%2F&y=1",
    ]


def test_a_request_to_elsewhere_passes_through_without_any_key(caller: Caller, clock: HandClock) -> None:
    wire = Hosts()
    transport = caller.wrap(PAIR, wire, [Endpoint(A, api_key="secret"), Endpoint(B)], Failover(), clock=clock)
    caller.call(transport, url="http://elsewhere/api")
    assert str(wire.requests[0].url) == "http://elsewhere/api"
    assert "authorization" not in wire.requests[0].headers


def test_no_repr_and_no_message_shows_a_key(clock: HandClock) -> None:
    endpoint = Endpoint(A, api_key="secret", headers={"X-Key": "secret"})
    assert "secret" not in repr(endpoint)
    with pytest.raises(NoEndpointError) as raised:
        post(Caller("sync"), FailoverTransport(Hosts(a=503, b=503), [endpoint, Endpoint(B)], Failover(), clock=clock))
    assert "secret" not in repr(raised.value) + str(raised.value)
    with pytest.raises(ConfigurationError) as refused:
        Endpoint("http://user:secret@a")
    assert "secret" not in str(refused.value)


# --- strategies


def firsts(endpoints: Endpoints, calls: int, **extensions: Any) -> str:
    """Which endpoint each of several calls begins with; the calls stay in flight."""
    chosen = ""
    for _ in range(calls):
        journey = endpoints.begin(httpx.Request("GET", f"{A}/x", extensions=extensions))
        assert journey is not None
        chosen += journey.next().url.host
    return chosen


def test_priority_always_begins_with_the_first(clock: HandClock) -> None:
    assert firsts(Endpoints(THREE, Failover("priority"), clock=clock), 4) == "aaaa"


def test_round_robin_begins_with_the_next_each_time(clock: HandClock) -> None:
    assert firsts(Endpoints(THREE, Failover("round_robin"), clock=clock), 7) == "abcabca"


@given(st.integers())
def test_least_busy_keeps_the_calls_in_flight_even(seed: int) -> None:
    endpoints = Endpoints(THREE, Failover("least_busy"), rng=random.Random(seed))
    for calls in range(1, 5):
        firsts(endpoints, 3)
        assert [member.busy() for member in endpoints.members] == [calls] * 3


def test_of_many_the_better_of_two_drawn_ones_keeps_the_load_close() -> None:
    many = [Endpoint(A), *(Endpoint(f"http://host{number}") for number in range(49))]
    endpoints = Endpoints(many, Failover("least_busy"), rng=random.Random(1))
    firsts(endpoints, 500)
    assert max(member.busy() for member in endpoints.members) <= 14  # one drawn at random gives about 20


def test_model_aware_takes_who_has_it_loaded_then_who_has_it_then_who_is_unknown(clock: HandClock) -> None:
    endpoints = Endpoints(THREE, Failover("model_aware"), clock=clock)
    endpoints.set_models(A, {"other:latest"}, set())
    assert set(firsts(endpoints, 6, model="llama3.2")) == {"b", "c"}
    endpoints.set_models(B, {"LLAMA3.2:latest"}, set())
    assert set(firsts(endpoints, 6, model="llama3.2")) == {"b"}
    endpoints.set_models(C, {"llama3.2"}, {"llama3.2:latest"})
    assert set(firsts(endpoints, 6, model="llama3.2")) == {"c"}
    assert set(firsts(endpoints, 30)) == {"a", "b", "c"}


def test_model_aware_says_that_nobody_has_the_model(caller: Caller, clock: HandClock) -> None:
    endpoints = Endpoints(THREE[:2], Failover("model_aware"), clock=clock)
    endpoints.set_models(A, {"x"}, set())
    endpoints.set_models(B, set(), set())
    with pytest.raises(NoEndpointError, match="no endpoint has the model 'y'") as raised:
        caller.call(caller.wrap(PAIR, Hosts(), endpoints), url=f"{A}/x", extensions={"model": "y"})
    assert len(raised.value.exceptions) == 2


def test_a_stream_is_in_flight_until_it_is_closed_or_forgotten() -> None:
    with serving({"/s": chunks(b"a", b"b")}) as server:
        endpoints = Endpoints([Endpoint(server.url)], Failover())
        [member] = endpoints.members
        with httpx.Client(transport=FailoverTransport(httpx.HTTPTransport(), endpoints), base_url=server.url) as client:
            with client.stream("GET", "/s", extensions={"stream": True}):
                assert member.busy() == 1
            assert member.busy() == 0
            forgotten = client.send(client.build_request("GET", "/s", extensions={"stream": True}), stream=True)
            assert member.busy() == 1
            del forgotten
            gc.collect()
            assert member.busy() == 0
            assert client.get("/s").text == "ab"
            assert member.busy() == 0


# --- ejection


def test_an_endpoint_that_keeps_failing_is_tried_last_until_it_is_revived(clock: HandClock) -> None:
    wire, events, caller = Hosts(a=503), [], Caller("sync")
    transport = FailoverTransport(
        wire, THREE, Failover(eject_after=3, eject_for=10), clock=clock, observer=events.append
    )
    for _ in range(5):
        post(caller, transport)
    assert wire.asked == "ababab" + "bb"
    clock.now += 10
    wire.answers.clear()
    wire.requests.clear()
    post(caller, transport)
    assert wire.asked == "a"
    assert [type(event) for event in events if not isinstance(event, FailedOver)] == [EndpointEjected, EndpointRevived]


def test_an_ejected_endpoint_is_the_last_resort(clock: HandClock) -> None:
    wire, caller = Hosts(a=503), Caller("sync")
    transport = FailoverTransport(wire, THREE, Failover(eject_after=1), clock=clock)
    post(caller, transport)
    wire.answers = {"b": 503, "c": httpx.ConnectError("refused")}
    assert post(caller, transport).text == "a says 200"


def test_each_ejection_doubles_until_a_call_succeeds(clock: HandClock) -> None:
    events: list[Any] = []
    wire, caller = Hosts(a=503), Caller("sync")
    transport = FailoverTransport(
        wire, THREE, Failover(eject_after=2, eject_for=10, eject_for_maximum=35), clock=clock, observer=events.append
    )
    for _ in range(5):
        post(caller, transport)
        clock.now += 5
    for _ in range(20):
        post(caller, transport)
        clock.now += 5
    lengths = [event.seconds for event in events if isinstance(event, EndpointEjected)]
    assert lengths[:4] == [10, 20, 35, 35]
    wire.answers.clear()
    clock.now += 35
    post(caller, transport)
    events.clear()
    wire.answers["a"] = 503
    for _ in range(2):
        post(caller, transport)
    assert [event.seconds for event in events if isinstance(event, EndpointEjected)] == [10]


class EjectionMachine(RuleBasedStateMachine):
    """However calls and health checks go: never more ejected than allowed, and always somebody to ask."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.endpoints = Endpoints(
            [Endpoint(f"http://h{number}") for number in range(5)],
            Failover(eject_after=2, max_ejected=0.6),
            clock=self.clock,
        )

    @rule(number=st.integers(0, 4), good=st.booleans())
    def a_call_ends(self, number: int, good: bool) -> None:
        member = self.endpoints.members[number]
        if good:
            self.endpoints.succeeded(member)
            assert member.failures == 0
        else:
            self.endpoints.failed(member, "x", httpx.Request("GET", "http://h0/"))

    @rule(number=st.integers(0, 4), reachable=st.booleans())
    def a_check_ends(self, number: int, reachable: bool) -> None:
        self.endpoints.set_reachable(f"http://h{number}", reachable)
        assert self.endpoints.members[number].ejected_until is None or not reachable

    @rule(seconds=st.sampled_from([1, 10, 400]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def at_most_the_allowed_share_is_ejected_and_tried_last(self) -> None:
        ejected = [member.ejected_until is not None for member in self.endpoints.members]
        assert sum(ejected) <= 3
        journey = self.endpoints.begin(httpx.Request("GET", "http://h0/"))
        assert journey is not None
        first = self.endpoints.members[int(journey.next().url.host[1:])]
        assert first.ejected_until is None
        journey.release()


TestEjection = EjectionMachine.TestCase


@pytest.mark.parametrize(
    "url", ["", "a", "ftp://a", "http://", "http://a?x=1", "http://a#b", 5, None, "http://a:99999999"]
)
def test_a_bad_url_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="Endpoint"):
        Endpoint(url)


@pytest.mark.parametrize(
    "arguments",
    [
        {"strategy": "random"},
        {"tries": 0},
        {"eject_after": 0},
        {"eject_for": 0},
        {"max_ejected": 0},
        {"max_ejected": 1.5},
    ],
)
def test_a_bad_argument_is_refused_with_its_value(arguments: dict[str, Any]) -> None:
    [(name, value)] = arguments.items()
    with pytest.raises(ConfigurationError, match=name) as raised:
        Failover(**arguments)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize(
    "secret",
    [{"api_key": 5}, {"api_key": "s\u00e9cret"}, {"api_key": "sec\nret"}, {"headers": {"X": 7}}, {"headers": ["Xret"]}],
)
def test_a_bad_secret_is_refused_without_being_told(secret: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"=\.\.\.\) for http://a:1") as raised:
        Endpoint(A, **secret)
    assert "ret" not in str(raised.value)


def test_a_redirect_to_elsewhere_is_not_taken_for_an_endpoint() -> None:
    wire = Hosts()
    transport = FailoverTransport(wire, [Endpoint(f"{A}/base", api_key="secret"), Endpoint(B)], Failover())
    request = httpx.Request("GET", f"{A}/based", extensions={"endpoint": B})
    transport.handle_request(request)
    assert str(wire.requests[0].url) == f"{A}/based"
    assert "endpoint" not in request.extensions


def test_endpoints_are_given_once_each_and_at_least_one() -> None:
    with pytest.raises(ConfigurationError):
        Endpoints([], Failover())
    with pytest.raises(ConfigurationError, match="once"):
        Endpoints([Endpoint(A), Endpoint(f"{A}/")], Failover())
