"""Health: what a check of the endpoints shows, and the monitor that repeats it."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import AsyncOllama, HTTPTransport, Ollama
from ollama_sdk._concurrency.clock import SystemClock
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
from tests.support.callers import Script
from tests.support.library import library
from tests.support.loopback import PATIENCE, Answer, Connection, Loopback, closed_port, say, serving

OLLAMA = {
    "/api/version": say(200, {"version": "0.33.0"}),
    "/api/tags": say(200, {"models": [{"name": "llama3.2:latest"}, {"name": "hf.co/org/model:Q4_K_M"}]}),
    "/api/ps": say(200, {"models": [{"name": "llama3.2:latest"}]}),
}
FAST = HealthCheck(interval=0.01, timeout=PATIENCE)


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(PATIENCE):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await anyio.sleep(0.001)


def expect_good_and_dead(server: Loopback, dead: str, seen: tuple[EndpointHealth, ...]) -> None:
    good, bad = seen
    assert (good.endpoint, good.reachable, good.version, good.error) == (server.url, True, "0.33.0", None)
    assert good.latency is not None
    assert good.models == {"llama3.2:latest", "hf.co/org/model:Q4_K_M"}
    assert good.running == {"llama3.2:latest"}
    assert (good.model_available, good.model_loaded) == (True, False)
    assert (bad.endpoint, bad.reachable, bad.version, bad.models) == (dead, False, None, None)
    assert (bad.model_available, bad.model_loaded) == (None, None)
    assert "ConnectError" in (bad.error or "")


def test_check_shows_version_and_models_of_each_endpoint() -> None:
    dead = f"http://127.0.0.1:{closed_port()}"
    with serving(dict(OLLAMA)) as server, library.HTTPTransport() as wire:
        health = Health(wire, [Endpoint(server.url, api_key="mine"), Endpoint(dead)])
        expect_good_and_dead(server, dead, health.check("hf.co/org/model:q4_k_m"))
        assert [look.model_loaded for look in health.check("llama3.2")] == [True, None]
        assert [look.model_available for look in health.check()] == [None, None]
        assert {request.headers["authorization"] for request in server.requests} == {"Bearer mine"}


@pytest.mark.anyio
async def test_model_that_is_no_name_is_refused() -> None:
    with serving(dict(OLLAMA)) as server:
        with (
            Ollama(server.url) as client,
            pytest.raises(ConfigurationError, match="model is of type int; give the name"),
        ):
            client.health.check(model=5)  # type: ignore[arg-type]
        async with AsyncOllama(server.url) as client:
            with pytest.raises(ConfigurationError, match="model is of type int; give the name"):
                await client.health.check(model=5)  # type: ignore[arg-type]
        assert server.requests == []


@pytest.mark.anyio
async def test_async_check_shows_the_same() -> None:
    dead = f"http://127.0.0.1:{closed_port()}"
    with serving(dict(OLLAMA)) as server:
        async with library.AsyncHTTPTransport() as wire:
            expect_good_and_dead(
                server,
                dead,
                await AsyncHealth(wire, [Endpoint(server.url), Endpoint(dead)]).check("hf.co/org/model:Q4_K_M"),
            )


@pytest.mark.anyio
async def test_silent_endpoint_is_unreachable_after_timeout() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep_forever()
            raise AssertionError

    [look] = await AsyncHealth(Silent(), [Endpoint("http://a")], HealthCheck(timeout=0.01)).check()
    assert (look.reachable, look.error) == (False, "no answer in time")


ODD_VERSION = [
    (say(502, {"version": "1"}), "/api/version: status 502"),
    (say(302, {"version": "1"}), "/api/version: status 302"),
]
UNDECODABLE = [say(200, b"no gzip", Content_Encoding="gzip"), say(200, b'{"models":' + b"[" * 100_000)]


@pytest.mark.parametrize(("answer", "error"), ODD_VERSION)
def test_only_success_status_means_reachable(answer: Any, error: str) -> None:
    with serving({**OLLAMA, "/api/version": answer}) as server, library.HTTPTransport() as wire:
        [look] = Health(wire, [Endpoint(server.url)]).check()
    assert (look.reachable, look.version, look.error) == (False, None, error)


@pytest.mark.parametrize("answer", UNDECODABLE)
@pytest.mark.parametrize("path", OLLAMA)
def test_undecodable_answer_is_reported_beside_the_others(path: str, answer: Any) -> None:
    with serving({**OLLAMA, path: answer}) as server, library.HTTPTransport() as wire:
        [look] = Health(wire, [Endpoint(server.url)]).check("llama3.2")
    assert look.reachable is (path != "/api/version")
    assert look.model_available is (True if path == "/api/ps" else None)
    assert look.running is None
    assert "DecodingError" in (look.error or "") or "RecursionError" in (look.error or "")


@pytest.mark.anyio
@pytest.mark.parametrize("answer", UNDECODABLE)
async def test_async_monitor_survives_undecodable_answer(answer: Any) -> None:
    seen: list[EndpointHealth] = []
    with serving({**OLLAMA, "/api/ps": answer}) as server:
        async with library.AsyncHTTPTransport() as wire:
            health = AsyncHealth(wire, [Endpoint(server.url)], FAST, feed=seen.append)
            await health.start()
            await until(lambda: len(seen) > 1)
            assert health.running
            await health.stop()
    assert {(look.reachable, look.running) for look in seen} == {(True, None)}


def trickling(*, head: bool) -> Answer:
    """An answer of which a byte comes now and then, in its head or in its body."""

    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nX-Long: " if head else b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        connection.trickle(b" ")

    return answer


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("make_wire", [HTTPTransport, library.HTTPTransport])
def test_trickling_answer_ends_at_timeout(make_wire: Any, head: bool) -> None:
    with serving({"/api/version": trickling(head=head)}) as server, make_wire() as wire:
        began = time.monotonic()
        looks = Health(wire, [Endpoint(server.url), Endpoint(f"{server.url}/other")], HealthCheck(timeout=1)).check()
        assert time.monotonic() - began < PATIENCE
        assert (looks[0].reachable, looks[0].error) == (False, "no answer in time")
        assert looks[1].error == "/other/api/version: status 404"
        if make_wire is HTTPTransport or not head:
            while any("health" in thread.name for thread in threading.enumerate()):
                assert time.monotonic() - began < PATIENCE
                time.sleep(0.001)


def test_hanging_check_delays_neither_caller_nor_exit() -> None:
    hanging, daemons = threading.Event(), []

    def hang(_: httpx.Request) -> httpx.Response:  # as a name server may
        daemons.append(threading.current_thread().daemon)
        hanging.wait(2 * PATIENCE)
        return httpx.Response(404)

    began = time.monotonic()
    health = Health(Script(hang), [Endpoint("http://a"), Endpoint("http://b")], HealthCheck(interval=1, timeout=0.05))
    assert [look.error for look in health.check()] == ["no answer in time"] * 2
    health.start()
    monitor = [thread for thread in threading.enumerate() if thread.name == "ollama-sdk-health"]
    assert [thread.daemon for thread in monitor] == [True]
    health.stop()
    assert time.monotonic() - began < PATIENCE
    hanging.set()
    assert set(daemons) == {True}


@pytest.mark.anyio
async def test_each_request_carries_remaining_timeout() -> None:
    def check_limits(wire: Script) -> None:
        assert len(wire.requests) == 6
        for request in wire.requests:
            limits = request.extensions["timeout"]
            assert set(limits) == {"connect", "read", "write", "pool"}
            assert all(0 < seconds <= 3 for seconds in limits.values())
            assert request.extensions["deadlines"].left() <= 3

    answer = {"version": "1", "models": []}
    for kind in (Health, AsyncHealth):
        wire = Script(lambda _: httpx.Response(200, json=answer))
        looks: Any = kind(wire, [Endpoint("http://a"), Endpoint("http://b")], HealthCheck(timeout=3)).check()
        for look in looks if kind is Health else await looks:
            assert look.error is None
        check_limits(wire)


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
def test_unexpected_answer_is_reported(answers: dict[str, Any], reachable: bool) -> None:
    with serving({**OLLAMA, **answers}) as server, library.HTTPTransport() as wire:
        [look] = Health(wire, [Endpoint(server.url)]).check()
    assert look.reachable is reachable
    assert look.error


TWINS = {
    "/api/tags": say(200, {"models": [
        {"name": "llama3.2:latest", "digest": "d1"}, {"name": "mine:latest", "digest": "d1"},
        {"name": "mario:latest", "digest": "d2"}, {"name": "bare:latest"}, {"model": "empty:latest", "digest": ""},
    ]}),
    "/api/ps": say(200, {"models": [{"name": "llama3.2:latest", "digest": "d1"}, {"name": "other:latest"}]}),
}  # fmt: skip


def test_second_name_of_a_loaded_model_is_loaded() -> None:
    with serving({**OLLAMA, **TWINS}) as server, library.HTTPTransport() as wire:
        health = Health(wire, [Endpoint(server.url)])
        names = ("llama3.2", "mine", "mario", "bare", "empty", "gone")
        looks = {name: health.check(name)[0] for name in names}
    assert [look.model_loaded for look in looks.values()] == [True, True, False, False, False, False]
    assert [look.model_available for look in looks.values()] == [True, True, True, True, True, False]
    assert looks["mine"].running == {"llama3.2:latest", "mine:latest", "other:latest"}


@pytest.mark.anyio
async def test_second_name_of_a_loaded_model_is_loaded_async() -> None:
    with serving({**OLLAMA, **TWINS}) as server:
        async with library.AsyncHTTPTransport() as wire:
            [look] = await AsyncHealth(wire, [Endpoint(server.url)]).check("mine")
    assert look.model_loaded is True


def test_model_aware_prefers_the_second_name_of_a_loaded_model() -> None:
    stored = {**TWINS, "/api/ps": say(200, {"models": []}), "/api/chat": say(200, {"message": {}, "done": True})}
    loaded = {**TWINS, "/api/chat": say(200, {"message": {}, "done": True})}
    with (
        serving({**OLLAMA, **stored}) as cold,
        serving({**OLLAMA, **loaded}) as warm,
        Ollama([cold.url, warm.url], failover=Failover("model_aware"), timeout=PATIENCE) as client,
    ):
        client.health.check()
        for _ in range(6):
            client.chat("mine", [])
    assert [request.path for request in cold.requests].count("/api/chat") == 0
    assert [request.path for request in warm.requests].count("/api/chat") == 6


def test_server_without_models_is_healthy() -> None:
    with (
        serving({**OLLAMA, "/api/tags": say(200, {"models": None}), "/api/ps": say(200, {"models": []})}) as server,
        library.HTTPTransport() as wire,
    ):
        [look] = Health(wire, [Endpoint(server.url)]).check("x")
    assert (look.error, look.models, look.running, look.model_available) == (None, frozenset(), frozenset(), False)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["models", "name", "version"]), inner),
    max_leaves=8,
)


@given(st.tuples(json_values, json_values, json_values))
def test_no_answer_breaks_a_check(answers: tuple[Any, ...]) -> None:
    wire = Script(*(httpx.Response(200, content=json.dumps(answer).encode()) for answer in answers))
    [look] = Health(wire, [Endpoint("http://a")]).check("x")
    assert look.reachable is (look.version is not None)


def test_monitor_checks_until_stopped_and_leaves_no_thread() -> None:
    before, looked, seen = set(threading.enumerate()), threading.Semaphore(0), []
    with serving(dict(OLLAMA)) as server, library.HTTPTransport() as wire:
        health = Health(wire, [Endpoint(server.url)], FAST, feed=lambda look: (seen.append(look), looked.release()))
        assert not health.running
        health.start()
        health.start()
        for _ in range(3):
            assert looked.acquire(timeout=PATIENCE)
        health.stop()
        health.stop()
        count = len(seen)
        assert not health.running
        assert [thread for thread in set(threading.enumerate()) - before if "health" in thread.name] == []
        assert len(seen) == count
        health.start()
        assert looked.acquire(timeout=PATIENCE)
        health.stop()


def test_monitor_ends_when_owner_is_collected() -> None:
    looked = threading.Semaphore(0)
    health = Health(Script(404), [Endpoint("http://a")], HealthCheck(interval=3600), feed=lambda _: looked.release())
    health.start()
    assert looked.acquire(timeout=PATIENCE)
    assert not looked.acquire(timeout=0.03)
    thread, gone = health._monitor[0], weakref.ref(health)
    deadline = time.monotonic() + PATIENCE
    del health
    while gone() is not None and time.monotonic() < deadline:
        gc.collect()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_failing_feed_does_not_end_monitor(caplog: pytest.LogCaptureFixture) -> None:
    looked = threading.Semaphore(0)

    def feed(_: EndpointHealth) -> None:
        looked.release()
        raise RuntimeError("bad feed")

    health = Health(Script(404), [Endpoint("http://a")], FAST, feed=feed)
    health.start()
    for _ in range(2):
        assert looked.acquire(timeout=PATIENCE)
    health.stop()
    assert "bad feed" in caplog.text


@pytest.mark.anyio
async def test_async_monitor_checks_until_stopped() -> None:
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
    with anyio.fail_after(PATIENCE):
        await twice.wait()
    await health.stop()
    await health.stop()
    assert not health.running
    count = len(seen)
    await anyio.wait_all_tasks_blocked()
    assert len(seen) == count


class StoppedClock(SystemClock):
    """Notes the seconds of each sleep, which lasts until its task is cancelled; may fail at first."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.asleep_for: list[float] = []
        self.woken = threading.Semaphore(0)

    def monotonic(self) -> float:
        self.failures -= 1
        if self.failures >= 0:
            raise RuntimeError("no time")
        return time.monotonic()

    async def asleep(self, seconds: float) -> None:
        self.asleep_for.append(seconds)
        try:
            await anyio.sleep_forever()
        finally:
            self.woken.release()


@pytest.mark.anyio
async def test_async_monitor_waits_interval_between_checks() -> None:
    clock, seen = StoppedClock(), []
    health = AsyncHealth(Script(404), [Endpoint("http://a")], HealthCheck(interval=77), clock=clock, feed=seen.append)
    await health.start()
    await until(lambda: clock.asleep_for)
    await health.stop()
    assert (clock.asleep_for, len(seen)) == ([77], 1)


@pytest.mark.anyio
async def test_failing_check_does_not_end_monitors(caplog: pytest.LogCaptureFixture) -> None:
    looked = threading.Semaphore(0)
    health = Health(Script(404), [Endpoint("http://a")], FAST, clock=StoppedClock(1), feed=lambda _: looked.release())
    health.start()
    assert looked.acquire(timeout=PATIENCE)
    health.stop()
    clock = StoppedClock(1)
    other = AsyncHealth(Script(404), [Endpoint("http://a")], FAST, clock=clock)
    await other.start()
    await until(lambda: clock.asleep_for)
    assert other.running
    await other.stop()
    assert caplog.text.count("RuntimeError: no time") == 2


class Slow(httpx.AsyncBaseTransport):
    """Never answers, and takes a moment to end when it is cancelled."""

    def __init__(self) -> None:
        self.asked = self.ended = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked = True
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.01)
            self.ended = True
        raise AssertionError(request)


@pytest.mark.anyio
async def test_async_stop_waits_for_check_to_end() -> None:
    wire = Slow()
    health = AsyncHealth(wire, [Endpoint("http://a")])
    await health.start()
    await until(lambda: wire.asked)
    await health.stop()
    assert wire.ended


class Broken(httpx.AsyncByteStream):
    """A body that never comes."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await anyio.sleep_forever()
        yield b""

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.closed = True


class Failing(httpx.SyncByteStream):
    """A body that breaks off."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        raise httpx.ReadError("reset")

    def close(self) -> None:
        self.closed = True


@pytest.mark.anyio
async def test_incomplete_response_is_closed() -> None:
    broken, failing = Broken(), Failing()
    silent = Script(lambda _: httpx.Response(200, stream=broken))
    [look] = await AsyncHealth(silent, [Endpoint("http://a")], HealthCheck(timeout=1)).check()
    assert (look.error, broken.closed) == ("no answer in time", True)
    [look] = Health(Script(lambda _: httpx.Response(200, stream=failing)), [Endpoint("http://a")]).check()
    assert (look.error, failing.closed) == ("ReadError: reset", True)


@pytest.mark.anyio
async def test_async_monitor_ends_when_owner_is_collected() -> None:
    clock = StoppedClock()
    health = AsyncHealth(Script(404), [Endpoint("http://a")], clock=clock)
    await health.start()
    await until(lambda: clock.asleep_for)
    gone = weakref.ref(health)
    del health
    with anyio.fail_after(PATIENCE):
        while gone() is not None or not clock.woken.acquire(blocking=False):
            gc.collect()
            await anyio.sleep(0.001)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_monitor_ends_with_its_event_loop(backend: str) -> None:
    clock = StoppedClock()
    health = AsyncHealth(Script(404), [Endpoint("http://a")], clock=clock)

    async def start(looks: int) -> None:
        await health.start()
        await health.start()
        assert health.running
        await until(lambda: len(clock.asleep_for) == looks)

    async def stop() -> None:
        with anyio.fail_after(PATIENCE):
            await health.stop()

    anyio.run(start, 1, backend=backend)
    assert not health.running
    anyio.run(start, 2, backend=backend)
    anyio.run(stop, backend=backend)
    assert not health.running


def test_async_monitor_does_not_outlive_closed_loop() -> None:
    clock = StoppedClock()
    health = AsyncHealth(Script(404), [Endpoint("http://a")], clock=clock)

    async def start(looks: int) -> None:
        await health.start()
        await until(lambda: len(clock.asleep_for) == looks)

    for looks in (1, 2):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(start(looks))
        [task] = asyncio.all_tasks(loop)
        task._log_destroy_pending = False  # the loop is closed over a task on purpose
        loop.close()
        assert not health.running
    asyncio.run(health.stop())
    assert not health.running


def test_async_monitor_moves_to_loop_that_starts_it() -> None:
    clock = StoppedClock()
    health = AsyncHealth(Script(404), [Endpoint("http://a")], clock=clock)
    first = asyncio.new_event_loop()

    async def start(looks: int) -> None:
        await health.start()
        await until(lambda: len(clock.asleep_for) == looks)

    first.run_until_complete(start(1))
    asyncio.run(start(2))
    assert clock.woken.acquire(blocking=False)  # the second monitor ended with its loop
    first.run_until_complete(until(lambda: clock.woken.acquire(blocking=False)))
    first.close()


@pytest.mark.anyio
async def test_async_monitor_may_be_stopped_by_another_task() -> None:
    health = AsyncHealth(Script(404), [Endpoint("http://a")], FAST)
    async with anyio.create_task_group() as group:
        group.start_soon(health.start)
    assert health.running
    async with anyio.create_task_group() as group:
        group.start_soon(health.stop)
    assert not health.running


def test_check_results_reach_failover() -> None:
    dead = f"http://127.0.0.1:{closed_port()}"
    with serving(dict(OLLAMA)) as server, library.HTTPTransport() as wire:
        endpoints = [Endpoint(dead), Endpoint(server.url)]
        stack = build_stack(wire, endpoints, Policies(failover=Failover("model_aware")))
        Health(wire, endpoints, feed=stack.saw).check()
        request = httpx.Request("GET", f"{dead}/api/version", extensions={"model": "llama3.2"})
        assert stack.transport.handle_request(request).status_code == 200
        assert request.extensions["endpoint"] == server.url


@pytest.mark.parametrize("arguments", [{"interval": 0}, {"timeout": None}, {"version_path": "api"}])
def test_invalid_argument_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="HealthCheck"):
        HealthCheck(**arguments)
