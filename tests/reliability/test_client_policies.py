"""The policies as arguments of the clients: stacked, shared, changed at run time."""

from __future__ import annotations

import functools
import gc
import os
import pickle
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from ollama_sdk import (
    APIConnectionError,
    APITimeoutError,
    AsyncOllama,
    Cache,
    CircuitBreaker,
    CircuitOpenError,
    ConfigurationError,
    DecodeError,
    Endpoint,
    Failover,
    HealthCheck,
    IncompleteReplyError,
    NoEndpointError,
    NotFoundError,
    Ollama,
    OllamaError,
    RateLimit,
    RateLimitExceededError,
    Retry,
    ServiceUnavailableError,
    Timeout,
)
from ollama_sdk.reliability import AttemptStarted, CallEnded, Event, Reconfigured, RetryBudget, Waited
from ollama_sdk.reliability.endpoints import EndpointState
from ollama_sdk.testing import Emulator, Fault
from tests.reliability.chaos import belongings, leftovers
from tests.support import worlds
from tests.support.callers import in_threads
from tests.support.library import library
from tests.support.loopback import (
    END,
    PATIENCE,
    Connection,
    Loopback,
    chunk,
    chunked,
    head,
    replies,
    replies_and_closes,
    replies_and_resets,
    whole,
)

AT_ONCE = functools.partial(Retry, initial=0.001, maximum=0.002)
OPEN_AFTER_TWO = CircuitBreaker(failure_rate=1, window=2, minimum_calls=2, open_for=60)
QUESTION = [{"role": "user", "content": "Hi"}]
KINDS = ["sync", "asyncio", "trio"]


@pytest.fixture(scope="module")
def emulators():
    with Emulator() as one, Emulator() as two:
        yield one, two


@pytest.fixture
def servers(emulators):
    for server in emulators:
        server.reset()
        server.up()
        server.models.add("llama3.2", capabilities=["completion", "embedding"])
        server.reply("Hello", " there", "!")
    return emulators


@pytest.fixture
def server(servers):
    return servers[0]


def states(client: Any) -> Any:
    return client._runtime.transports.stack._states


def chat(client: Any, **options: Any) -> Any:
    return client.chat("llama3.2", QUESTION, **options)


def paths(server: Emulator) -> list[str]:
    return [request.path for request in server.requests]


def eventually(holds: Any) -> bool:
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            return False
        gc.collect()
        time.sleep(0.005)
    return True


def no_more_requests(servers: Any) -> bool:
    """Whether none arrives for a while: one that was given up may be on its way still."""
    before = [len(server.requests) for server in servers]
    time.sleep(0.3)
    for server, count in zip(servers, before, strict=True):
        if len(server.requests) != count:
            return False
        server.requests.clear()
    return True


# Off until asked for


def test_without_policies_the_package_of_them_is_not_imported(server):
    code = """
import sys, anyio
from ollama_sdk import AsyncOllama, Ollama

question = [{"role": "user", "content": "Hi"}]
with Ollama(sys.argv[1]) as client:
    client.chat("llama3.2", question)
    client.with_options(timeout=3).chat("llama3.2", question, stream=True).collect()

async def main():
    async with AsyncOllama(sys.argv[1]) as client:
        await client.chat("llama3.2", question)

anyio.run(main)
assert not [name for name in sys.modules if name.startswith(("ollama_sdk.reliability", "cachetools"))]
"""
    subprocess.run([sys.executable, "-c", code, server.url], check=True, timeout=60)


def test_without_policies_a_call_is_one_request(world, servers):
    one, two = servers
    with world.client(one.url) as client:
        one.faults.add(Fault.status(503, retry_after=0), times=1)
        with pytest.raises(ServiceUnavailableError):
            client.version()
        one.faults.add(Fault.reset("before headers"), times=1)
        with pytest.raises(APIConnectionError):
            client.version()
        assert len(one.requests) == 2
        for _ in range(20):
            client.embed("llama3.2", "same")
        assert len(one.requests) == 22
    with pytest.raises(ConfigurationError, match="failover"):
        Ollama([one.url, two.url])


# Retry

BEFORE_ANYTHING_ARRIVED = {
    "503": Fault.status(503),
    "reset": Fault.reset("before headers"),
    "reset in the headers": Fault.reset("in headers"),
    "cut": Fault.cut(after=0, clean=False),
}


@pytest.mark.parametrize("fault", BEFORE_ANYTHING_ARRIVED.values(), ids=BEFORE_ANYTHING_ARRIVED)
@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
def test_a_failure_before_the_first_item_is_retried(world, server, fault, stream):
    server.faults.add(fault, times=2)
    with world.client(server.url, retry=AT_ONCE()) as client:
        reply = chat(client, stream=stream)
        text = "".join(item.message.content for item in reply) if stream else reply.message.content
    assert text == "Hello there!"
    assert len(server.requests) == 3


def test_a_one_piece_reply_that_breaks_off_is_retried(world, server):
    server.faults.add(Fault.cut(clean=False), times=1)
    with world.client(server.url, retry=AT_ONCE()) as client:
        assert chat(client).message.content == "Hello there!"
    assert len(server.requests) == 2


# Every policy alone, and none.
EACH: dict[str, dict[str, Any]] = {
    "no policy": {},
    "retry": {"retry": AT_ONCE(attempts=2)},
    "circuit breaker": {"circuit_breaker": OPEN_AFTER_TWO},
    "rate limit": {"rate_limit": RateLimit(concurrent=1)},
    "failover": {"failover": Failover()},
    "cache": {"cache": Cache()},
    "observer": {"observer": lambda _: None},
}
_EACH = pytest.mark.parametrize("policies", EACH.values(), ids=EACH.keys())


@_EACH
def test_an_error_status_survives_a_broken_body(world, policies):
    cut = replies_and_closes(head(404, content_length=500) + b'{"error":"model')
    with Loopback(*[cut] * 3) as server, world.client(server.url, **policies) as client:
        for asked in (1, 2, 3):
            with pytest.raises(NotFoundError):
                client.show("llama3.2")
            assert len(server.connections) == asked


@_EACH
def test_a_reply_that_breaks_off_is_incomplete_under_any_policy(world, policies):
    cut = replies_and_closes(head(content_length=500) + b'{"license":"MIT')
    with (
        Loopback(*[cut] * 2) as server,
        world.client(server.url, **policies) as client,
        pytest.raises(IncompleteReplyError, match=f"POST {server.url}/api/show: the connection was lost"),
    ):
        client.show("llama3.2")


@_EACH
@pytest.mark.parametrize("kind", ["transport", "http_client"])
def test_total_bounds_a_trickling_reply_on_any_transport(world, kind, policies):
    def trickle(connection: Connection) -> None:
        connection.answer(head(content_length=1000))
        connection.trickle(b" ")

    transport = library.HTTPTransport() if world.kind == "sync" else library.AsyncHTTPTransport()
    with Loopback(trickle) as server, world.http_client(transport=transport) as http_client:
        brought = transport if kind == "transport" else http_client
        with world.client(server.url, timeout=0.2, **{kind: brought}, **policies) as client:
            began = time.monotonic()
            with pytest.raises(APITimeoutError) as raised:
                client.show("llama3.2")
            assert raised.value.phase == "total"
            assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("fault", [Fault.cut(after=2, clean=False), Fault.cut(after=2), Fault.reset(after=2)])
def test_a_stream_is_never_retried_after_its_first_item(world, server, fault):
    server.faults.add(fault)
    with world.client(server.url, retry=AT_ONCE()) as client:
        stream = chat(client, stream=True)
        texts: list[str] = []
        with pytest.raises(IncompleteReplyError) as raised:
            texts.extend(item.message.content for item in stream)
    assert (texts, raised.value.items) == (["Hello", " there"], 2)
    assert len(server.requests) == 1


UNSAFE = {
    "signout": lambda client: client.signout(),
    "create": lambda client: client.create("new", from_="llama3.2"),
    "delete": lambda client: client.delete("llama3.2"),
}


@pytest.mark.parametrize("call", UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_request_is_sent_once(world, servers, call):
    for server in servers:
        server.faults.add(Fault.status(503, retry_after=0))
    hosts = [server.url for server in servers]
    policies = {"retry": AT_ONCE(resume=True), "failover": Failover()}
    with world.client(hosts, **policies) as client, pytest.raises(ServiceUnavailableError):
        call(client)
    assert [len(server.requests) for server in servers] == [1, 0]


@pytest.mark.parametrize("given", ["bytes", "path", "file"])
def test_an_upload_is_retried_from_its_beginning(world, servers, tmp_path, given):
    one, two = servers
    one.down()
    two.faults.add(Fault.status(503), times=1)
    path = tmp_path / "blob"
    path.write_bytes(b"GGUF" * 100_000)
    with path.open("rb") as file:
        content = {"bytes": path.read_bytes(), "path": path, "file": file}[given]
        with world.client([one.url, two.url], retry=AT_ONCE(), failover=Failover()) as client:
            digest = client.upload_blob(content=content)
            assert client.blob_exists(digest) is True  # the server refuses what does not fit its digest
    assert paths(two).count(f"/api/blobs/{digest}") == 3


def test_a_body_that_can_be_read_only_once_is_sent_once(world, server):
    read, write = os.pipe()
    os.write(write, b"GGUF")
    os.close(write)
    server.faults.add(Fault.status(503))
    with (
        os.fdopen(read, "rb") as content,
        world.client(server.url, retry=AT_ONCE()) as client,
        pytest.raises(ServiceUnavailableError),
    ):
        client.upload_blob("sha256:" + "0" * 64, content)
    assert len(server.requests) == 1


def test_an_unsafe_request_fails_over_from_a_refused_connection(world, servers):
    one, two = servers
    one.down()
    with world.client([one.url, two.url], failover=Failover()) as client:
        client.delete("llama3.2")
    assert "llama3.2" not in two.models


@pytest.mark.parametrize(("resume", "requests"), [(False, 1), (True, 2)])
@pytest.mark.parametrize("fault", [Fault.status(503), Fault.reset("before headers"), Fault.cut(clean=False)])
def test_an_interrupted_pull_is_resumed_only_by_choice(world, server, resume, requests, fault):
    server.faults.add(fault, times=1)
    with world.client(server.url, retry=AT_ONCE(resume=resume)) as client:
        try:
            assert client.pull("tiny").status == "success"
        except OllamaError:
            assert not resume
    assert paths(server) == ["/api/pull"] * requests


def test_other_statuses_are_retried_by_choice(world, server):
    server.faults.add(Fault.status(500), times=1)
    with world.client(server.url, retry=AT_ONCE(statuses={500})) as client:
        assert chat(client).message.content == "Hello there!"


def test_an_attempts_error_ignores_the_status_of_an_earlier_one(world):
    cut_body = replies_and_closes(head(200, content_length=10) + b'{"')
    with (
        Loopback(cut_body, replies_and_resets(b"")) as server,
        world.client(server.url, retry=AT_ONCE(attempts=2)) as client,
        pytest.raises(APIConnectionError),
    ):
        client.version()


def test_the_retry_budget_is_shared_by_all_calls(world, server):
    server.faults.add(Fault.status(503))
    with world.client(server.url, retry=AT_ONCE(budget=RetryBudget(tokens=4))) as client:
        for client_or_view in (client, client, client.with_options(timeout=3)):
            with pytest.raises(ServiceUnavailableError):
                client_or_view.version()
    assert len(server.requests) == 4


# Time


def test_first_item_bounds_each_attempt_and_total_all_of_them(world, server):
    server.faults.add(Fault.stall())
    late = AT_ONCE(attempts=50, errors=(httpx.ReadTimeout,), budget=None)
    with world.client(server.url, retry=late, timeout=Timeout(first_item=0.1, total=0.35)) as client:
        started = time.monotonic()
        with pytest.raises(APITimeoutError) as raised:
            chat(client)
        assert raised.value.phase == "total"
        assert 0.3 <= time.monotonic() - started < PATIENCE
        assert len(server.requests) <= 4


def test_each_attempt_has_its_own_first_item_limit(world, server):
    server.faults.add(Fault.stall(), times=1)
    late = AT_ONCE(errors=(httpx.ReadTimeout,))
    with world.client(server.url, retry=late, timeout=Timeout(first_item=2)) as client:
        assert chat(client).message.content == "Hello there!"
    assert len(server.requests) == 2


def test_a_wait_that_would_outlast_the_total_is_not_begun(world, server):
    server.faults.add(Fault.status(503))
    with world.client(server.url, retry=Retry(initial=600, maximum=600, jitter="none"), timeout=PATIENCE) as client:
        started = time.monotonic()
        with pytest.raises(ServiceUnavailableError):
            chat(client)
    assert time.monotonic() - started < PATIENCE
    assert len(server.requests) == 1


def test_waiting_for_a_permit_counts_towards_the_total(world, server):
    with world.client(server.url, rate_limit=RateLimit(concurrent=1)) as client:
        with chat(client, stream=True), pytest.raises(APITimeoutError) as raised:
            client.version(timeout=Timeout(total=0.05))
        assert raised.value.phase == "total"
        assert "rate limit" in str(raised.value)
        client.version()
    assert paths(server) == ["/api/chat", "/api/version"]


def test_retry_after_is_respected(world, server):
    server.faults.add(Fault.status(503, retry_after=0.2), times=1)
    with world.client(server.url, retry=AT_ONCE()) as client:
        client.version()
    first, second = server.requests
    assert second.started_at - first.started_at >= 0.2


@pytest.mark.parametrize("asked", ["3600", "Fri, 31 Dec 2999 23:59:59 GMT"])
def test_a_retry_after_above_the_limit_is_not_waited_for(world, asked):
    with Loopback(lambda connection: connection.answer(whole(b"{}", 503, retry_after=asked))) as server:
        retry = AT_ONCE(retry_after_limit=60)
        with world.client(server.url, retry=retry) as client, pytest.raises(ServiceUnavailableError) as raised:
            client.version()
        assert raised.value.retry_after >= 3600
        assert len(server.requests) == 1


# Circuit breaker


def test_each_endpoint_has_a_circuit_of_its_own(world, servers):
    one, two = servers
    one.faults.add(Fault.status(503))
    with world.client([one.url, two.url], failover=Failover(), circuit_breaker=OPEN_AFTER_TWO) as client:
        for _ in range(5):
            client.version()
    assert [len(one.requests), len(two.requests)] == [2, 5]


def test_an_open_circuit_refuses_and_reports_until_when(world, server):
    server.faults.add(Fault.status(503))
    with world.client(server.url, circuit_breaker=OPEN_AFTER_TWO) as client:
        for _ in range(2):
            with pytest.raises(ServiceUnavailableError):
                client.version()
        with pytest.raises(CircuitOpenError) as raised:
            client.with_options(timeout=2).version()
        assert client.is_available() is False
    assert (raised.value.endpoint, raised.value.retry_after) == (server.url, pytest.approx(60, abs=5))
    assert len(server.requests) == 2


# Rate limit

# Each gives what is still held of the stream afterwards.
ENDS = {
    "is read to its end": lambda stream: (list(stream), stream),
    "is closed": lambda stream: (stream.close(), stream),
    "is cancelled": lambda stream: (stream.cancel(), stream),
    "is forgotten": lambda stream: None,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_stream_holds_its_permit_until_it(world, server, end):
    with world.client(server.url, rate_limit=RateLimit(concurrent=1, wait=False)) as client:
        stream = chat(client, stream=True)
        next(stream)
        with pytest.raises(RateLimitExceededError):
            client.version()
        with pytest.raises(RateLimitExceededError):
            client.with_options(timeout=3).version()
        held = end(stream)
        del stream
        assert eventually(lambda: len(states(client).limiter.queue.held) == 0)
        client.version()
        del held
    assert paths(server) == ["/api/chat", "/api/version"]


@pytest.mark.anyio
async def test_a_cancelled_waiter_leaves_the_queue(server):
    async with AsyncOllama(server.url, rate_limit=RateLimit(concurrent=1)) as client:
        order: list[str] = []

        async def ask(name: str, scope: anyio.CancelScope) -> None:
            with scope:
                await client.version()
                order.append(name)

        impatient = anyio.CancelScope()
        async with anyio.create_task_group() as tasks, await chat(client, stream=True):
            for name, scope in (("impatient", impatient), ("patient", anyio.CancelScope())):
                tasks.start_soon(ask, name, scope)
                await anyio.wait_all_tasks_blocked()
            impatient.cancel()
        assert order == ["patient"]
        assert (len(states(client).limiter.queue.held), len(states(client).limiter.queue.waiting)) == (0, 0)


# Failover


def test_calls_fail_over_in_the_order_given(world, servers):
    one, two = servers
    with world.client([one.url, two.url], failover=Failover("priority", eject_after=100)) as client:
        client.version()
        with one.outage():
            client.version()
            assert "".join(item.message.content for item in chat(client, stream=True)) == "Hello there!"
        client.version()
    assert (paths(one), paths(two)) == (["/api/version"] * 2, ["/api/version", "/api/chat"])


def test_each_endpoint_gets_only_its_own_key_and_headers(world, servers):
    one, two = servers
    hosts = [Endpoint(one.url, api_key="key-1"), Endpoint(two.url, headers={"X-Team": "red"})]
    with world.client(hosts, api_key="key", headers={"X-Mine": "yes"}, failover=Failover(eject_after=100)) as client:
        one.faults.add(Fault.status(503))
        client.version()
        client.with_options(api_key="key-of-the-view").version()
        worlds.health(client).check()

    def seen_by(server: Emulator, path: str) -> list[tuple[str | None, ...]]:
        names = ("authorization", "x-team", "x-mine")
        return [tuple(map(r.headers.get, names)) for r in server.requests if r.path == path]

    assert seen_by(one, "/api/version") == [
        ("Bearer key-1", None, "yes"),
        ("Bearer key-of-the-view", None, "yes"),
        ("Bearer key-1", None, "yes"),
    ]
    assert seen_by(two, "/api/version") == [
        ("Bearer key", "red", "yes"),
        ("Bearer key-of-the-view", "red", "yes"),
        ("Bearer key", "red", "yes"),
    ]
    # One that answers 503 is not asked further.
    assert (seen_by(one, "/api/tags"), seen_by(two, "/api/tags")) == ([], [("Bearer key", "red", "yes")])


def sent_elsewhere(client: Any) -> Any:
    """A client as another process would have it, on the event loop of this one."""
    if isinstance(client, worlds._Blocking):
        return worlds._Blocking(client._portal, pickle.loads(pickle.dumps(client._inner)))
    return pickle.loads(pickle.dumps(client))


@pytest.mark.parametrize("failover", ["from the beginning", "later", "off"])
@pytest.mark.parametrize("pickled", [False, True])
def test_headers_of_a_view_or_call_override_the_endpoints(world, server, failover, pickled):
    hosts = [Endpoint(server.url, api_key="endpoint's", headers={"X-Team": "red"})]
    policy = {"failover": Failover()} if failover == "from the beginning" else {}
    with world.client(hosts, api_key="client's", headers={"X-Team": "client's"}, **policy) as client:
        view = client.with_options(api_key="view's", headers={"x-team": "blue"})
        if pickled:
            view = sent_elsewhere(view)
        if failover == "later":
            view.reconfigure(failover=Failover())
        for call in (view, view.with_options(timeout=5), view.with_options(api_key="")):
            call.version()
        view.version(extra_headers={"Authorization": "Basic call's"})
        view.close()
    assert [(r.headers.get("authorization"), r.headers["x-team"]) for r in server.requests] == [
        ("Bearer view's", "blue"),
        ("Bearer view's", "blue"),
        (None, "blue"),
        ("Basic call's", "blue"),
    ]


def test_the_auth_of_an_httpx_client_replaces_no_key(world):
    seen: list[tuple[str, str | None]] = []

    def answer(request: httpx.Request) -> library.Response:
        seen.append((request.url.host, request.headers.get("authorization")))
        return library.Response(200, json={"version": "0.12.0"})

    hosts = [Endpoint("http://a", api_key="a's"), Endpoint("http://b", api_key="b's"), Endpoint("http://c")]
    with world.http_client(transport=library.MockTransport(answer), auth=("user", "password")) as http_client:
        with world.client(hosts, failover=Failover("round_robin"), http_client=http_client, api_key="") as client:
            for _ in hosts:
                client.version()
        with world.client("http://d", http_client=http_client, api_key="key") as client:
            client.version()
    assert sorted(seen) == [  # the first turn is a random endpoint's
        ("a", "Bearer a's"),
        ("b", "Bearer b's"),
        ("c", "Basic dXNlcjpwYXNzd29yZA=="),
        ("d", "Bearer key"),
    ]


def test_total_running_out_in_failover_lists_the_errors_of_each(world, servers):
    servers[0].faults.add(Fault.status(503))
    servers[1].faults.add(Fault.stall())
    hosts = [server.url for server in servers]
    with (
        world.client(hosts, failover=Failover(), timeout=Timeout(total=2)) as client,
        pytest.raises(APITimeoutError) as caught,
    ):
        client.version()
    assert caught.value.phase == "total"
    assert all(host in str(caught.value) for host in hosts)
    assert isinstance(caught.value.__cause__, NoEndpointError)


def test_health_checks_send_the_headers_of_calls(world):
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> library.Response:
        seen.append(request)
        return library.Response(200, json={"version": "0.12.0", "models": []})

    hosts = [Endpoint("http://a:1", headers={"authorization": "Basic own", "x-team": "red"}), "http://b:2"]
    mine = {"api_key": "key", "headers": {"X-Team": "blue"}, "transport": library.MockTransport(answer)}
    with world.client(hosts, failover=Failover("round_robin"), **mine) as client:
        for look in (worlds.health(client).check, client.version, client.version):
            look()
    for host, sent in {"a": ("Basic own", "red"), "b": ("Bearer key", "blue")}.items():
        requests = [request.headers for request in seen if request.url.host == host]
        assert len(requests) > 2
        for name, value in zip(("authorization", "x-team"), sent, strict=True):
            assert all(headers.get_list(name) == [value] for headers in requests)


def test_an_endpoint_may_be_given_as_a_bind_address(world, servers):
    one, two = servers
    one.faults.add(Fault.status(503))
    everywhere = one.url.replace("127.0.0.1", "0.0.0.0")
    with world.client([Endpoint(everywhere, api_key="one's"), two.url], failover=Failover()) as client:
        client.version()
    assert one.requests[0].headers["authorization"] == "Bearer one's"
    assert paths(two) == ["/api/version"]


def test_no_redirect_leaks_the_headers_of_an_endpoint(world, servers):
    gone = whole(b"", 307, location=f"{servers[0].url}/api/version")
    with Loopback(replies_and_closes(gone)) as server, world.http_client(follow_redirects=True) as http_client:
        hosts = [Endpoint(server.url, headers={"X-Api-Key": "secret"}), servers[1].url]
        with (
            world.client(hosts, http_client=http_client, failover=Failover()) as client,
            pytest.raises(OllamaError, match="redirects to"),
        ):
            client.version()
    assert not servers[0].requests


@pytest.mark.parametrize("named", ["authorization", "x-api-key"])
def test_no_error_quotes_an_endpoints_key_that_a_server_echoes(world, named):
    secret = "sk-of-the-endpoint"
    answer = replies_and_closes(whole(b'{"error": "bad key %s"}' % secret.encode(), 503))
    with Loopback(answer) as one, Loopback(answer) as two:
        own = {"api_key": secret} if named == "authorization" else {"headers": {"X-Api-Key": secret}}
        hosts = [Endpoint(server.url, **own) for server in (one, two)]
        with world.client(hosts, failover=Failover()) as client, pytest.raises(NoEndpointError) as raised:
            client.version()
    assert secret not in repr(raised.value)
    for error in raised.value.exceptions:
        assert "bad key ***" in str(error)
        assert secret not in error.response.text


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_a_call_to_its_own_host_bypasses_failover_and_its_keys(world, several):
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> library.Response:
        seen.append(request)
        return library.Response(200, json={"results": []} if request.url.host == "ollama.com" else {"version": "1"})

    hosts: list[Any] = [Endpoint("http://a:1", api_key="key-1", headers={"X-Own": "1"})]
    options: dict[str, Any] = {"failover": Failover()} if several else {}
    if several:
        hosts.append(Endpoint("http://b:1", api_key="key-2"))
    with world.client(hosts, api_key="key", transport=library.MockTransport(answer), **options) as client:
        client.version()
        client.web_search("llamas")
        client.with_options(api_key="other").web_search("llamas")
    sent = [(r.url.host, r.headers["host"], r.headers["authorization"], r.headers.get("x-own")) for r in seen]
    assert sent == [
        ("a", "a:1", "Bearer key-1", "1"),
        ("ollama.com", "ollama.com", "Bearer key", None),
        ("ollama.com", "ollama.com", "Bearer other", None),
    ]


def test_no_endpoint_error_holds_a_typed_error_of_each(world, servers):
    one, two = servers
    one.faults.add(Fault.status(503, retry_after=7))
    two.down()
    with world.client([one.url, two.url], failover=Failover()) as client:
        for ask in (client.version, lambda: chat(client, stream=True)):
            with pytest.raises(NoEndpointError) as raised:
                ask()
            assert one.url in str(raised.value)
            assert two.url in str(raised.value)
            for error in (raised.value, pickle.loads(pickle.dumps(raised.value))):
                busy, gone = error.exceptions
                assert (type(busy), busy.retry_after) == (ServiceUnavailableError, 7)
                assert type(gone) is APIConnectionError
                assert one.url in str(busy)
                assert two.url in str(gone)
        assert client.is_available() is False


def test_an_error_names_the_endpoint_that_it_came_from(world, servers):
    one, two = servers
    one.down()
    with world.client([one.url, two.url], failover=Failover()) as client:
        with pytest.raises(NotFoundError, match=two.url):
            client.show("llama9")
        two.faults.add(Fault.cut(after=1), times=1)
        with pytest.raises(IncompleteReplyError, match=two.url):
            list(chat(client, stream=True))
        two.faults.add(Fault.garbage(after=0))
        with pytest.raises(DecodeError, match=two.url):
            list(chat(client, stream=True))


def test_model_aware_failover_goes_where_the_model_is(world, servers):
    one, two = servers
    one.models.remove("llama3.2")
    with world.client([one.url, two.url], failover=Failover("model_aware")) as client:
        seen = worlds.health(client).check(model="llama3.2")
        assert [look.model_available for look in seen] == [False, True]
        for server in servers:
            server.requests.clear()
        for _ in range(4):
            chat(client)
        assert (paths(one), paths(two)) == ([], ["/api/chat"] * 4)
        with pytest.raises(NoEndpointError, match="llama9"):
            client.show("llama9")
        assert (len(one.requests), len(two.requests)) == (0, 4)


def test_model_aware_failover_copies_where_the_original_is(world, servers):
    one, two = servers
    two.models.add("only-two", capabilities=["completion"])
    with world.client([one.url, two.url], failover=Failover("model_aware")) as client:
        worlds.health(client).check()
        for number in range(5):
            client.copy("only-two", f"copy-{number}")
        with pytest.raises(NoEndpointError, match="nowhere"):
            client.copy("nowhere", "copy")
    assert "/api/copy" not in paths(one)


def test_a_model_that_no_endpoint_has_can_be_pulled_and_created(world, servers):
    with world.client([server.url for server in servers], failover=Failover("model_aware")) as client:
        worlds.health(client).check()
        with pytest.raises(NoEndpointError, match="no endpoint has the model"):
            client.generate("tiny", "Hi")
        assert client.pull("tiny").status == "success"
        assert client.create("mine", from_="llama3.2").status == "success"


def test_model_aware_failover_knows_what_its_own_calls_made(world, servers):
    """Although no health check has seen it yet, on the host where it was made."""
    with world.client([server.url for server in servers], failover=Failover("model_aware")) as client:
        worlds.health(client).check()
        client.create("created", from_="llama3.2")
        client.copy("created", "copied")
        client.pull("tiny")
        list(client.create("streamed", from_="llama3.2", stream=True))
        for model in ("created", "copied", "tiny", "streamed"):
            for _ in range(4):
                assert client.show(model).details
        client.delete("copied")
        with pytest.raises(NoEndpointError, match="no endpoint has the model 'copied'"):
            client.show("copied")
        assert all(look.error is None for look in worlds.health(client).check())
        assert client.show("created").details


def test_failed_creation_teaches_nothing(world, servers):
    with world.client([server.url for server in servers], failover=Failover("model_aware")) as client:
        worlds.health(client).check()
        for server in servers:
            server.faults.add(Fault.error_item(after=1), path="/api/create")
            server.faults.add(Fault.error_item(after=1), path="/api/pull")
        with pytest.raises(OllamaError):
            client.create("created", from_="llama3.2", stream=True).collect()
        with pytest.raises(NoEndpointError):
            client.show("created")


@pytest.mark.parametrize("checked", [True, False])
def test_call_moves_on_from_a_host_that_lost_the_model(world, servers, checked):
    """Each host is asked in vain once at most, and is not held to be failing for that."""
    one, two = servers
    with world.client([one.url, two.url], failover=Failover("model_aware", eject_after=1)) as client:
        if checked:
            worlds.health(client).check()
        one.models.remove("llama3.2")
        one.requests.clear()
        for number in range(20):
            if number % 2:
                assert chat(client)
            else:
                assert list(chat(client, stream=True))
        assert len(paths(one)) <= 1
        assert paths(two).count("/api/chat") == 20
        assert all(not member.failures for member in states(client).endpoints.members)
        two.models.remove("llama3.2")
        with pytest.raises((NoEndpointError, NotFoundError)):
            chat(client)
        assert client.pull("llama3.2").status == "success"
        assert chat(client)


def test_missing_route_does_not_mark_a_host(world, serve):
    """Only JSON of the server says that a model is missing."""
    missing = replies(*[whole(b"404 page not found: /api/show of this model", 404, "text/plain")] * 4)
    one, two = serve(missing), serve(missing)
    with world.client([one.url, two.url], failover=Failover("model_aware")) as client:
        members = states(client).endpoints.members
        for _ in range(4):
            with pytest.raises(NotFoundError):
                client.show("m")
        assert [member.learnt for member in members] == [{}, {}]


# Cache


def test_identical_calls_in_flight_share_one_request(world, server):
    server.faults.add(Fault.delay(0.2), times=1)
    with world.client(server.url, cache=Cache()) as client, ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: client.embed("llama3.2", "Hi"), range(8)))
        assert len(server.requests) == 1
        replies[0].embeddings[0][0] = 99.0
        replies[0].model = "changed"
        replies.append(client.with_options(timeout=3).embed("llama3.2", "Hi"))
        assert all(reply == replies[1] != replies[0] for reply in replies[1:])
        client.embed("llama3.2", "Ho")
    assert len(server.requests) == 2


def test_errors_streams_and_unseeded_chats_are_not_cached(world, server):
    with world.client(server.url, cache=Cache(operations={"chat", "show"})) as client:
        server.faults.add(Fault.status(500), path="/api/show", times=1)
        with pytest.raises(OllamaError):
            client.show("llama3.2")
        client.show("llama3.2")
        client.show("llama3.2")
        assert len(server.requests) == 2
        for _ in range(2):
            chat(client)
            list(chat(client, stream=True, options={"seed": 1}))
        assert len(server.requests) == 6
        for _ in range(3):
            chat(client, options={"seed": 1})
        assert len(server.requests) == 7


@pytest.mark.parametrize(
    ("name", "alike"), [("embd", "embed"), ("v1.embeding.create", "v1.embeddings.create"), ("?", "chat or")]
)
def test_a_cache_of_an_unknown_operation_is_refused(world, server, name, alike):
    wrong = Cache(operations={"show", name})
    with pytest.raises(ConfigurationError, match=re.escape(repr(name))), world.client(server.url, cache=wrong):
        pass
    with world.client(server.url, cache=Cache()) as client:
        with pytest.raises(ConfigurationError, match=alike):
            client.reconfigure(cache=wrong)
        assert client.reconfigure().cache == Cache()


def test_a_client_shows_and_clears_its_cache(world, server):
    with world.client(server.url, cache=Cache()) as client:
        client.show("llama3.2")
        client.with_options(timeout=3).show("llama3.2")
        statistics = client.cache.statistics()
        assert (statistics.hits, statistics.misses, statistics.shared, statistics.entries) == (1, 1, 0, 1)
        assert statistics.bytes > 0
        client.cache.clear()
        assert client.cache.statistics().entries == 0
        client.show("llama3.2")
        assert len(server.requests) == 2
        client.reconfigure(cache=None)
        with pytest.raises(ConfigurationError, match=r"cache=Cache"):
            _ = client.cache


def test_another_key_never_gets_a_cached_reply(world, server):
    with world.client(server.url, api_key="one", cache=Cache()) as client:
        client.show("llama3.2")
        client.with_options(api_key="two").show("llama3.2")
        client.with_options(headers={"X-Tenant": "two"}).show("llama3.2")
    assert len(server.requests) == 3


# What views share, what changes


def test_views_share_the_state_of_the_policies(world, server):
    with world.client(server.url, circuit_breaker=OPEN_AFTER_TWO, cache=Cache()) as client:
        client.show("llama3.2")
        view = client.with_options(timeout=3)
        view.show("llama3.2")
        server.faults.add(Fault.status(503))
        for one in (client, view):
            with pytest.raises(ServiceUnavailableError):
                one.version()
        for one in (client, view):
            with pytest.raises(CircuitOpenError):
                one.version()
        view.reconfigure(circuit_breaker=None)
        with pytest.raises(ServiceUnavailableError):
            client.version()
    assert len(server.requests) == 4


def test_reconfiguring_returns_the_former_policies(world, server):
    first = AT_ONCE(attempts=2)
    with world.client(server.url, retry=first) as client:
        former = client.reconfigure(retry=None, cache=Cache(), observer=print)
        assert (former.retry, former.cache, former.observer) == (first, None, None)
        assert client.reconfigure(observer=None).observer is print
        for bad in ({"retry": 3}, {"retry": first, "cache": "yes"}):
            with pytest.raises(ConfigurationError):
                client.reconfigure(**bad)
        server.faults.add(Fault.status(503), times=1)
        with pytest.raises(ServiceUnavailableError):
            client.version()
        assert (client.reconfigure(retry=first).retry, client.reconfigure().retry) == (None, first)
        server.faults.add(Fault.status(503), times=1)
        client.version()


def test_policies_can_be_turned_on_and_off_at_run_time(world, server):
    with world.client(server.url) as client:
        former = client.reconfigure(rate_limit=RateLimit(concurrent=1, wait=False))
        assert former.rate_limit is None
        with chat(client, stream=True) as stream:
            next(stream)
            with pytest.raises(RateLimitExceededError):
                client.version()
            client.reconfigure(rate_limit=None)
            client.version()
            assert [item.message.content for item in stream][:2] == [" there", "!"]


def test_policies_change_under_load_and_no_call_fails(world, servers):
    one, two = servers
    one.faults.add(Fault.status(503), share=0.2)
    two.faults.add(Fault.reset("before headers"), share=0.2)
    keep = {"retry": AT_ONCE(attempts=30, budget=None), "failover": Failover(eject_for=0.01)}
    over = threading.Event()
    with world.client([one.url, two.url], **keep) as client, ThreadPoolExecutor(6) as threads:

        def load(_: int) -> int:
            calls = 0
            while not calls or not over.is_set():
                assert chat(client).message.content == "Hello there!"
                assert len(list(chat(client, stream=True))) == 4
                calls += 1
            return calls

        loads = [threads.submit(load, number) for number in range(6)]
        for number in range(40):
            client.reconfigure(
                rate_limit=RateLimit(concurrent=1 + number % 4) if number % 3 else None,
                retry=AT_ONCE(attempts=30 + number, budget=None),
                failover=Failover(("priority", "round_robin", "least_busy")[number % 3], eject_for=0.01),
                circuit_breaker=CircuitBreaker(failure_rate=1) if number % 2 else None,
                observer=(lambda event: None) if number % 5 else None,
            )
            time.sleep(0.01)
        client.reconfigure(rate_limit=RateLimit(concurrent=2))
        over.set()
        assert all(load.result(PATIENCE) for load in loads)
        assert (len(states(client).limiter.queue.held), len(states(client).limiter.queue.waiting)) == (0, 0)
        assert eventually(lambda: [len(member.in_flight) for member in states(client).endpoints.members] == [0, 0])


# Observer


def ends(events: list[Event]) -> list[CallEnded]:
    return [event for event in events if isinstance(event, CallEnded)]


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "stream"])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, stream: client.chat("llama3.2", QUESTION, stream=stream),
        lambda client, stream: client.generate("llama3.2", "Hi", stream=stream),
        lambda client, stream: client.v1.chat.completions.create(
            "llama3.2", QUESTION, stream=stream, stream_options={"include_usage": True}
        ),
        lambda client, stream: client.v1.responses.create("llama3.2", "Hi", stream=stream),
        lambda client, stream: client.v1.messages.create("llama3.2", QUESTION, 100, stream=stream),
    ],
    ids=["chat", "generate", "v1.chat", "v1.responses", "v1.messages"],
)
def test_the_end_of_a_call_reports_its_tokens(world, server, call, stream):
    events: list[Event] = []
    with world.client(server.url, observer=events.append) as client:
        reply = call(client, stream)
        items = len(list(reply)) if stream else None
    [end] = ends(events)
    assert (end.status, end.error, end.model, end.items) == (200, None, "llama3.2", items)
    assert end.input_tokens > 0
    assert end.output_tokens == 3


def test_the_end_of_a_stream_without_counts_names_the_model(world, server):
    events: list[Event] = []
    with world.client(server.url, observer=events.append) as client:
        list(client.v1.chat.completions.create("llama3.2", QUESTION, stream=True))
    [end] = ends(events)
    assert (end.model, end.input_tokens) == ("llama3.2", None)


ITEM = b'{"model":"m","created_at":"2026-11-21T12:00:00Z","message":{"role":"assistant","content":"a"},"done":false}\n'
CHAT = chunked("application/x-ndjson", ITEM)


@pytest.mark.parametrize(
    ("answer", "stream", "error"),
    [
        (whole(b"<html>", content_type="text/html"), False, "DecodeError"),
        (whole(b"<html>", content_type="text/html"), True, "DecodeError"),
        (whole(b'{"error":"out of memory"}'), False, "ReplyFailedError"),
        (whole(ITEM.strip()), False, "IncompleteReplyError"),
        (whole(b'{"error":"who?"}', 404), False, "NotFoundError"),
        (whole(b'{"error":"who?"}', 404), True, "NotFoundError"),
        (CHAT + END, True, "IncompleteReplyError"),
        (CHAT, True, "IncompleteReplyError"),
        (CHAT + chunk(b'{"error":"out of memory"}\n'), True, "ReplyFailedError"),
        (CHAT + chunk(b"nonsense\n"), True, "DecodeError"),
    ],
)
def test_the_end_of_a_call_reports_the_error_its_caller_got(world, answer, stream, error):
    events: list[Event] = []
    with (
        Loopback(replies_and_closes(answer)) as server,
        world.client(server.url, observer=events.append) as client,
        pytest.raises(OllamaError) as raised,
    ):
        list(chat(client, stream=stream))
    [end] = ends(events)
    assert type(raised.value).__name__ == error
    assert end.error.startswith(f"{error}: ")


def test_a_reply_that_cannot_be_used_is_not_cached(world):
    answers = [whole(b"<html>", content_type="text/html"), whole(b'{"version":'), whole(b'{"version":"1"}')]
    with Loopback(replies(*answers)) as server, world.client(server.url, cache=Cache(operations={"version"})) as client:
        for _ in range(2):
            with pytest.raises(DecodeError):
                client.version()
        assert [client.version().version for _ in range(2)] == ["1", "1"]


def test_an_observer_of_a_change_may_use_the_client(world, server):
    heard: list[Any] = []

    def observer(event: Event) -> None:
        if isinstance(event, Reconfigured):
            heard.append((event.changed, client._runtime.transports.stack.policies.rate_limit))
            thread = threading.Thread(target=client.reconfigure, kwargs={"retry": None})
            thread.start()
            thread.join(PATIENCE)
            heard.append(thread.is_alive())

    limit = RateLimit(concurrent=1)
    with world.client(server.url, observer=observer) as client:
        client.reconfigure(rate_limit=limit)
    assert heard == [(("rate_limit",), limit), False]


def test_a_failing_observer_gets_every_event_and_breaks_nothing(world, server, caplog):
    seen: list[Event] = []

    def observe(event: Event) -> None:
        seen.append(event)
        raise RuntimeError("the observer is broken")

    server.faults.add(Fault.status(503), times=1)
    with world.client(server.url, retry=AT_ONCE(), observer=observe) as client:
        assert len(list(chat(client, stream=True))) == 4
        assert chat(client).message.content == "Hello there!"
    names = [type(event).__name__ for event in seen]
    assert names == [
        *("CallStarted", "AttemptStarted", "AttemptFailed", "RetryScheduled", "AttemptStarted"),
        *("StreamStarted", "StreamFirstItem", "StreamEnded", "CallEnded"),
        *("CallStarted", "AttemptStarted", "CallEnded"),
    ]
    assert {event.operation for event in seen} == {"chat"}
    assert {event.endpoint for event in seen} == {server.url}
    assert seen[0].call == seen[8].call != seen[9].call
    assert seen[8].error is None
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_a_stream_ended_by_an_item_leaves_no_warning(world, server):
    server.faults.add(Fault.error_item(after=1))
    watched = {"observer": lambda event: None, "cache": Cache(operations={"chat"}, streams=True, any_call=True)}
    with world.client(server.url, **watched) as client:
        stream = chat(client, stream=True)
        with pytest.raises(OllamaError):
            list(stream)
        del stream
        gc.collect()


# Health


def test_no_monitor_runs_before_start_or_after_stop_or_close(world, servers):
    before = belongings()
    hosts = [server.url for server in servers]
    with world.client(hosts, failover=Failover("model_aware"), health=HealthCheck(interval=0.01)) as client:
        monitor = worlds.health(client)
        assert leftovers(before, patience=0) == {}
        assert not monitor.running
        for _ in range(2):
            monitor.start()
            monitor.start()
            assert eventually(lambda: all(paths(server).count("/api/tags") >= 2 for server in servers))
            assert monitor.running
            monitor.stop()
            assert not monitor.running
            assert eventually(lambda: no_more_requests(servers))
        monitor.start()
    assert not monitor.running
    assert leftovers(before) == {}


@pytest.mark.parametrize("used_before", [True, False])
def test_no_monitor_starts_on_a_closed_client(world, server, used_before):
    with world.client(server.url) as client:
        if used_before:
            worlds.health(client).start()
    with pytest.raises(ConfigurationError, match="closed"):
        worlds.health(client).start()
    assert not worlds.health(client).running
    (look,) = worlds.health(client).check()
    assert look.reachable
    client.close()


@pytest.mark.parametrize("used_before", [True, False])
def test_a_health_check_has_defaults(world, server, used_before):
    with world.client(server.url, health=HealthCheck(interval=3)) as client:
        if used_before:
            assert worlds.health(client).config == HealthCheck(interval=3)
        client.reconfigure(health=None)
        assert worlds.health(client).config == HealthCheck()


def test_all_threads_share_one_monitor(server):
    with Ollama(server.url, health=HealthCheck(interval=60)) as client:
        seen: list[Any] = []
        in_threads(8, lambda _: seen.append(client.health))
        assert len(seen) == 8
        assert len(set(map(id, seen))) == 1


@pytest.mark.anyio
async def test_closing_in_a_cancelled_scope_closes_everything(server):
    before = belongings()
    with anyio.CancelScope() as scope:
        async with AsyncOllama(server.url, health=HealthCheck(interval=60)) as client:
            await client.health.start()
            await client.version()
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    with anyio.fail_after(PATIENCE):
        # A check under way ends once its task is cancelled.
        while leftovers(before, patience=0):  # noqa: ASYNC110 - no event reports that sockets close
            await anyio.sleep(0.01)
    assert not client.health.running


def test_an_interrupted_close_closes_the_connections(server, monkeypatch):
    before = belongings()
    client = Ollama(server.url, health=HealthCheck(interval=60))
    client.health.start()
    client.version()
    stop = client.health.stop

    def is_interrupted() -> None:
        stop()
        raise KeyboardInterrupt

    monkeypatch.setattr(client.health, "stop", is_interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.close()
    assert leftovers(before) == {}


def test_the_monitor_ejects_and_revives_endpoints(world, servers):
    one, two = servers
    options = {"failover": Failover(eject_for=60), "health": HealthCheck(interval=0.01)}
    with world.client([one.url, two.url], **options) as client:
        first = states(client).endpoints.members[0]
        worlds.health(client).start()
        one.down()
        assert eventually(lambda: first.state is EndpointState.EJECTED)
        one.up()
        assert eventually(lambda: first.state is EndpointState.HEALTHY)


# Processes, threads and tasks


def noticed(event: Event) -> None:
    """An observer that other processes can import."""


@pytest.mark.parametrize("make", [Ollama, AsyncOllama])
def test_a_client_pickles_with_its_policies(make):
    policies = {
        "retry": Retry(attempts=2, statuses={500}),
        "circuit_breaker": OPEN_AFTER_TWO,
        "rate_limit": RateLimit(concurrent=3),
        "failover": Failover("least_busy"),
        "health": HealthCheck(interval=3),
        "cache": Cache(ttl=3),
        "observer": noticed,
    }
    client = make([Endpoint("http://a:1", api_key="key-1"), "http://b:1"], api_key="key", **policies)
    client.reconfigure(retry=Retry(attempts=3))
    copy = pickle.loads(pickle.dumps(client))
    assert type(copy) is make
    assert copy._runtime.transports.asked == {**policies, "retry": Retry(attempts=3)}
    assert copy._runtime.transports.stack.endpoints == client._runtime.transports.stack.endpoints
    ours, theirs = vars(client._runtime.settings), vars(copy._runtime.settings)
    assert theirs == ours | {"headers_of": theirs["headers_of"]}


def all_on(seen: list[Event]) -> dict[str, Any]:
    return {
        "timeout": Timeout(connect=30, total=60),
        "retry": AT_ONCE(attempts=30, budget=None),
        "failover": Failover("least_busy", eject_for=0.01),
        "circuit_breaker": CircuitBreaker(failure_rate=1),
        "rate_limit": RateLimit(per_second=100_000, concurrent=16),
        "health": HealthCheck(interval=0.1),
        "cache": Cache(),
        "observer": seen.append,
    }


def is_exact(servers: Any, seen: list[Event], calls: int) -> None:
    """Every call ended once, every request was reported, each chat was answered once."""
    answered = [r for server in servers for r in server.requests if r.path == "/api/chat" and r.status == 200]
    asked = [r for server in servers for r in server.requests if r.path in {"/api/chat", "/api/show"}]
    assert len(answered) == calls
    assert sum(isinstance(event, AttemptStarted) for event in seen) == len(asked)
    assert sum(isinstance(event, CallEnded) and event.error is None for event in seen) == 2 * calls


def test_fifty_threads_through_all_policies_lose_nothing(servers):
    before = belongings()
    seen: list[Event] = []
    for server in servers:
        server.faults.add(Fault.status(503), path="/api/chat", share=0.1)
    with Ollama([server.url for server in servers], **all_on(seen)) as client, ThreadPoolExecutor(50) as threads:
        client.health.start()

        def work(number: int) -> None:
            for step in range(6):
                if (number + step) % 2:
                    with chat(client, stream=True) as stream:
                        assert len(list(stream)) == 4
                else:
                    assert chat(client).message.content == "Hello there!"
                client.show("llama3.2")

        list(threads.map(work, range(50)))
        is_exact(servers, seen, 300)
        assert_nothing_is_held(client)
    assert leftovers(before) == {}


@pytest.mark.anyio
async def test_a_thousand_tasks_through_all_policies_lose_nothing(servers):
    before = belongings()
    seen: list[Event] = []
    for server in servers:
        server.faults.add(Fault.status(503), path="/api/chat", share=0.1)
    async with AsyncOllama([server.url for server in servers], **all_on(seen)) as client:
        await client.health.start()

        async def work(number: int) -> None:
            if number % 2:
                async with await chat(client, stream=True) as stream:
                    assert len([item async for item in stream]) == 4
            else:
                assert (await chat(client)).message.content == "Hello there!"
            await client.show("llama3.2")

        async with anyio.create_task_group() as tasks:
            for number in range(1000):
                tasks.start_soon(work, number)
        is_exact(servers, seen, 1000)
        assert sum(isinstance(event, Waited) for event in seen) > 900
        assert_nothing_is_held(client)
    assert leftovers(before) == {}


def assert_nothing_is_held(client: Any) -> None:
    state = states(client)
    assert (len(state.limiter.queue.held), len(state.limiter.queue.waiting)) == (0, 0)
    assert [len(member.in_flight) for member in state.endpoints.members] == [0, 0]
    assert state.caching._in_flight == {}
