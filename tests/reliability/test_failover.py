"""Failover: which endpoint gets a call, which is next, and what is sent to each."""

from __future__ import annotations

import gc
import pickle
import random
from collections import Counter
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ollama_sdk.errors import CircuitOpenError, ConfigurationError, NoEndpointError
from ollama_sdk.reliability import (
    AsyncFailoverTransport,
    CircuitBreaker,
    CircuitBreakerTransport,
    CircuitOpened,
    Endpoint,
    EndpointEjected,
    EndpointRevived,
    FailedOver,
    Failover,
    FailoverTransport,
)
from ollama_sdk.reliability._model_name import full_name
from ollama_sdk.reliability.endpoints import Endpoints
from ollama_sdk.reliability.failover import Router
from ollama_sdk.testing._model.names import ModelName
from tests.reliability.hand_driven import HandDriven
from tests.support.callers import Caller, Script
from tests.support.clocks import HandClock
from tests.support.forked import in_child
from tests.support.library import library
from tests.support.loopback import chunks, say, serving

PAIR = (FailoverTransport, AsyncFailoverTransport)
A, B, C = "http://a:1", "http://b:2", "http://c:3"
THREE = [Endpoint(A), Endpoint(B), Endpoint(C)]
SAFE = {"repeat": "safe", "operation": "chat"}
GET = httpx.Request("GET", f"{A}/x")


IN_FLIGHT: list[HandDriven] = []


@pytest.fixture(autouse=True)
def _end_calls() -> Any:
    yield
    IN_FLIGHT.clear()


def numbered(count: int) -> list[Endpoint]:
    """``h0`` to ``h9`` and so on."""
    return [Endpoint(f"http://h{number}") for number in range(count)]


class Hosts(Script):
    """Answers by host: a status, an exception or a function; by default 200."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(self.answer)
        self.answers = answers

    def answer(self, request: httpx.Request) -> httpx.Response:
        outcome = self.answers.get(request.url.host, 200)
        outcome = outcome() if callable(outcome) else outcome
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
def test_call_moves_to_next_endpoint_on_failure(caller: Caller, clock: HandClock, failure: Any) -> None:
    wire, events = Hosts(a=failure), []
    transport = caller.wrap(PAIR, wire, THREE, Failover(), clock=clock, observer=events.append)
    assert post(caller, transport).text == "b says 200"
    assert wire.asked == "ab"
    [event] = events
    assert (type(event), event.endpoint, event.to, event.operation) == (FailedOver, A, B, "chat")


def test_each_move_reports_its_own_reason(clock: HandClock) -> None:
    events: list[Any] = []
    transport = FailoverTransport(Hosts(a=502, b=503), THREE, Failover(), clock=clock, observer=events.append)
    assert post(Caller("sync"), transport).text == "c says 200"
    moves = [(event.endpoint, event.to, event.reason) for event in events if isinstance(event, FailedOver)]
    assert moves == [(A, B, "status 502"), (B, C, "status 503")]


def test_open_circuit_moves_unsafe_call(clock: HandClock) -> None:
    wire = Hosts(a=CircuitOpenError("open", endpoint=A, retry_after=1))
    transport = FailoverTransport(wire, THREE, Failover(), clock=clock)
    assert Caller("sync").call(transport, "DELETE", f"{A}/api/delete").text == "b says 200"


@pytest.mark.parametrize(
    ("failure", "asked"), [(httpx.ConnectError("refused"), "ab"), (httpx.ReadError("reset"), "a"), (503, "a")]
)
def test_unsafe_call_moves_only_if_it_never_left(clock: HandClock, failure: Any, asked: str) -> None:
    wire = Hosts(a=failure)
    try:
        Caller("sync").call(FailoverTransport(wire, THREE, Failover(), clock=clock), "DELETE", f"{A}/api/delete")
    except httpx.ReadError:
        assert failure != 503
    assert wire.asked == asked


def test_error_holds_outcome_of_each_endpoint(caller: Caller, clock: HandClock) -> None:
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


def test_outcome_of_single_endpoint_is_returned_unchanged(caller: Caller, clock: HandClock) -> None:
    assert post(caller, caller.wrap(PAIR, Hosts(a=503), [Endpoint(A)], Failover(), clock=clock)).status_code == 503
    with pytest.raises(httpx.ReadError):
        post(caller, caller.wrap(PAIR, Hosts(a=httpx.ReadError("x")), [Endpoint(A)], Failover(), clock=clock))


def test_time_spent_in_queue_does_not_count_as_failure(clock: HandClock) -> None:
    late = httpx.ReadTimeout("out of time")
    endpoints = Endpoints(THREE, Failover(eject_after=1), clock=clock)
    wire = Hosts(a=late)

    def fails_after(queueing: float, asking: float) -> int:
        request = {"began": clock.now, "deadline": clock.now + queueing + asking}
        clock.now += queueing
        wire.answers["a"] = lambda: setattr(clock, "now", clock.now + asking) or late
        with pytest.raises(httpx.ReadTimeout):
            Caller("sync").call(FailoverTransport(wire, endpoints), url=f"{A}/x", extensions=request)
        return endpoints.members[0].failures

    assert fails_after(queueing=9, asking=1) == 0
    assert fails_after(queueing=1, asking=9) == 1


def test_client_error_status_does_not_move_call(caller: Caller, clock: HandClock) -> None:
    wire = Hosts(a=400)
    assert post(caller, caller.wrap(PAIR, wire, THREE, Failover(), clock=clock)).status_code == 400
    assert wire.asked == "a"


def test_all_endpoints_are_tried_by_default(caller: Caller, clock: HandClock) -> None:
    hosts = "abcdefg"
    wire = Hosts(**dict.fromkeys(hosts[:-1], 503))
    endpoints = [Endpoint(A), *(Endpoint(f"http://{host}:1") for host in hosts[1:])]
    assert post(caller, caller.wrap(PAIR, wire, endpoints, Failover(), clock=clock)).status_code == 200
    assert wire.asked == hosts


def test_calls_find_live_endpoint_behind_many_dead_ones(clock: HandClock) -> None:
    wire = Hosts(**{f"h{number}": httpx.ConnectError("refused") for number in range(11)})
    transport = FailoverTransport(wire, numbered(12), Failover(tries=3), clock=clock)
    lost = 0
    for _ in range(200):
        clock.now += 0.01
        try:
            assert Caller("sync").call(transport, url="http://h0/x", extensions=dict(SAFE)).text == "h11 says 200"
        except NoEndpointError:
            lost += 1
    assert lost <= 11  # three failures show that an endpoint is dead, three endpoints are tried a call


def test_open_circuit_is_neither_try_nor_failure(clock: HandClock) -> None:
    wire = Hosts(**{f"h{number}": CircuitOpenError("open", endpoint="x", retry_after=9) for number in range(4)})
    events: list[Any] = []
    transport = FailoverTransport(
        wire, numbered(5), Failover(tries=1, eject_after=1), clock=clock, observer=events.append
    )
    for _ in range(3):
        assert Caller("sync").call(transport, url="http://h0/x", extensions=dict(SAFE)).text == "h4 says 200"
    assert {type(event) for event in events} == {FailedOver}


def test_tries_and_deadline_end_the_route(clock: HandClock) -> None:
    wire = Hosts(a=503, b=503, c=503)
    with pytest.raises(NoEndpointError):
        post(Caller("sync"), FailoverTransport(wire, THREE, Failover(tries=2), clock=clock))
    assert wire.asked == "ab"
    wire.requests.clear()
    transport = FailoverTransport(wire, THREE, Failover(), clock=clock)
    Caller("sync").call(transport, url=f"{A}/x", extensions={"deadline": clock.now})
    assert wire.asked == "a"


def test_refused_stream_reports_bodies_and_is_not_in_flight() -> None:
    with serving({"/a/s": say(503, b"a is full"), "/b/s": say(503, b"b is full")}) as server:
        shared = Endpoints([Endpoint(f"{server.url}/a"), Endpoint(f"{server.url}/b")], Failover())
        with FailoverTransport(library.HTTPTransport(), shared) as transport, pytest.raises(NoEndpointError) as raised:
            transport.handle_request(httpx.Request("GET", f"{server.url}/a/s", extensions={"stream": True}))
    assert [said.response.read() for said in raised.value.exceptions] == [b"a is full", b"b is full"]
    assert [member.busy() for member in shared.members] == [0, 0]


def test_error_pickles_and_shows_no_key(clock: HandClock) -> None:
    wire = Hosts(a=503, b=httpx.ReadError("reset"))
    endpoints = [Endpoint(A, api_key="secret"), Endpoint(B)]
    with pytest.raises(NoEndpointError) as raised:
        post(Caller("sync"), FailoverTransport(wire, endpoints, Failover(), clock=clock), headers={"X": "secret"})
    pickled = pickle.dumps(raised.value)
    assert b"secret" not in pickled
    for error in (raised.value, pickle.loads(pickled)):
        busy, reset = error.exceptions
        assert (busy.response.status_code, busy.response.text) == (503, "a says 503")
        assert (str(busy), str(busy.request.url)) == (f"{A} answered 503", f"{A}/api/chat")
        assert "secret" not in str([busy.request.headers.raw, busy.response.request.headers.raw])
        assert isinstance(busy, httpx.HTTPStatusError)
        assert isinstance(reset, httpx.ReadError)


def test_undecodable_error_body_is_reported_empty() -> None:
    garbled = say(503, b"no gzip", Content_Encoding="gzip", Retry_After="7")
    with serving({"/a/x": garbled, "/b/x": garbled}) as server:
        endpoints = [Endpoint(f"{server.url}/a"), Endpoint(f"{server.url}/b")]
        with (
            FailoverTransport(library.HTTPTransport(), endpoints) as transport,
            pytest.raises(NoEndpointError) as raised,
        ):
            transport.handle_request(httpx.Request("GET", f"{server.url}/a/x"))
    assert [(said.response.text, said.response.headers["Retry-After"]) for said in raised.value.exceptions] == [
        ("", "7")
    ] * 2


def test_events_of_one_call_share_its_number(clock: HandClock) -> None:
    events: list[Any] = []
    breaker = CircuitBreaker(failure_rate=0.5, window=2, minimum_calls=1)
    wire = CircuitBreakerTransport(Hosts(a=503), breaker, clock=clock, observer=events.append)
    endpoints = [Endpoint(A, api_key="own"), Endpoint(B)]
    post(Caller("sync"), FailoverTransport(wire, endpoints, Failover(), clock=clock, observer=events.append))
    assert [type(event) for event in events] == [CircuitOpened, FailedOver]
    assert events[0].call == events[1].call != 0


def test_request_extensions_name_last_endpoint(clock: HandClock) -> None:
    request = httpx.Request("GET", f"{A}/x")
    FailoverTransport(Hosts(a=503), THREE, Failover(), clock=clock).handle_request(request)
    assert request.extensions["endpoint"] == B


# --- what is sent to an endpoint


def test_endpoint_gets_its_own_key_host_and_path_only() -> None:
    with serving({"/one/api/chat": say(503), "/two/api/chat": say(503), "/api/chat": say(200)}) as server:
        endpoints = [
            Endpoint(f"{server.url}/one/", api_key="secret-1", headers={"X-Team": "red"}),
            Endpoint(f"{server.url}/two", api_key="secret-2"),
            Endpoint(server.url.replace("127.0.0.1", "localhost")),
        ]
        with httpx.Client(
            transport=FailoverTransport(library.HTTPTransport(), endpoints, Failover()), base_url=endpoints[0].url
        ) as client:
            response = client.post(
                "/api/chat",
                json={},
                headers={"X-Mine": "yes", "Authorization": "Bearer the request's own"},
                extensions=SAFE,
            )
        assert response.status_code == 200
        received = [
            (sent.path, *map(sent.headers.get, ("authorization", "x-team", "host", "x-mine")))
            for sent in server.requests
        ]
    host = server.host
    assert received[0] == ("/one/api/chat", "Bearer secret-1", "red", host, "yes")
    assert received[1] == ("/two/api/chat", "Bearer secret-2", None, host, "yes")
    assert received[2] == ("/api/chat", "Bearer the request's own", None, host.replace("127.0.0.1", "localhost"), "yes")


def test_escaped_path_and_query_are_unchanged(clock: HandClock) -> None:
    wire = Hosts(a=503)
    transport = FailoverTransport(wire, [Endpoint(A), Endpoint(f"{B}/base")], Failover(), clock=clock)
    Caller("sync").call(transport, url=f"{A}/v1/models/hf.co%2Forg%2Fmodel?x=%2F&y=1")
    assert [str(request.url) for request in wire.requests] == [
        f"{A}/v1/models/hf.co%2Forg%2Fmodel?x=%2F&y=1",
        f"{B}/base/v1/models/hf.co%2Forg%2Fmodel?x=%2F&y=1",
    ]


def test_request_to_other_host_passes_without_key(caller: Caller, clock: HandClock) -> None:
    wire = Hosts()
    transport = caller.wrap(PAIR, wire, [Endpoint(A, api_key="secret"), Endpoint(B)], Failover(), clock=clock)
    caller.call(transport, url="http://elsewhere/api")
    assert str(wire.requests[0].url) == "http://elsewhere/api"
    assert "authorization" not in wire.requests[0].headers


def test_endpoint_gets_one_header_of_each_name(clock: HandClock) -> None:
    wire = Hosts()
    own = Endpoint(A, api_key="key", headers={"authorization": "Basic own", "X-Team": "red", "x-team": "blue"})
    Caller("sync").call(FailoverTransport(wire, [own], clock=clock), url=f"{A}/x", headers={"X-TEAM": "mine"})
    received = wire.requests[0].headers
    assert [received.get_list(name) for name in ("authorization", "x-team")] == [["Bearer key"], ["blue"]]


def test_repr_and_messages_show_no_key(clock: HandClock) -> None:
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
    begun = [HandDriven(Router(endpoints), httpx.Request("GET", f"{A}/x", extensions=extensions)) for _ in range(calls)]
    IN_FLIGHT.extend(begun)
    return "".join(call.step.url.host for call in begun)


def test_priority_begins_with_first_endpoint(clock: HandClock) -> None:
    assert firsts(Endpoints(THREE, Failover("priority"), clock=clock), 4) == "aaaa"


def test_round_robin_begins_with_next_endpoint(clock: HandClock) -> None:
    calls = firsts(Endpoints(THREE, Failover("round_robin"), clock=clock, rng=random.Random(1)), 7)
    assert calls == ("abc" * 3)["abc".index(calls[0]) :][:7]


@pytest.mark.parametrize("strategy", ["round_robin", "least_busy", "model_aware"])
def test_clients_that_start_together_begin_with_different_endpoints(strategy: Any) -> None:
    begun = Counter(
        firsts(Endpoints(THREE, Failover(strategy), rng=random.Random(seed)), 1, model="llama3.2")
        for seed in range(300)
    )
    assert set(begun) == {"a", "b", "c"}
    assert min(begun.values()) > 70


def test_forked_children_begin_with_different_endpoints() -> None:
    endpoints = Endpoints(numbered(100), Failover("round_robin"))
    assert len({in_child(lambda: begins(endpoints)) for _ in range(5)}) > 1


@given(st.integers())
def test_least_busy_keeps_calls_in_flight_even(seed: int) -> None:
    endpoints = Endpoints(THREE, Failover("least_busy"), rng=random.Random(seed))
    for calls in range(1, 5):
        firsts(endpoints, 3)
        assert [member.busy() for member in endpoints.members] == [calls] * 3


def test_better_of_two_keeps_load_of_many_close() -> None:
    many = [Endpoint(A), *(Endpoint(f"http://host{number}") for number in range(49))]
    endpoints = Endpoints(many, Failover("least_busy"), rng=random.Random(1))
    firsts(endpoints, 500)
    assert max(member.busy() for member in endpoints.members) <= 14  # one drawn at random gives about 20


def test_better_of_two_still_tries_all_of_many(clock: HandClock) -> None:
    wire = Hosts(**{f"h{number}": 503 for number in range(20)})
    with pytest.raises(NoEndpointError):
        Caller("sync").call(
            FailoverTransport(wire, numbered(20), Failover("least_busy"), clock=clock), url="http://h0/x"
        )
    assert {request.url.host for request in wire.requests} == {f"h{number}" for number in range(20)}


@pytest.mark.parametrize(
    ("strategy", "count", "out"),
    [("round_robin", 3, 1), ("round_robin", 4, 1), ("least_busy", 3, 1), ("least_busy", 10, 7)],
)
def test_load_is_even_among_healthy_endpoints(clock: HandClock, strategy: Any, count: int, out: int) -> None:
    endpoints = Endpoints(numbered(count), Failover(strategy), clock=clock, rng=random.Random(1))
    for number in range(out):
        endpoints.set_reachable(f"http://h{number + 1}", False)
    started = Counter(begins(endpoints) for _ in range(60 * (count - out)))
    assert len(started) == count - out
    assert all(56 <= calls <= 64 for calls in started.values())


def begins(endpoints: Endpoints, **extensions: Any) -> str:
    """Which of the numbered endpoints a call begins with; it stays in flight."""
    call = HandDriven(Router(endpoints), httpx.Request("GET", "http://h0/x", extensions=extensions))
    IN_FLIGHT.append(call)
    host: str = call.step.url.host
    return host


def test_model_aware_prefers_loaded_then_stored_then_unknown(clock: HandClock) -> None:
    endpoints = Endpoints(THREE, Failover("model_aware"), clock=clock)
    endpoints.set_models(A, {"other:latest"}, set())
    assert set(firsts(endpoints, 6, model="llama3.2")) == {"b", "c"}
    endpoints.set_models(B, {"LLAMA3.2:latest"}, set())
    assert set(firsts(endpoints, 6, model="llama3.2")) == {"b"}
    endpoints.set_models(C, {"llama3.2"}, {"llama3.2:latest"})
    assert set(firsts(endpoints, 6, model="llama3.2")) == {"c"}
    assert set(firsts(endpoints, 30)) == {"a", "b", "c"}


def test_model_aware_sends_pull_to_least_busy(clock: HandClock) -> None:
    endpoints = Endpoints(THREE[:2], Failover("model_aware"), clock=clock)
    for url in (A, B):
        endpoints.set_models(url, {"other"}, {"other"})
    assert sorted(firsts(endpoints, 6, model="new", needs_model=False)) == list("aaabbb")


NAMES = [
    ("llama3.2", "llama3.2:latest", True),
    ("library/llama3.2", "llama3.2:latest", True),
    ("registry.ollama.ai/library/llama3.2", "llama3.2:latest", True),
    ("https://Registry.Ollama.ai/library/Llama3.2:", "llama3.2:latest", True),
    ("http://hf.co/Org/Model:Q4_K_M", "hf.co/org/model:q4_k_m", True),
    ("host:5000/ns/model", "host:5000/ns/model:latest", True),
    ("host:5000/ns/model", "host:5000/ns/model:tiny", False),
    ("host:5000/ns/model", "ns/model:latest", False),
    ("llama3.2", "me/llama3.2:latest", False),
    ("llama3.2", "llama3.2:1b", False),
    ("llama3.2", "hf.co/library/llama3.2:latest", False),
]


@pytest.mark.parametrize(("asked", "listed", "same"), NAMES)
def test_model_aware_compares_names_as_server_does(clock: HandClock, asked: str, listed: str, same: bool) -> None:
    endpoints = Endpoints(THREE[:2], Failover("model_aware"), clock=clock)
    endpoints.set_models(A, {"other"}, set())
    endpoints.set_models(B, {listed}, set())
    if same:
        assert firsts(endpoints, 1, model=asked) == "b"
    else:
        with pytest.raises(NoEndpointError):
            firsts(endpoints, 1, model=asked)


@given(st.lists(st.sampled_from(["a", "B", "library", "/", ":", "http://", "x:5000/"]), max_size=7).map("".join))
def test_full_name_equals_server_name(name: str) -> None:
    read = ModelName.parse(name)
    assert read is None or full_name(name) == read.key


def test_model_aware_refuses_model_that_no_endpoint_has(caller: Caller, clock: HandClock) -> None:
    endpoints = Endpoints(THREE[:2], Failover("model_aware"), clock=clock)
    endpoints.set_models(A, {"x"}, set())
    endpoints.set_models(B, set(), set())
    with pytest.raises(NoEndpointError, match="no endpoint has the model 'y'") as raised:
        caller.call(caller.wrap(PAIR, Hosts(), endpoints), url=f"{A}/x", extensions={"model": "y"})
    assert len(raised.value.exceptions) == 2


def test_stream_is_in_flight_until_closed_or_collected() -> None:
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


def test_dropped_stream_is_freed_at_once_after_a_failover(clock: HandClock) -> None:
    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            yield from (b"a", b"b")

    failures = [httpx.ConnectError("refused")]

    def answer(_: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return httpx.Response(200, stream=Body())

    endpoints = Endpoints(THREE, Failover(), clock=clock)
    gc.disable()
    try:
        response = FailoverTransport(Script(answer), endpoints).handle_request(
            httpx.Request("GET", f"{A}/x", extensions={"stream": True})
        )
        assert [member.busy() for member in endpoints.members] == [0, 1, 0]
        del response
        assert [member.busy() for member in endpoints.members] == [0, 0, 0]
    finally:
        gc.enable()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), GeneratorExit(), anyio.EndOfStream()])
def test_every_way_out_of_an_attempt_ends_it_in_flight(interrupt: BaseException) -> None:
    endpoints = Endpoints(THREE, Failover())
    call = HandDriven(Router(endpoints), httpx.Request("GET", f"{A}/x"))
    assert endpoints.members[0].busy() == 1
    with pytest.raises(type(interrupt)):
        call.resume(interrupt)
    assert endpoints.members[0].busy() == 0


def test_collected_call_is_not_in_flight_even_amid_a_change(clock: HandClock) -> None:
    endpoints = Endpoints(THREE, Failover(), clock=clock)
    call = HandDriven(Router(endpoints), httpx.Request("GET", f"{A}/x"))
    with endpoints._lock:  # by the thread in which the garbage collector runs
        call.flow.close()
    assert endpoints.members[0].busy() == 0


# --- ejection


def test_failing_endpoint_is_ejected_then_revived(clock: HandClock) -> None:
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


def test_ejected_endpoint_is_last_resort(clock: HandClock) -> None:
    wire, caller = Hosts(a=503), Caller("sync")
    transport = FailoverTransport(wire, THREE, Failover(eject_after=1), clock=clock)
    post(caller, transport)
    wire.answers = {"b": 503, "c": httpx.ConnectError("refused")}
    assert post(caller, transport).text == "a says 200"


def test_ejection_doubles_until_a_call_succeeds(clock: HandClock) -> None:
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


def ejections(events: list[Any]) -> list[tuple[str, float]]:
    return [(event.endpoint, event.seconds) for event in events if isinstance(event, EndpointEjected)]


def test_call_from_before_ejection_does_not_change_it(clock: HandClock) -> None:
    events: list[Any] = []
    endpoints = Endpoints(numbered(3), Failover(eject_after=1), clock=clock, observer=events.append)
    first = endpoints.members[0]
    for late in (endpoints.note_success, lambda member: endpoints.note_failure(member, "late", GET)):
        endpoints.note_failure(first, "status 503", GET)
        clock.now += 1
        late(first)
        assert begins(endpoints) == "h1"
        clock.now += 1000
        assert begins(endpoints) == "h0"
    endpoints.note_failure(first, "status 503", GET)
    assert ejections(events) == [("http://h0", 10), ("http://h0", 20), ("http://h0", 40)]


def test_unreachable_endpoint_stays_ejected(clock: HandClock) -> None:
    events: list[Any] = []
    endpoints = Endpoints(numbered(2), Failover(eject_for=10), clock=clock, observer=events.append)
    for _ in range(100):
        endpoints.set_reachable("http://h0", False)
        clock.now += 9.9
        assert begins(endpoints) == "h1"
    endpoints.set_reachable("http://h0", True)
    assert begins(endpoints) == "h0"
    assert [type(event) for event in events] == [EndpointEjected, EndpointRevived]


def test_first_failure_after_ejection_ejects_again(clock: HandClock) -> None:
    events: list[Any] = []
    endpoints = Endpoints(numbered(2), Failover(eject_after=3), clock=clock, observer=events.append)
    for _ in range(3):
        endpoints.note_failure(endpoints.members[0], "status 503", GET)
    endpoints.set_reachable("http://h0", True)
    assert begins(endpoints) == "h0"
    endpoints.note_failure(endpoints.members[0], "status 503", GET)
    assert ejections(events) == [("http://h0", 10), ("http://h0", 20)]


def test_endless_failure_is_ejected_for_the_maximum(clock: HandClock) -> None:
    events: list[Any] = []
    endpoints = Endpoints(numbered(2), Failover(eject_after=1), clock=clock, observer=events.append)
    for _ in range(1100):
        endpoints.note_failure(endpoints.members[0], "status 503", GET)
        clock.now += 300
        begins(endpoints)
    assert len(events) == 2200
    assert ejections(events)[-1] == ("http://h0", 300)


@pytest.mark.parametrize(
    ("count", "share", "most"),
    [(90, 0.7, 63), (10, 0.29, 2), (2, 0.4, 1), (3, 0.01, 1), (2, 1.0, 2), (1, 0.7, 0), (1, 1.0, 1)],
)
def test_max_ejected_is_exact_and_allows_one_of_several(clock: HandClock, count: int, share: float, most: int) -> None:
    events: list[Any] = []
    endpoints = Endpoints(
        numbered(count), Failover(max_ejected=share, eject_after=1), clock=clock, observer=events.append
    )
    for member in endpoints.members:
        endpoints.note_failure(member, "x", GET)
    assert len(ejections(events)) == most


def test_suspect_endpoint_is_tried_after_healthy_ones(
    clock: HandClock,
) -> None:
    wire, caller = Hosts(), Caller("sync")
    shared = Endpoints(THREE, Failover(eject_after=1, max_ejected=0.4), clock=clock)
    transport = FailoverTransport(wire, shared)

    def asked_while_failing(hosts: str) -> str:
        wire.requests.clear()
        wire.answers = dict.fromkeys(hosts, 503)
        post(caller, transport)
        return wire.asked

    assert asked_while_failing("ab") == "abc"  # a is ejected, b would be
    assert asked_while_failing("") == "c"
    assert asked_while_failing("c") == "cb"  # and now b is good again
    assert asked_while_failing("") == "b"
    clock.now += 10
    assert asked_while_failing("") == "a"
    assert asked_while_failing("a") == "ab"
    assert asked_while_failing("b") == "bc"
    clock.now += 10
    shared.set_reachable(A, False)
    assert asked_while_failing("") == "b"


def test_healthy_endpoints_share_calls_of_failing_ones() -> None:
    wire = Hosts(**{f"h{number}": httpx.ConnectError("down") for number in range(6, 12)})
    endpoints = Endpoints(numbered(12), Failover("least_busy", eject_after=10**6), rng=random.Random(1))
    transport = FailoverTransport(wire, endpoints)
    answered = Counter(Caller("sync").call(transport, url="http://h0/x").text for _ in range(600))
    assert len(answered) == 6
    assert max(answered.values()) < 150


def test_no_endpoint_gets_cookie_of_another(caller: Caller) -> None:
    asked: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.host, request.headers.get("cookie")))
        status = 503 if len(asked) in {1, 3, 4, 5} else 200
        return httpx.Response(status, headers={"Set-Cookie": f"session=of-{request.url.host}"})

    transport = caller.wrap(PAIR, Script(answer), THREE, Failover())

    async def get_twice() -> None:
        async with httpx.AsyncClient(transport=transport, base_url=A) as client:
            await client.get("/x")
            with pytest.raises(NoEndpointError):
                await client.get("/x")
            await client.get("/x")

    if caller.colour == "sync":
        with httpx.Client(transport=transport, base_url=A) as client:
            client.get("/x")
            with pytest.raises(NoEndpointError):
                client.get("/x")
            client.get("/x")
    else:
        anyio.run(get_twice, backend=caller.colour)
    assert [cookie for _, cookie in asked] == [None] * 6


def test_reconfigured_failover_uses_new_numbers(clock: HandClock) -> None:
    events: list[Any] = []
    endpoints = Endpoints(numbered(3), Failover(), clock=clock, observer=events.append)
    endpoints.reconfigure(Failover("round_robin", eject_after=1, eject_for=7))
    assert sorted(begins(endpoints) for _ in range(3)) == ["h0", "h1", "h2"]
    endpoints.note_failure(endpoints.members[0], "status 503", GET)
    assert ejections(events) == [("http://h0", 7)]


def test_a_new_strategy_holds_for_the_next_call() -> None:
    wire, caller, endpoints = Hosts(), Caller("sync"), Endpoints(THREE, Failover())
    transport = FailoverTransport(wire, endpoints)
    for _ in range(3):
        post(caller, transport)
    assert endpoints.keeps_order
    endpoints.reconfigure(Failover("round_robin"))
    for _ in range(3):
        post(caller, transport)
    assert (wire.asked[:3], sorted(wire.asked[3:])) == ("aaa", ["a", "b", "c"])


class EjectionMachine(RuleBasedStateMachine):
    """However calls and health checks go, each endpoint stands where a plain reading of :class:`Failover` puts it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.endpoints = Endpoints(numbered(5), Failover(eject_after=2, max_ejected=0.6), clock=self.clock)
        self.row = [0] * 5  # failures in a row
        self.times = [0] * 5  # it was put out since it last succeeded
        self.out: dict[int, float] = {}  # until when
        self.ejected: set[int] = set()

    def put_out(self, number: int) -> None:
        self.out[number] = self.clock.now + min(300, 10 * 2 ** self.times[number])
        self.times[number] += 1
        if len(self.ejected) < 3:
            self.ejected.add(number)

    def back(self, number: int) -> None:
        if self.out.pop(number, None) is not None:
            self.ejected.discard(number)
            self.row[number] = min(1, self.row[number])

    @rule(number=st.integers(0, 4))
    def a_call_succeeds(self, number: int) -> None:
        self.endpoints.note_success(self.endpoints.members[number])
        self.row[number] = 0
        if number not in self.ejected:
            self.out.pop(number, None)
            self.times[number] = 0

    @rule(number=st.integers(0, 4))
    def a_call_fails(self, number: int) -> None:
        self.endpoints.note_failure(self.endpoints.members[number], "x", GET)
        self.row[number] += 1
        if self.row[number] >= 2 and number not in self.out:
            self.put_out(number)

    @rule(number=st.integers(0, 4), reachable=st.booleans())
    def a_check_ends(self, number: int, reachable: bool) -> None:
        self.endpoints.set_reachable(f"http://h{number}", reachable)
        if reachable:
            self.back(number)
        else:
            self.put_out(number)

    @rule(seconds=st.sampled_from([1, 10, 400]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def the_good_are_tried_first_then_the_failing_then_the_ejected(self) -> None:
        for number, until in list(self.out.items()):
            if until <= self.clock.now:
                self.back(number)
        order = [int(member.host[1:]) for member in self.endpoints.in_order(GET)]
        assert order == sorted(range(5), key=lambda number: (number in self.out) + (number in self.ejected))


TestEjection = EjectionMachine.TestCase


@pytest.mark.parametrize(
    "url", ["", "a", "ftp://a", "http://", "http://a?x=1", "http://a#b", 5, None, "http://a:99999999"]
)
def test_invalid_url_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="Endpoint"):
        Endpoint(url)


@pytest.mark.parametrize(
    "arguments",
    [
        {"strategy": "random"},
        {"tries": 0},
        {"eject_after": 0},
        {"eject_for": 0},
        {"eject_for": 10, "eject_for_maximum": 5},
        {"max_ejected": 0},
        {"max_ejected": 1.5},
    ],
)
def test_invalid_argument_is_quoted(arguments: dict[str, Any]) -> None:
    name, value = list(arguments.items())[-1]
    with pytest.raises(ConfigurationError, match=name) as raised:
        Failover(**arguments)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize(
    "secret",
    [{"api_key": 5}, {"api_key": "s\u00e9cret"}, {"api_key": "sec\nret"}, {"headers": {"X": 7}}, {"headers": ["Xret"]}],
)
def test_invalid_secret_is_not_quoted(secret: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"=\.\.\.\) for http://a:1") as raised:
        Endpoint(A, **secret)
    assert "ret" not in str(raised.value)


def test_redirect_to_other_path_is_not_an_endpoint() -> None:
    wire = Hosts()
    transport = FailoverTransport(wire, [Endpoint(f"{A}/base", api_key="secret"), Endpoint(B)], Failover())
    request = httpx.Request("GET", f"{A}/based", extensions={"endpoint": B})
    transport.handle_request(request)
    assert str(wire.requests[0].url) == f"{A}/based"
    assert "endpoint" not in request.extensions


def test_endpoints_are_unique_and_at_least_one() -> None:
    with pytest.raises(ConfigurationError):
        Endpoints([], Failover())
    with pytest.raises(ConfigurationError, match="once"):
        Endpoints([Endpoint(A), Endpoint(f"{A}/")], Failover())
    with pytest.raises(ConfigurationError, match="once"):
        Endpoints([Endpoint(A), Endpoint("HTTP://A:1/")], Failover())
