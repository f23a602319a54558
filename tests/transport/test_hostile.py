"""Cancellation at every await and exceptions at any line: no connection is lost, and the transport works on."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time

import anyio
import httpx
import pytest

from ollama_sdk._transport.aio import AsyncHTTPTransport
from ollama_sdk._transport.sync import HTTPTransport
from tests.support.loopback import END, Loopback, chunk, chunked
from tests.support.transports import tls_loopback, trusting

_EXTENSIONS = {"timeout": {"connect": 10.0, "read": 10.0, "write": 10.0}}


def _talking(connection):
    """Short replies, and one that has no end."""
    while True:
        request = connection.request()
        connection.send(chunked("a/b", b"one"))
        if "/endless" in request.line:
            connection.trickle(chunk(b"more"), 0.002)
        connection.send(chunk(b"two") + END)


@pytest.fixture(params=[Loopback, tls_loopback], ids=["plain", "tls"])
def server(request):
    with request.param(_talking) as server:
        yield server


def _connections_left(server):
    """How many connections the server still sees, once the last has had time to go."""
    for _ in range(500):
        left = sum(not connection.hung_up.is_set() for connection in server.connections)
        if not left:
            break
        time.sleep(0.01)
    return left


async def _call(transport, server, path):
    by_name = server.url.replace("127.0.0.1", "localhost")
    url = random.choice([server.url, by_name]) + path
    response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}", extensions=_EXTENSIONS))
    try:
        return b"".join([part async for part in response.stream])
    finally:
        await response.aclose()


@pytest.mark.parametrize("path", ["/one", "/endless"])
@pytest.mark.parametrize("how", ["after so many steps", "after a while", "wait_for", "timeout", "scope"])
def test_a_cancelled_call_leaves_no_connection_on_asyncio(server, path, how):
    async def cancelled_calls(transport):
        for number in range(60):
            if how in {"after so many steps", "after a while"}:
                task = asyncio.create_task(_call(transport, server, path))
                if how == "after a while":
                    await asyncio.sleep(random.random() * 0.01)
                for _ in range(number if how == "after so many steps" else 0):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                continue
            seconds = random.random() * 0.01
            try:
                if how == "wait_for":
                    await asyncio.wait_for(_call(transport, server, path), seconds)
                elif how == "timeout":
                    async with asyncio.timeout(seconds):
                        await _call(transport, server, path)
                else:
                    with anyio.move_on_after(seconds):
                        await _call(transport, server, path)
            except TimeoutError:
                pass

    async def main():
        transport = AsyncHTTPTransport(ssl_context=trusting(), trust_env=False)
        await cancelled_calls(transport)
        await asyncio.sleep(0.01)
        gc.collect()
        idle = sum(len(route.stack) for route in transport._routes._routes.values())
        assert len(transport._pool.open) == idle
        assert await _call(transport, server, "/one") == b"onetwo"
        await transport.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert _connections_left(server) == 0


def test_a_cancelled_call_leaves_no_connection_on_trio(server):
    async def main():
        transport = AsyncHTTPTransport(ssl_context=trusting(), trust_env=False)
        for number in range(120):
            with anyio.move_on_after(random.random() * 0.01):
                await _call(transport, server, "/one" if number % 2 else "/endless")
        gc.collect()
        idle = sum(len(route.stack) for route in transport._routes._routes.values())
        assert len(transport._pool.open) == idle
        assert await _call(transport, server, "/one") == b"onetwo"
        await transport.aclose()

    anyio.run(main, backend="trio")
    assert _connections_left(server) == 0


def test_many_cancelled_calls_at_once_leave_no_connection(server):
    async def main():
        transport = AsyncHTTPTransport(ssl_context=trusting(), trust_env=False)
        for _ in range(4):
            tasks = [asyncio.create_task(_call(transport, server, "/endless")) for _ in range(25)]
            for task in tasks:
                asyncio.get_running_loop().call_later(random.random() * 0.1, task.cancel)
            await asyncio.wait(tasks)
        await asyncio.sleep(0.01)
        gc.collect()
        assert transport._pool.open == []
        await transport.aclose()

    asyncio.run(main())
    assert _connections_left(server) == 0


class _InterruptedError(BaseException):
    """As KeyboardInterrupt, but no pytest takes it for its own."""


@pytest.mark.slow  # real signals at random moments: a search rather than a check
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_interrupts_at_any_byte_code_lose_no_connection(server):
    transport = HTTPTransport(ssl_context=trusting(), trust_env=False)
    is_armed = False

    def interrupt(*_):
        if is_armed:
            raise _InterruptedError

    def call():
        response = transport.handle_request(httpx.Request("POST", server.url, content=b"{}", extensions=_EXTENSIONS))
        try:
            assert b"".join(response.stream) == b"onetwo"
        finally:
            response.close()

    previous = signal.signal(signal.SIGALRM, interrupt)
    interrupts, ends = 0, time.monotonic() + 2
    try:
        while time.monotonic() < ends:
            try:
                is_armed = True
                signal.setitimer(signal.ITIMER_REAL, random.random() * 0.004 + 1e-6, 0.004)
                while True:
                    call()
            except _InterruptedError:
                is_armed = False
                interrupts += 1
    finally:
        is_armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(0.01)
        signal.signal(signal.SIGALRM, previous)
    gc.collect()
    assert interrupts > 20
    call()
    assert len(transport._pool.open) == sum(len(route.stack) for route in transport._routes._routes.values())
    transport.close()
    assert _connections_left(server) == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_a_timer_that_fires_often_does_not_put_a_deadline_off():
    silent = Loopback(lambda connection: (connection.answer(chunked("a/b", b"one")), connection.watch()))
    previous = signal.signal(signal.SIGALRM, lambda *_: None)
    watchdog = threading.Timer(
        30, lambda: [each.interrupt() for each in silent.connections]
    )  # without the fix it hangs
    with silent, HTTPTransport(trust_env=False) as transport:
        response = transport.handle_request(httpx.Request("GET", silent.url, extensions={"timeout": {"read": 1.0}}))
        parts = iter(response.stream)
        next(parts)
        watchdog.start()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
            with pytest.raises(httpx.ReadTimeout):
                next(parts)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
            watchdog.cancel()


@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
def test_a_program_with_open_streams_ends_without_a_traceback(kind):
    code = f"""
import sys, anyio, httpx
from ollama_sdk._transport.aio import AsyncHTTPTransport
from ollama_sdk._transport.sync import HTTPTransport
request = httpx.Request("GET", sys.argv[1] + "/endless")
def sync():
    global transport, response, parts
    transport = HTTPTransport(trust_env=False)
    response = transport.handle_request(request)
    parts = iter(response.stream)
    next(parts)
async def main():
    global transport, response, parts
    transport = AsyncHTTPTransport(trust_env=False)
    response = await transport.handle_async_request(request)
    parts = aiter(response.stream)
    await anext(parts)
sync() if {kind!r} == "sync" else anyio.run(main, backend={kind!r})
"""
    with Loopback(_talking) as server:
        command = [sys.executable, "-c", code, server.url]
        environment = {**os.environ, "PYTHONDEVMODE": "", "PYTHONWARNINGS": ""}  # they say what was left open
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert server.connections[0].hung_up.wait(5)


def test_closing_from_another_thread_wakes_a_reader_at_once(server):
    with HTTPTransport(ssl_context=trusting(), trust_env=False) as transport:
        silent = Loopback(lambda connection: (connection.answer(chunked("a/b", b"one")), connection.watch()))
        with silent:
            response = transport.handle_request(httpx.Request("GET", silent.url, extensions={"timeout": {"read": 60}}))
            parts = iter(response.stream)
            next(parts)
            sock = response.extensions["network_stream"].get_extra_info("socket")
            threading.Timer(0.05, lambda: sock.shutdown(2)).start()
            begin = time.monotonic()
            with pytest.raises(httpx.TransportError):
                next(parts)
            assert time.monotonic() - begin < 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(("first", "then"), [("asyncio", "asyncio"), ("asyncio", "trio"), ("trio", "asyncio")])
def test_a_transport_begins_anew_in_another_event_loop(server, first, then):
    transport = AsyncHTTPTransport(ssl_context=trusting(), trust_env=False)

    async def call():
        return await _call(transport, server, "/one")

    async def call_and_close():
        body = await call()
        await transport.aclose()
        return body

    assert anyio.run(call, backend=first) == b"onetwo"
    assert anyio.run(call_and_close, backend=then) == b"onetwo"
    gc.collect()
    assert _connections_left(server) == 0
