"""Cache: what is kept, for whom, for how long, and how identical calls share one request."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from reliability_kit import Caller, HandClock, Script, chunks, cut, serving

from ollama_sdk.errors import APITimeoutError, ConfigurationError
from ollama_sdk.reliability import AsyncCacheTransport, Cache, CacheHit, CacheMiss, CacheTransport
from ollama_sdk.reliability.cache import Caching, Reply, Store, key_of

PAIR = (CacheTransport, AsyncCacheTransport)
EMBED = {"operation": "embed", "deterministic": True}


def counting() -> Script:
    """A wire whose answers are numbered."""
    numbers = itertools.count(1)
    return Script(lambda _: httpx.Response(200, json={"n": next(numbers)}))


def embed(caller: Caller, transport: Any, body: Any = "x", **kwargs: Any) -> Any:
    kwargs.setdefault("extensions", dict(EMBED))
    return caller.call(transport, "POST", "http://a/api/embed", content=json.dumps(body).encode(), **kwargs).json()["n"]


def test_the_same_question_is_asked_once_until_its_time_is_over(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(PAIR, counting(), Cache(ttl=300), clock=clock)
    assert [embed(caller, transport) for _ in range(3)] == [1, 1, 1]
    clock.now += 299
    assert embed(caller, transport) == 1
    clock.now += 1
    assert embed(caller, transport) == 2


def test_the_order_of_keys_in_a_question_does_not_matter_and_everything_else_does(clock: HandClock) -> None:
    caller, transport = Caller("sync"), CacheTransport(counting(), Cache(), clock=clock)
    assert embed(caller, transport, {"a": 1, "b": {"c": 2, "d": 3}}) == 1
    assert embed(caller, transport, {"b": {"d": 3, "c": 2}, "a": 1}) == 1
    assert embed(caller, transport, {"a": 1, "b": {"c": 2, "d": 4}}) == 2
    assert embed(caller, transport, headers={"Authorization": "Bearer one"}) == 3
    assert embed(caller, transport, headers={"Authorization": "Bearer two"}) == 4
    assert embed(caller, transport, headers={"Authorization": "Bearer one", "User-Agent": "x", "traceparent": "y"}) == 3


def test_other_endpoints_and_credentials_have_other_keys() -> None:
    request = httpx.Request("POST", "http://a/x", content=b"{}", headers={"Authorization": "Bearer secret"})
    keys = {key_of(request), key_of(request, "other"), key_of(httpx.Request("POST", "http://b/x", content=b"{}"))}
    assert len(keys) == 3
    assert not any(b"secret" in key for key in keys)


@given(st.binary(max_size=60))
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
def test_only_what_was_asked_for_is_kept(
    caller: Caller, clock: HandClock, policy: Cache, extensions: dict[str, Any], requests: int
) -> None:
    wire = counting()
    transport = caller.wrap(PAIR, wire, policy, clock=clock)
    for _ in range(2):
        embed(caller, transport, extensions=dict(extensions))
    assert len(wire.requests) == requests


@pytest.mark.parametrize(("errors", "requests"), [(False, 2), (True, 1)])
def test_errors_are_kept_only_when_asked_for(caller: Caller, clock: HandClock, errors: bool, requests: int) -> None:
    wire = Script(lambda _: httpx.Response(404, json={"n": 0}))
    transport = caller.wrap(PAIR, wire, Cache(errors=errors), clock=clock)
    for _ in range(2):
        assert embed(caller, transport) == 0
    assert len(wire.requests) == requests


def test_a_failure_is_never_kept(caller: Caller, clock: HandClock) -> None:
    transport = caller.wrap(
        PAIR, Script(httpx.ReadError("gone"), httpx.Response(200, json={"n": 1})), Cache(), clock=clock
    )
    with pytest.raises(httpx.ReadError):
        embed(caller, transport)
    assert embed(caller, transport) == 1


def test_a_compressed_reply_is_given_again_as_it_was(clock: HandClock) -> None:
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


def test_a_stream_is_kept_only_when_it_was_read_to_its_end() -> None:
    with (
        serving({"/s": [chunks(b"1", b"x"), cut(b"2"), chunks(b"3", b"z"), chunks(b"4")]}) as server,
        httpx.Client(
            transport=CacheTransport(httpx.HTTPTransport(), Cache(streams=True)), base_url=server.url
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


def test_the_least_recently_used_goes_first_and_what_is_too_large_is_not_kept(clock: HandClock) -> None:
    caller = Caller("sync")
    shared = Caching(Cache(max_entries=2), clock=clock)
    transport = CacheTransport(counting(), shared)
    assert [embed(caller, transport, body) for body in "abacab"] == [1, 2, 1, 3, 1, 4]
    shared = Caching(Cache(max_bytes=100), clock=clock)
    transport = CacheTransport(Script(lambda _: httpx.Response(200, json={"n": 0, "long": "x" * 100})), shared)
    embed(caller, transport)
    assert shared.statistics().entries == 0


class StoreMachine(RuleBasedStateMachine):
    """The store never exceeds its bounds, and never gives what it was not given or what is too old."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.store = Store(Cache(ttl=10, max_entries=3, max_bytes=50), self.clock)
        self.put_last: dict[bytes, Reply] = {}

    @rule(key=st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), size=st.integers(0, 60))
    def somebody_puts(self, key: bytes, size: int) -> None:
        reply = Reply(200, [], b"x" * size, self.clock.now)
        self.store.put(key, reply)
        if size <= 50:
            self.put_last[key] = reply

    @rule(key=st.sampled_from([b"a", b"b", b"c", b"d", b"e"]))
    def somebody_gets(self, key: bytes) -> None:
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

    @rule()
    def it_is_cleared(self) -> None:
        self.store.clear()
        assert self.store.sizes() == (0, 0)

    @invariant()
    def it_is_within_its_bounds(self) -> None:
        entries, size = self.store.sizes()
        assert entries <= 3
        assert size <= 50


TestStore = StoreMachine.TestCase


def test_statistics_clear_and_events_tell_what_happened(caller: Caller, clock: HandClock) -> None:
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


def test_reconfiguring_keeps_what_is_fresh_enough(clock: HandClock) -> None:
    shared, caller = Caching(Cache(ttl=300), clock=clock), Caller("sync")
    transport = CacheTransport(counting(), shared)
    embed(caller, transport, "old")
    clock.now += 60
    embed(caller, transport, "new")
    shared.reconfigure(Cache(ttl=30), None)
    assert [embed(caller, transport, body) for body in ("new", "old")] == [2, 3]


# --- identical calls at the same time


def in_threads(count: int, work: Any) -> list[Any]:
    outcomes: list[Any] = []

    def run() -> None:
        try:
            outcomes.append(work())
        except Exception as error:  # noqa: BLE001
            outcomes.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return outcomes


class Gate:
    """A wire that answers when as many calls wait for the first one as should."""

    def __init__(self, followers: int, outcome: Any) -> None:
        self.followers = followers
        self.outcome = outcome
        self.caching: Caching
        self.requests = 0
        self.counting = threading.Lock()
        self.together = threading.Barrier(followers)

    def __call__(self, _: httpx.Request) -> httpx.Response:
        with self.counting:
            self.requests = number = self.requests + 1
        if number == 1:
            give_up = threading.Event()
            while sum(len(flight.followers) for flight in self.caching._flights.values()) < self.followers:
                give_up.wait(0.001)
        elif isinstance(self.outcome, httpx.ReadTimeout):
            self.together.wait(10)  # nobody answers before all are here: they do not wait for each other
        outcome = self.outcome if number == 1 else 200
        if isinstance(outcome, BaseException):
            raise outcome
        return httpx.Response(outcome, json={"n": number})


@pytest.mark.parametrize(
    ("outcome", "requests"),
    [
        (200, 1),
        (404, 1),
        (httpx.ConnectError("refused"), 1),
        (httpx.ReadTimeout("mine"), 10),
        (KeyboardInterrupt(), 2),
    ],
)
def test_concurrent_identical_calls_share_one_request_and_only_what_concerns_them_all(
    outcome: Any, requests: range
) -> None:
    gate = Gate(9, outcome)
    gate.caching = Caching(Cache())
    transport = CacheTransport(Script(gate), gate.caching)

    def work() -> Any:
        try:
            return embed(Caller("sync"), transport)
        except KeyboardInterrupt:
            return "interrupted"

    outcomes = in_threads(10, work)
    assert len(outcomes) == 10
    if outcome in {200, 404}:
        assert outcomes == [1] * 10
        assert gate.caching.statistics().shared == 9
    elif isinstance(outcome, httpx.ConnectError):
        assert {str(error) for error in outcomes} == {"refused"}
        assert len({id(error) for error in outcomes}) == 10
    else:
        assert sum(isinstance(answer, int) for answer in outcomes) == 9
    assert gate.requests == requests
    assert gate.caching._flights == {}


@pytest.mark.anyio
async def test_a_cancelled_leader_leaves_its_followers_one_new_request() -> None:
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
        await anyio.wait_all_tasks_blocked()
        assert requests == 2
        release.set()
    assert answers == [2] * 19
    assert caching._flights == {}


def test_a_follower_waits_no_longer_than_its_deadline() -> None:
    caching = Caching(Cache())
    leader = caching.ask(httpx.Request("POST", "http://a/api/embed", content=b'"x"', extensions=dict(EMBED)))
    assert leader is not None
    assert leader.next(threading.Event) is None  # type: ignore[type-var]
    with pytest.raises(APITimeoutError):
        embed(Caller("sync"), CacheTransport(Script(200), caching), extensions={**EMBED, "deadline": 0.0})


@pytest.mark.parametrize(
    "arguments",
    [{"ttl": 0}, {"max_entries": 0}, {"max_bytes": 0}, {"operations": "embed"}, {"operations": {""}}, {"errors": 1}],
)
def test_a_bad_argument_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="Cache"):
        Cache(**arguments)


@pytest.mark.anyio
async def test_an_async_stream_is_kept_once_read_to_its_end() -> None:
    with serving({"/s": [chunks(b"1", b"x"), chunks(b"2")]}) as server:
        transport = AsyncCacheTransport(httpx.AsyncHTTPTransport(), Cache(streams=True))
        async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
            for _ in range(2):
                async with client.stream("GET", "/s", extensions={**EMBED, "stream": True}) as response:
                    assert b"".join([part async for part in response.aiter_raw()]) == b"1x"
    assert len(server.requests) == 1
