"""Health: what a look at the endpoints shows, and the monitor that keeps looking."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
import weakref
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reliability_kit import LoopbackServer, Script, say, serving

from ollama_sdk.errors import ConfigurationError
from ollama_sdk.reliability import (
    AsyncHealth,
    Endpoint,
    EndpointHealth,
    Failover,
    Health,
    HealthCheck,
    Policies,
    build_stack,
)

OLLAMA = {
    "/api/version": say(200, {"version": "0.33.0"}),
    "/api/tags": say(200, {"models": [{"name": "llama3.2:latest"}, {"name": "hf.co/org/model:Q4_K_M"}]}),
    "/api/ps": say(200, {"models": [{"name": "llama3.2:latest"}]}),
}
FAST = HealthCheck(interval=0.01, timeout=5)


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def expect_good_and_dead(server: LoopbackServer, dead: str, seen: tuple[EndpointHealth, ...]) -> None:
    good, bad = seen
    assert (good.endpoint, good.reachable, good.version, good.error) == (server.url, True, "0.33.0", None)
    assert good.latency is not None
    assert good.models == {"llama3.2:latest", "hf.co/org/model:Q4_K_M"}
    assert good.running == {"llama3.2:latest"}
    assert (good.model_available, good.model_loaded) == (True, False)
    assert (bad.endpoint, bad.reachable, bad.version, bad.models) == (dead, False, None, None)
    assert (bad.model_available, bad.model_loaded) == (None, None)
    assert "ConnectError" in (bad.error or "")


def test_a_check_shows_what_each_endpoint_is_and_has() -> None:
    dead = closed_port()
    with serving(dict(OLLAMA)) as server, httpx.HTTPTransport() as wire:
        health = Health(wire, [Endpoint(server.url, api_key="mine"), Endpoint(dead)])
        expect_good_and_dead(server, dead, health.check("hf.co/org/model:q4_k_m"))
        assert [look.model_loaded for look in health.check("llama3.2")] == [True, None]
        assert [look.model_available for look in health.check()] == [None, None]
        assert {headers["Authorization"] for _, headers, _ in server.requests} == {"Bearer mine"}


@pytest.mark.anyio
async def test_an_async_check_shows_the_same() -> None:
    dead = closed_port()
    with serving(dict(OLLAMA)) as server:
        async with httpx.AsyncHTTPTransport() as wire:
            expect_good_and_dead(
                server,
                dead,
                await AsyncHealth(wire, [Endpoint(server.url), Endpoint(dead)]).check("hf.co/org/model:Q4_K_M"),
            )


@pytest.mark.anyio
async def test_an_endpoint_that_never_answers_costs_its_time_limit_and_is_unreachable() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep_forever()
            raise AssertionError

    [look] = await AsyncHealth(Silent(), [Endpoint("http://a")], HealthCheck(timeout=0.01)).check()
    assert (look.reachable, look.error) == (False, "no answer in time")


@pytest.mark.parametrize(
    ("answers", "reachable"),
    [
        ({"/api/version": say(502)}, False),
        ({"/api/version": say(200, b"<html>")}, False),
        ({"/api/version": say(200, [])}, False),
        ({"/api/tags": say(500)}, True),
        ({"/api/ps": say(404)}, True),
        ({"/api/tags": say(200, {"models": [{}]})}, True),
    ],
)
def test_an_endpoint_that_answers_oddly_says_so(answers: dict[str, Any], reachable: bool) -> None:
    with serving({**OLLAMA, **answers}) as server, httpx.HTTPTransport() as wire:
        [look] = Health(wire, [Endpoint(server.url)]).check()
    assert look.reachable is reachable
    assert look.error


def test_a_server_without_models_is_healthy() -> None:
    with (
        serving({**OLLAMA, "/api/tags": say(200, {"models": None}), "/api/ps": say(200, {"models": []})}) as server,
        httpx.HTTPTransport() as wire,
    ):
        [look] = Health(wire, [Endpoint(server.url)]).check("x")
    assert (look.error, look.models, look.running, look.model_available) == (None, frozenset(), frozenset(), False)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["models", "name", "version"]), inner),
    max_leaves=8,
)


@given(st.tuples(json_values, json_values, json_values))
def test_no_answer_however_odd_breaks_a_check(answers: tuple[Any, ...]) -> None:
    wire = Script(*(httpx.Response(200, content=json.dumps(answer).encode()) for answer in answers))
    [look] = Health(wire, [Endpoint("http://a")]).check("x")
    assert look.reachable is (look.version is not None)


def test_the_monitor_looks_until_it_is_stopped_and_leaves_no_thread() -> None:
    before, looked, seen = set(threading.enumerate()), threading.Semaphore(0), []
    with serving(dict(OLLAMA)) as server, httpx.HTTPTransport() as wire:
        health = Health(wire, [Endpoint(server.url)], FAST, feed=lambda look: (seen.append(look), looked.release()))
        assert not health.running
        health.start()
        health.start()
        for _ in range(3):
            assert looked.acquire(timeout=10)
        health.stop()
        health.stop()
        count = len(seen)
        assert not health.running
        assert [thread for thread in set(threading.enumerate()) - before if "health" in thread.name] == []
        assert len(seen) == count
        health.start()
        assert looked.acquire(timeout=10)
        health.stop()


def test_a_monitor_whose_owner_is_forgotten_ends() -> None:
    looked = threading.Semaphore(0)
    health = Health(Script(404), [Endpoint("http://a")], HealthCheck(interval=3600), feed=lambda _: looked.release())
    health.start()
    assert looked.acquire(timeout=10)
    assert not looked.acquire(timeout=0.03)
    thread, gone = health._monitor[0], weakref.ref(health)
    deadline = time.monotonic() + 10
    del health
    while gone() is not None and time.monotonic() < deadline:
        gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_a_feed_that_fails_does_not_end_the_monitor(caplog: pytest.LogCaptureFixture) -> None:
    looked = threading.Semaphore(0)

    def feed(_: EndpointHealth) -> None:
        looked.release()
        raise RuntimeError("bad feed")

    health = Health(Script(404), [Endpoint("http://a")], FAST, feed=feed)
    health.start()
    for _ in range(2):
        assert looked.acquire(timeout=10)
    health.stop()
    assert "bad feed" in caplog.text


@pytest.mark.anyio
async def test_the_async_monitor_looks_until_it_is_stopped() -> None:
    seen: list[EndpointHealth] = []
    twice = anyio.Event()

    def feed(look: EndpointHealth) -> None:
        seen.append(look)
        if len(seen) == 2:
            twice.set()

    health = AsyncHealth(Script(404), [Endpoint("http://a")], FAST, feed=feed)
    assert not health.running
    await health.start()
    await health.start()
    with anyio.fail_after(10):
        await twice.wait()
    await health.stop()
    await health.stop()
    assert not health.running
    count = len(seen)
    await anyio.wait_all_tasks_blocked()
    assert len(seen) == count


@pytest.mark.anyio
async def test_an_async_monitor_may_be_stopped_by_another_task_than_started_it() -> None:
    health = AsyncHealth(Script(404), [Endpoint("http://a")], FAST)
    async with anyio.create_task_group() as group:
        group.start_soon(health.start)
    assert health.running
    async with anyio.create_task_group() as group:
        group.start_soon(health.stop)
    assert not health.running


def test_what_a_check_sees_feeds_failover() -> None:
    dead = closed_port()
    with serving(dict(OLLAMA)) as server, httpx.HTTPTransport() as wire:
        endpoints = [Endpoint(dead), Endpoint(server.url)]
        stack = build_stack(wire, endpoints, Policies(failover=Failover("model_aware")))
        Health(wire, endpoints, feed=stack.saw).check()
        request = httpx.Request("GET", f"{dead}/api/version", extensions={"model": "llama3.2"})
        assert stack.transport.handle_request(request).status_code == 200
        assert request.extensions["endpoint"] == server.url


@pytest.mark.parametrize("arguments", [{"interval": 0}, {"timeout": None}, {"version_path": "api"}])
def test_a_bad_argument_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="HealthCheck"):
        HealthCheck(**arguments)
