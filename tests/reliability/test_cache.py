"""Cache: which replies are kept, for how long, and how identical calls share one request."""

from __future__ import annotations

import contextlib
import gc
import gzip
import itertools
import json
import threading
import time
import weakref
from typing import Any, Self

import anyio
import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ollama_sdk import Ollama, Timeout
from ollama_sdk._concurrency.events import ThreadEvent
from ollama_sdk._outcome import CallOutcome
from ollama_sdk.errors import (
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    NoEndpointError,
    NotFoundError,
    RateLimitExceededError,
)
from ollama_sdk.reliability import (
    AsyncCacheTransport,
    Cache,
    CacheHit,
    CacheMiss,
    CacheTransport,
    Endpoint,
    Failover,
    Policies,
    Retry,
    build_async_stack,
    build_stack,
)
from ollama_sdk.reliability._cache_key import key_of
from ollama_sdk.reliability._cache_store import Store, StoredReply
from ollama_sdk.reliability._driver import NEW_EVENT
from ollama_sdk.reliability.cache import Caching
from tests.reliability.hand_driven import HandDriven, send
from tests.reliability.judging_caller import FAILURE, LAST, PAGE, PART, Body, asked, flowing, judge, understood, whole
from tests.support.callers import Caller, Script, in_threads
from tests.support.clocks import HandClock
from tests.support.library import library
from tests.support.loopback import PATIENCE, Connection, Loopback, chunks, cut, say, serving
from tests.support.loopback import whole as whole_reply
from tests.support.worlds import World

PAIR = (CacheTransport, AsyncCacheTransport)
EMBED = {"operation": "embed", "deterministic": True}


def counting() -> Script:
    """A wire whose answers are numbered."""
    numbers = itertools.count(1)
    return Script(lambda _: httpx.Response(200, json={"n": next(numbers)}))


def embed(caller: Caller, transport: Any, body: Any = "x", **kwargs: Any) -> Any:
    kwargs.setdefault("extensions", dict(EMBED))
    return caller.call(transport, "POST", "http://a/api/embed", content=json.dumps(body).encode(), **kwargs).json()["n"]


def test_identical_call_is_answered_from_cache_until_ttl(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(PAIR, counting(), Cache(ttl=300), clock=clock)
    assert [embed(caller, transport) for _ in range(3)] == [1, 1, 1]
    clock.now += 299
    assert embed(caller, transport) == 1
    clock.now += 1
    assert embed(caller, transport) == 2


def test_key_ignores_headers_that_change_no_reply(clock: HandClock) -> None:
    caller, transport = Caller("sync"), CacheTransport(counting(), Cache(), clock=clock)
    assert embed(caller, transport, headers={"Authorization": "Bearer one"}) == 1
    assert embed(caller, transport, headers={"Authorization": "Bearer two"}) == 2
    changing = {"User-Agent": "x", "traceparent": "y", "baggage": "z"}
    assert embed(caller, transport, headers={"Authorization": "Bearer one", **changing}) == 1
    assert embed(caller, transport, headers={"X-Lot": "1"}) == 3
    assert embed(caller, transport, headers={"x-lot": "1"}) == 3
    assert embed(caller, transport, headers={"Host": "another"}) == 4


def key_of_body(body: str | bytes) -> bytes:
    return key_of(httpx.Request("POST", "http://a/api/chat", content=body))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ('{"options": {"seed": 1, "top_k": 2}}', '{"options": {"top_k": 2, "seed": 1}}'),
        ('{"messages": [{"role": "user", "content": "x"}]}', '{"messages": [{"content": "x", "role": "user"}]}'),
        ('{"a": "\\u00e9\\/"}', '{"a": "\u00e9/"}'),
        ('{"a": 1.0}', '{"a": 1e0}'),
    ],
)
def test_body_written_otherwise_is_the_same_request(one: str, other: str) -> None:
    assert key_of_body(one) == key_of_body(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"format": {"properties": {"a": {}, "b": {}}}}', '{"format": {"properties": {"b": {}, "a": {}}}}'),
        (
            '{"tools": [{"function": {"parameters": {"properties": {"a": {}, "b": {}}}}}]}',
            '{"tools": [{"function": {"parameters": {"properties": {"b": {}, "a": {}}}}}]}',
        ),
        (
            '{"messages": [{"tool_calls": [{"function": {"arguments": {"a": 1, "b": 2}}}]}]}',
            '{"messages": [{"tool_calls": [{"function": {"arguments": {"b": 2, "a": 1}}}]}]}',
        ),
        ('{"messages": [{"a": 1}, {"b": 1}]}', '{"messages": [{"b": 1}, {"a": 1}]}'),
        ('{"unknown": {"a": 1, "b": 2}}', '{"unknown": {"b": 2, "a": 1}}'),
        ('{"a": 1}', '{"a": 1.0}'),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 1}', '{"a": "1"}'),
        ('{"a": 0.0}', '{"a": -0.0}'),
        ('{"a": 9007199254740993}', '{"a": 9007199254740992}'),
        ('{"a": 1e400}', '{"a": 1e500}'),
        ('{"a": "\u00e9"}', '{"a": "e\u0301"}'),
        ('{"a": "\\ud800"}', '{"a": "\\ud801"}'),
        ("{}", '{"a": null}'),
        ('{"a": 1, "a": 2}', '{"a": 2}'),
        ('{"A": 1, "a": 2}', '{"a": 2, "A": 1}'),
        ('{"a": [1, 2]}', '{"a": [2, 1]}'),
        (b'{"a": 1}', '{"a": 1}'.encode("utf-16")),
    ],
)
def test_body_that_may_be_answered_otherwise_is_another(one: str | bytes, other: str | bytes) -> None:
    assert key_of_body(one) != key_of_body(other)


def test_method_is_part_of_key(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(PAIR, counting(), Cache(), clock=clock)
    answers = [caller.call(transport, method, extensions=dict(EMBED)).json()["n"] for method in ("GET", "POST", "GET")]
    assert answers == [1, 2, 1]


def test_one_shot_body_bypasses_cache(caller: Caller, clock: HandClock) -> None:
    sent: list[bytes] = []

    def wire(request: httpx.Request) -> httpx.Response:
        sent.append(b"".join(request.stream))  # type: ignore[arg-type]
        return httpx.Response(200)

    transport = caller.wrap(PAIR, Script(wire), Cache(), clock=clock)
    for _ in range(2):
        caller.call(transport, "POST", content=iter([b"up", b"load"]), extensions=dict(EMBED))
    assert sent == [b"upload"] * 2


def test_endpoint_and_credentials_are_part_of_key() -> None:
    request = httpx.Request("POST", "http://a/x", content=b"{}", headers={"Authorization": "Bearer secret"})
    others = [httpx.Request("POST", url, content=b"{}") for url in ("http://a/x", "http://b/x")]
    keys = {key_of(each) for each in (request, *others)}
    assert len(keys) == 3
    assert not any(b"secret" in key for key in keys)


def _echo_key(connection: Connection) -> None:
    """Answer each request with the key that it came with, as a vector."""
    while True:
        key = connection.request().headers.get("authorization", "0").rpartition(" ")[2]
        connection.send(whole_reply(json.dumps({"model": "m", "embeddings": [[float(key)]]}).encode()))


@pytest.mark.parametrize("chosen", ["key of a view", "header of a view", "header of a call", "no key for a call"])
def test_reply_to_endpoints_key_is_not_given_to_another(world: World, chosen: str) -> None:
    """The key in the request is the same each time: only whether the endpoint's own key replaces it is different."""
    client_key = None if chosen == "no key for a call" else "1"
    with Loopback(_echo_key) as server:
        endpoints = [Endpoint(server.url, api_key="2"), Endpoint("http://127.0.0.1:1")]
        with world.client(endpoints, api_key=client_key, cache=Cache(), failover=Failover()) as client:
            extra: dict[str, Any] = {}
            view = client
            if chosen == "key of a view":
                view = client.with_options(api_key="1")
            elif chosen == "header of a view":
                view = client.with_options(headers={"Authorization": "Bearer 1"})
            else:
                extra = {"extra_headers": {"Authorization": None if client_key is None else "Bearer 1"}}
            for _ in range(2):
                assert client.embed("m", "x").embeddings == [[2.0]]
                assert view.embed("m", "x", **extra).embeddings == [[0.0 if client_key is None else 1.0]]
            assert len(server.requests) == 2


@given(st.binary(max_size=60))
@example(b"[" * 100_000 + b"]" * 100_000)
def test_any_body_has_a_key(body: bytes) -> None:
    assert key_of(httpx.Request("POST", "http://a", content=body)) == key_of(
        httpx.Request("POST", "http://a", content=body)
    )


@pytest.mark.parametrize(
    ("policy", "extensions", "requests"),
    [
        (Cache(), {"operation": "chat", "deterministic": True}, 2),
        (Cache(), {"operation": "embed"}, 2),
        (Cache(), {}, 2),
        (Cache(), {**EMBED, "stream": True}, 2),
        (Cache(operations={"chat"}), {"operation": "chat", "deterministic": True}, 1),
        (Cache(operations={"chat"}, any_call=True), {"operation": "chat"}, 1),
        (Cache(streams=True), {**EMBED, "stream": True}, 1),
        (Cache(operations={"POST /api/embed"}, any_call=True), {}, 1),
    ],
)
def test_only_configured_calls_are_cached(
    caller: Caller, clock: HandClock, policy: Cache, extensions: dict[str, Any], requests: int
) -> None:
    wire = counting()
    transport = caller.wrap(PAIR, wire, policy, clock=clock)
    for _ in range(2):
        embed(caller, transport, extensions=dict(extensions))
    assert len(wire.requests) == requests


@pytest.mark.parametrize(("errors", "requests"), [(False, 2), (True, 1)])
def test_error_status_is_cached_only_with_errors(caller: Caller, clock: HandClock, errors: bool, requests: int) -> None:
    wire = Script(lambda _: httpx.Response(404, json={"n": 0}))
    transport = caller.wrap(PAIR, wire, Cache(errors=errors), clock=clock)
    for _ in range(2):
        assert embed(caller, transport) == 0
    assert len(wire.requests) == requests


def test_transport_error_is_never_cached(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(
        PAIR, Script(httpx.ReadError("gone"), httpx.Response(200, json={"n": 1})), Cache(), clock=clock
    )
    with pytest.raises(httpx.ReadError):
        embed(caller, transport)
    assert embed(caller, transport) == 1


def test_compressed_reply_is_returned_as_it_was(clock: HandClock) -> None:
    body = gzip.compress(b'{"n": 7}')
    wire = Script(
        lambda _: httpx.Response(
            200, headers={"Content-Encoding": "gzip", "X-Kept": "yes"}, stream=httpx.ByteStream(body)
        )
    )
    transport = CacheTransport(wire, Cache(), clock=clock)
    for _ in range(2):
        response = Caller("sync").call(transport, "POST", extensions=dict(EMBED))
        assert (response.json(), response.headers["X-Kept"]) == ({"n": 7}, "yes")
    assert len(wire.requests) == 1


def test_stream_is_cached_once_read_to_its_end() -> None:
    with (
        serving({"/s": [chunks(b"1", b"x"), cut(b"2"), chunks(b"3", b"z"), chunks(b"4")]}) as server,
        httpx.Client(
            transport=CacheTransport(library.HTTPTransport(), Cache(streams=True)), base_url=server.url
        ) as client,
    ):

        def start() -> Any:
            return client.stream("GET", "/s", extensions={**EMBED, "stream": True})

        with start() as closed_early:
            assert next(closed_early.iter_raw()).startswith(b"1")
        with start() as broken, pytest.raises(httpx.RemoteProtocolError):
            list(broken.iter_raw())
        for _ in range(2):
            with start() as whole:
                assert b"".join(whole.iter_raw()) == b"3z"


def test_bounds_drop_least_recently_used_and_too_large_replies(clock: HandClock) -> None:
    caller = Caller("sync")
    shared = Caching(Cache(max_entries=2), clock=clock)
    transport = CacheTransport(counting(), shared)
    assert [embed(caller, transport, body) for body in "abacab"] == [1, 2, 1, 3, 1, 4]
    shared = Caching(Cache(max_bytes=100), clock=clock)
    transport = CacheTransport(Script(lambda _: httpx.Response(200, json={"n": 0, "long": "x" * 100})), shared)
    embed(caller, transport)
    assert shared.statistics().entries == 0
    transport = CacheTransport(
        Script(lambda _: httpx.Response(200, headers={"X-Long": "x" * 100}, json={"n": 0})), shared
    )
    embed(caller, transport)
    assert shared.statistics().entries == 0


def test_statistics_count_bytes_of_fresh_replies(clock: HandClock) -> None:
    shared = Caching(Cache(ttl=10), clock=clock)
    transport = CacheTransport(Script(lambda _: httpx.Response(200, headers={"X": "yz"}, content=b"four")), shared)
    Caller("sync").call(transport, "POST", extensions=dict(EMBED))
    seen = shared.statistics()
    assert (seen.entries, seen.bytes) == (1, len("X") + len("yz") + len("content-length") + len("4") + len("four"))
    clock.now += 10
    seen = shared.statistics()
    assert (seen.entries, seen.bytes) == (0, 0)


class StoreMachine(RuleBasedStateMachine):
    """The store never exceeds its bounds, and returns only what was stored and is not too old."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.store = Store(Cache(ttl=10, max_entries=3, max_bytes=50), self.clock)
        self.put_last: dict[bytes, StoredReply] = {}

    @rule(key=st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), size=st.integers(0, 60))
    def a_reply_is_stored(self, key: bytes, size: int) -> None:
        reply = StoredReply(200, [], b"x" * size, self.clock.now)
        self.store.put(key, reply)
        if size <= 50:
            self.put_last[key] = reply

    @rule(key=st.sampled_from([b"a", b"b", b"c", b"d", b"e"]))
    def a_reply_is_looked_up(self, key: bytes) -> None:
        reply = self.store.get(key)
        if reply is not None:
            assert reply is self.put_last[key]
            assert self.clock.now < reply.at + 10

    @rule(seconds=st.sampled_from([1, 9, 10]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(ttl=st.sampled_from([10, 5]))
    def it_is_reconfigured(self, ttl: float) -> None:
        self.store.reconfigure(Cache(ttl=ttl, max_entries=3, max_bytes=50))

    @rule(key=st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), newest=st.booleans())
    def a_reply_is_withdrawn(self, key: bytes, newest: bool) -> None:
        kept = self.store.get(key)
        reply = kept if newest and kept is not None else StoredReply(200, [], b"", self.clock.now)
        self.store.discard(key, reply)
        assert self.store.get(key) is (None if reply is kept else kept)

    @invariant()
    def it_is_within_its_bounds(self) -> None:
        entries, size = self.store.sizes()
        assert entries <= 3
        assert size <= 50


TestStore = StoreMachine.TestCase


def test_statistics_events_and_clear(caller: Caller, clock: HandClock) -> None:
    events: list[Any] = []
    transport = caller.wrap(PAIR, counting(), Cache(), clock=clock, observer=events.append)
    for _ in range(3):
        embed(caller, transport)
    seen = transport.statistics()
    assert (seen.hits, seen.misses, seen.shared, seen.entries) == (2, 1, 0, 1)
    assert seen.bytes > 0
    assert [type(event) for event in events] == [CacheMiss, CacheHit, CacheHit]
    transport.clear()
    assert transport.statistics().entries == 0
    assert embed(caller, transport) == 2


def test_shorter_ttl_drops_replies_that_are_too_old(clock: HandClock) -> None:
    shared, caller = Caching(Cache(ttl=300), clock=clock), Caller("sync")
    transport = CacheTransport(counting(), shared)
    embed(caller, transport, "old")
    clock.now += 60
    embed(caller, transport, "new")
    shared.reconfigure(Cache(ttl=30))
    assert [embed(caller, transport, body) for body in ("new", "old")] == [2, 3]


def test_smaller_cache_keeps_most_recently_used(clock: HandClock) -> None:
    shared, caller = Caching(Cache(), clock=clock), Caller("sync")
    transport = CacheTransport(counting(), shared)
    for body in "abc":
        embed(caller, transport, body)
        clock.now += 1
    embed(caller, transport, "a")
    shared.reconfigure(Cache(max_entries=2))
    assert [embed(caller, transport, body) for body in "acb"] == [1, 3, 4]


# --- replies that cannot be decoded

CHAT = Cache(operations={"chat"})
STREAMS = Cache(operations={"chat"}, streams=True)


@pytest.mark.parametrize(("bad", "error"), [(PAGE, "DecodeError"), (PART, "IncompleteReplyError")])
def test_undecodable_reply_is_not_returned_again(caller: Caller, clock: HandClock, bad: bytes, error: str) -> None:
    wire = Script(whole(bad), whole(LAST))
    transport = caller.wrap(PAIR, wire, CHAT, clock=clock)
    assert [understood(caller, transport, asked()) for _ in range(3)] == [error, "good", "good"]
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    ("bad", "error"),
    [((PART, PART), "IncompleteReplyError"), ((PART, FAILURE), "ReplyFailedError"), ((PAGE,), "DecodeError")],
)
def test_failed_stream_is_not_returned_again(caller: Caller, clock: HandClock, bad: Any, error: str) -> None:
    wire = Script(flowing(*bad), flowing(PART, LAST))
    transport = caller.wrap(PAIR, wire, STREAMS, clock=clock)
    assert [understood(caller, transport, asked(stream=True)) for _ in range(3)] == [error, "good", "good"]
    assert len(wire.requests) == 2


def test_stream_that_failed_before_its_end_is_not_stored(clock: HandClock) -> None:
    transport = CacheTransport(Script(flowing(FAILURE, LAST)), STREAMS, clock=clock)
    response = transport.handle_request(asked(stream=True))
    chunks = iter(response.stream)
    next(chunks)
    judge(response, CallOutcome(DecodeError("no item")))
    assert list(chunks) == [LAST]
    assert transport.statistics().entries == 0


def test_late_decode_error_withdraws_only_its_own_reply(clock: HandClock) -> None:
    wire = Script(whole(PAGE), whole(LAST))
    transport = CacheTransport(wire, CHAT, clock=clock)
    late = transport.handle_request(asked())
    clock.now += 300
    assert understood(Caller("sync"), transport, asked()) == "good"
    judge(late, CallOutcome(DecodeError("no JSON")))
    assert transport.handle_request(asked()).read() == LAST
    assert len(wire.requests) == 2


def test_decode_error_of_later_caller_withdraws_reply(caller: Caller, clock: HandClock) -> None:
    wire = Script(whole(PAGE), whole(LAST))
    transport = caller.wrap(PAIR, wire, CHAT, clock=clock)
    unjudged = asked(outcome=False)
    assert caller.call(transport, "POST", str(unjudged.url), content=b"{}", extensions=unjudged.extensions).is_success
    assert [understood(caller, transport, asked()) for _ in range(2)] == ["DecodeError", "good"]


@pytest.mark.parametrize("policy", [CHAT, STREAMS])
def test_decoded_reply_survives_another_callers_error(caller: Caller, clock: HandClock, policy: Cache) -> None:
    def ask() -> Any:
        return asked(stream=policy.streams)

    wire = Script(flowing(PART, LAST) if policy.streams else whole(LAST))
    transport = caller.wrap(PAIR, wire, policy, clock=clock)
    for error in (DecodeError("longer than the limit"), APITimeoutError("late", phase="total")):
        assert understood(caller, transport, ask()) == "good"
        if caller.colour == "sync":
            limited = transport.handle_request(ask())
        else:
            limited = anyio.run(transport.handle_async_request, ask(), backend=caller.colour)
        judge(limited, CallOutcome(error))
    assert understood(caller, transport, ask()) == "good"
    assert len(wire.requests) == 1


def test_stream_decoded_before_its_end_counts_as_decoded(clock: HandClock) -> None:
    transport = CacheTransport(Script(flowing(PART, LAST)), STREAMS, clock=clock)
    response = transport.handle_request(asked(stream=True))
    judge(response, CallOutcome())
    assert response.read() == PART + LAST
    judge(transport.handle_request(asked(stream=True)), CallOutcome(DecodeError("longer than the limit")))
    assert transport.statistics().entries == 1


def test_callers_timeout_does_not_withdraw_reply(clock: HandClock) -> None:
    transport = CacheTransport(Script(whole(LAST)), CHAT, clock=clock)
    judge(transport.handle_request(asked()), CallOutcome(APITimeoutError("late", phase="total")))
    assert transport.statistics().entries == 1


def test_cached_error_status_is_not_withdrawn(clock: HandClock) -> None:
    wire = Script(lambda _: httpx.Response(404))
    transport = CacheTransport(wire, Cache(operations={"chat"}, errors=True), clock=clock)
    for _ in range(2):
        response = transport.handle_request(asked())
        judge(response, CallOutcome(NotFoundError("no such model", message="", response=response)))
    assert len(wire.requests) == 1


# --- calls in flight while something else happens


AT_ONCE = {**EMBED, "deadline": 0.0}  # with no time to wait for another call


def test_call_after_clear_gets_no_reply_from_before() -> None:
    caller = Caller("sync")

    def wire(_: httpx.Request) -> httpx.Response:
        number = len(script.requests)
        if number == 1:
            transport.clear()
            assert embed(caller, transport, extensions=dict(AT_ONCE)) == 2
        return httpx.Response(200, json={"n": number})

    script = Script(wire)
    transport = CacheTransport(script, Cache())
    assert [embed(caller, transport) for _ in range(3)] == [1, 2, 2]


def test_leader_from_before_clear_leaves_newer_calls_alone(clock: HandClock) -> None:
    shared = Caching(Cache(operations={"chat"}), clock=clock)

    before = HandDriven(shared, asked())
    shared.clear()
    leader = HandDriven(shared, asked())
    assert leader.sends
    before.resume(httpx.Response(200, content=b"old"))
    follower = HandDriven(shared, asked())
    leader.resume(httpx.Response(200, content=b"new"))
    assert follower.step.event.wait(0)
    follower.resume()
    assert follower.response.read() == b"new"
    assert HandDriven(shared, asked()).response.read() == b"new"


def test_stream_in_flight_at_clear_is_not_stored(clock: HandClock) -> None:
    transport = CacheTransport(Script(flowing(PART, LAST)), STREAMS, clock=clock)
    response = transport.handle_request(asked(stream=True))
    transport.clear()
    assert response.read() == PART + LAST
    assert transport.statistics().entries == 0


@pytest.mark.parametrize("errors", [True, False])
def test_call_in_flight_keeps_its_configuration(errors: bool) -> None:
    def wire(_: httpx.Request) -> httpx.Response:
        shared.reconfigure(Cache(errors=not errors))
        return httpx.Response(404, json={"n": 1})

    shared = Caching(Cache(errors=errors))
    embed(Caller("sync"), CacheTransport(Script(wire), shared))
    assert shared.statistics().entries == int(errors)


def test_interrupt_in_observer_lands_in_flight_call(caller: Caller, clock: HandClock) -> None:
    interrupts = [KeyboardInterrupt()]

    def observer(_: Any) -> None:
        if interrupts:
            raise interrupts.pop()

    transport = caller.wrap(PAIR, counting(), Cache(), clock=clock, observer=observer)
    with pytest.raises(KeyboardInterrupt):
        embed(caller, transport)
    assert embed(caller, transport, extensions=dict(AT_ONCE)) == 1


class Held(bytes):
    """Bytes that count how many of them are alive at the same time."""

    now = most = 0

    def __new__(cls, *args: Any) -> Self:
        cls.now += 1
        cls.most = max(cls.most, cls.now)
        return super().__new__(cls, *args)

    def __del__(self) -> None:
        type(self).now -= 1


@pytest.mark.parametrize(("chunks", "kept"), [(10, 1), (11, 0), (100, 0)])
def test_long_stream_is_recorded_up_to_max_bytes(caller: Caller, clock: HandClock, chunks: int, kept: int) -> None:
    class Long(Body):
        def __iter__(self) -> Any:
            return (Held(bytes(100)) for _ in range(chunks))

    policy = Cache(operations={"x"}, streams=True, max_bytes=1000)
    transport = caller.wrap(PAIR, Script(lambda _: httpx.Response(200, stream=Long())), policy, clock=clock)
    known = {"operation": "x", "deterministic": True, "stream": True}

    def ask() -> Any:
        """The length of the reply, and how many chunks of it were held when the last one came."""
        request, seen = httpx.Request("GET", "http://a", extensions=dict(known)), []

        async def read() -> None:
            response = await transport.handle_async_request(request)
            seen.extend([(len(chunk), Held.now) async for chunk in response.stream])

        if caller.colour == "sync":
            seen.extend((len(chunk), Held.now) for chunk in transport.handle_request(request).stream)
        else:
            anyio.run(read, backend=caller.colour)
        return sum(length for length, _ in seen), seen[-1][1]

    Held.most = Held.now = 0
    length, held = ask()
    assert length == 100 * chunks
    assert Held.most <= 12
    assert held <= (12 if kept else 3)
    assert transport.statistics().entries == kept
    assert ask()[0] == length


def test_dropped_stream_is_freed_without_garbage_collector() -> None:
    transport = CacheTransport(Script(flowing(PART, LAST)), STREAMS)
    gc.disable()
    try:
        response = transport.handle_request(asked(stream=True))
        freed = weakref.ref(response)
        chunks = iter(response.stream)
        next(chunks)
        del response, chunks
        assert freed() is None
    finally:
        gc.enable()


# --- identical calls at the same time


class Gate:
    """A transport that answers each request once all remaining calls wait for it."""

    def __init__(self, calls: int, outcome: Any) -> None:
        self.calls = calls
        self.outcome = outcome
        self.caching: Caching
        self.requests = 0
        self.counting = threading.Lock()

    def __call__(self, _: httpx.Request) -> httpx.Response:
        with self.counting:
            self.requests = number = self.requests + 1
        give_up = time.monotonic() + PATIENCE
        while self.followers() < self.calls - number and time.monotonic() < give_up:
            time.sleep(0.001)
        outcome = self.outcome if number == 1 else 200
        if isinstance(outcome, BaseException):
            raise outcome
        return httpx.Response(outcome, json={"n": number})

    def followers(self) -> int:
        return sum(len(call.followers) for call in list(self.caching._in_flight.values()))


class OddError(Exception):
    """An error that cannot be made of its ``args``."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)


def ten_at_once(outcome: Any) -> tuple[list[Any], Gate]:
    """What ten identical calls get whose first request ends with ``outcome``, and any other with a reply."""
    gate = Gate(10, outcome)
    gate.caching = Caching(Cache())
    transport = CacheTransport(Script(gate), gate.caching)

    outcomes: list[Any] = []

    def work(_: int) -> None:
        try:
            outcomes.append(embed(Caller("sync"), transport))
        except BaseException as error:  # noqa: BLE001
            outcomes.append(error)

    in_threads(10, work)
    assert len(outcomes) == 10
    assert gate.caching._in_flight == {}
    return outcomes, gate


@pytest.mark.parametrize("status", [200, 404])
def test_identical_calls_in_flight_share_one_request(status: int) -> None:
    outcomes, gate = ten_at_once(status)
    assert outcomes == [1] * 10
    seen = gate.caching.statistics()
    assert (gate.requests, seen.hits, seen.misses, seen.shared) == (1, 9, 1, 9)


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), OddError(reason="refused")])
def test_leader_error_is_shared_with_followers(failure: Exception) -> None:
    outcomes, gate = ten_at_once(failure)
    assert {(type(error), str(error)) for error in outcomes} == {(type(failure), "refused")}
    assert gate.requests == 1


def test_each_follower_raises_its_own_copy_of_error() -> None:
    outcomes, _ = ten_at_once(httpx.ConnectError("refused"))
    assert len({id(error) for error in outcomes}) == 10
    assert len({error.__cause__ for error in outcomes} - {None}) == 1


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("mine"),
        APITimeoutError("mine", phase="total"),
        RateLimitExceededError("mine"),
        NoEndpointError("mine", [httpx.ReadTimeout("one"), httpx.ReadTimeout("two")]),
        KeyboardInterrupt(),
    ],
)
def test_leader_timeout_is_not_shared_with_followers(
    failure: BaseException,
) -> None:
    outcomes, gate = ten_at_once(failure)
    assert sorted(answer for answer in outcomes if isinstance(answer, int)) == [2] * 9
    assert gate.requests == 2


def test_follower_waits_for_two_leaders_at_most() -> None:
    caching = Caching(Cache(operations={"chat"}))
    first, second, third, fourth = (HandDriven(caching, asked()) for _ in range(4))
    assert [call.sends for call in (first, second, third, fourth)] == [True, False, False, False]
    for leader, followers in ((first, (second, third, fourth)), (second, (third, fourth))):
        with pytest.raises(httpx.ReadTimeout):
            leader.resume(httpx.ReadTimeout("silent"))
        for follower in followers:
            follower.resume()
    assert [call.sends for call in (second, third, fourth)] == [False, True, True]
    fourth.resume(httpx.Response(200, content=b"at last"))
    assert HandDriven(caching, asked()).response.read() == b"at last"


@pytest.mark.parametrize("moment", ["found", "joined", "locked"])
def test_collected_leader_wakes_follower_at_any_moment(moment: str) -> None:
    caching = Caching(CHAT)
    leader, follower = HandDriven(caching, asked()), caching.flow(send, asked())
    assert next(follower) is NEW_EVENT

    def collect() -> None:
        """What the garbage collector does with a call whose caller has gone, in any thread."""
        leader.flow.close()

    if moment == "found":
        collect()
    wait: Any = follower.send(ThreadEvent())
    if moment == "joined":
        collect()
    if moment == "locked":
        with caching._lock:  # by the thread that collects
            thread = threading.Thread(target=collect, daemon=True)
            thread.start()
            thread.join(PATIENCE)
            assert not thread.is_alive()
    assert wait.event.wait(0)
    assert isinstance(follower.send(None), httpx.Request)
    with pytest.raises(StopIteration):
        follower.send(httpx.Response(200, content=b"anew"))
    assert HandDriven(caching, asked()).response.read() == b"anew"
    assert caching._in_flight == {}


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), GeneratorExit(), anyio.EndOfStream()])
def test_every_way_out_of_a_request_lands_it(interrupt: BaseException) -> None:
    caching = Caching(CHAT)
    leader, follower = HandDriven(caching, asked()), HandDriven(caching, asked())
    with pytest.raises(type(interrupt)):
        leader.resume(interrupt)
    assert follower.step.event.wait(0)
    assert caching._in_flight == {}


@pytest.mark.anyio
async def test_destroyed_task_lands_its_request() -> None:
    caching = Caching(CHAT)

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.lowlevel.checkpoint()
            raise AssertionError(request)

    call: Any = AsyncCacheTransport(Silent(), caching).handle_async_request(asked())
    call.send(None)
    follower = HandDriven(caching, asked())
    assert not follower.sends
    call.close()  # as the garbage collector does
    assert follower.step.event.wait(0)
    assert caching._in_flight == {}


@pytest.mark.parametrize("failure", [503, httpx.ConnectError("refused")])
@pytest.mark.parametrize(("deadline", "sent_again"), [(0.1, True), (None, False)])
def test_outcome_of_leader_out_of_time_is_not_shared(
    caller: Caller, clock: HandClock, failure: Any, deadline: float | None, sent_again: bool
) -> None:
    joined: list[Any] = []

    def busy(_: httpx.Request) -> httpx.Response:
        if not joined:
            joined.append(HandDriven(stack.cache, asked()))
        if isinstance(failure, Exception):
            raise failure
        return httpx.Response(failure)

    policies = Policies(cache=CHAT, retry=Retry(attempts=2, initial=0.3, jitter="none"))
    build = build_stack if caller.colour == "sync" else build_async_stack
    stack: Any = build(Script(busy), [], policies, clock=clock)
    request = asked(repeat="safe", deadline=None if deadline is None else clock.now + deadline)
    with contextlib.suppress(httpx.ConnectError):
        caller.call(stack.transport, "POST", str(request.url), content=b"{}", extensions=request.extensions)
    [follower] = joined
    assert follower.step.event.wait(0)
    if not sent_again and isinstance(failure, Exception):
        with pytest.raises(httpx.ConnectError):
            follower.resume()
        return
    follower.resume()
    assert follower.sends == sent_again
    assert sent_again or follower.response.status_code == failure


@pytest.mark.anyio
async def test_cancelled_leader_costs_followers_one_request() -> None:
    requests = 0
    release = anyio.Event()

    class Wire(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal requests
            requests += 1
            await release.wait()
            return httpx.Response(200, json={"n": requests})

    caching = Caching(Cache())
    transport, answers = AsyncCacheTransport(Wire(), caching), []

    async def ask(scope: anyio.CancelScope) -> None:
        with scope:
            response = await transport.handle_async_request(httpx.Request("POST", "http://a", extensions=dict(EMBED)))
            answers.append(json.loads(await response.aread())["n"])

    scopes = [anyio.CancelScope() for _ in range(20)]
    async with anyio.create_task_group() as group:
        for scope in scopes:
            group.start_soon(ask, scope)
            await anyio.wait_all_tasks_blocked()
        assert requests == 1
        scopes[0].cancel()
        with anyio.fail_after(PATIENCE):
            while requests < 2:  # noqa: ASYNC110 - the transport has no event for it
                await anyio.sleep(0.001)
        await anyio.wait_all_tasks_blocked()
        assert requests == 2
        release.set()
    assert answers == [2] * 19
    assert caching._in_flight == {}


@pytest.mark.parametrize(
    ("limits", "seconds", "phase"),
    [
        ({"deadline": 1002.0}, 2, "total"),
        ({"deadline": 900.0}, 0, "total"),
        ({"first_item": 3.0}, 3, "first_item"),
        ({"first_item": 3.0, "deadline": 1002.0}, 2, "total"),
        ({"first_item": 3.0, "deadline": 1004.0}, 3, "first_item"),
    ],
)
def test_follower_waits_within_its_own_limits(
    caller: Caller, clock: HandClock, limits: dict[str, float], seconds: float, phase: str
) -> None:
    caching = Caching(Cache(), clock=clock)
    leader = HandDriven(caching, httpx.Request("POST", "http://a/api/embed", content=b'"x"', extensions=dict(EMBED)))
    assert leader.sends
    with pytest.raises(APITimeoutError) as raised:
        embed(caller, caller.wrap(PAIR, Script(200), caching), extensions={**EMBED, **limits})
    assert raised.value.phase == phase
    assert clock.now == 1000 + seconds


def test_follower_of_client_times_out_by_its_first_item() -> None:
    answered = threading.Event()

    def slow(connection: Connection) -> None:
        connection.wait(answered)
        say(200, {"model": "m", "embeddings": [[1.0]]})(connection)

    with serving({"/api/embed": slow}) as server, Ollama(server.url, cache=Cache()) as client:
        leader = threading.Thread(target=client.embed, args=("m", "x"))
        leader.start()
        while not server.requests:
            time.sleep(0.001)
        with pytest.raises(APITimeoutError) as raised:
            client.with_options(timeout=Timeout(first_item=0.05)).embed("m", "x")
        answered.set()
        leader.join(PATIENCE)
        assert raised.value.phase == "first_item"
        assert client.embed("m", "x").embeddings == [[1.0]]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "arguments",
    [{"ttl": 0}, {"max_entries": 0}, {"max_bytes": 0}, {"operations": "embed"}, {"operations": {""}}, {"errors": 1}],
)
def test_invalid_argument_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="Cache"):
        Cache(**arguments)


@pytest.mark.anyio
async def test_async_stream_is_cached_once_read_to_its_end() -> None:
    with serving({"/s": [chunks(b"1", b"x"), chunks(b"2")]}) as server:
        transport = AsyncCacheTransport(library.AsyncHTTPTransport(), Cache(streams=True))
        async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
            for _ in range(2):
                async with client.stream("GET", "/s", extensions={**EMBED, "stream": True}) as response:
                    assert b"".join([part async for part in response.aiter_raw()]) == b"1x"
    assert len(server.requests) == 1
