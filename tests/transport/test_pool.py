"""Idle connections: which are kept, for how long, and at what cost."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections import Counter
from pathlib import Path

import anyio
import httpx
import pytest
import trio

import ollama_sdk
from ollama_sdk import AsyncOllama
from ollama_sdk._transport import pool as pool_module
from ollama_sdk._transport.sync import HTTPTransport
from tests.support.loopback import END, chunk, chunked, whole

PACKAGE = str(Path(ollama_sdk.__file__).parent)


def _endless(connection):
    """Answer every request."""
    while True:
        connection.answer(whole(b"a"))


def _open_together(transport, url, count):
    """So many connections, idle at the same time."""
    replies = [transport.send(url, extensions={"stream": True}) for _ in range(count)]
    for reply in replies:
        reply.read()


def test_the_last_connection_given_back_is_taken_first(transport, serve):
    server = serve(_endless)
    _open_together(transport, server.url, 3)
    assert transport.idle == 3
    requests = [len(connection.requests) for connection in server.connections]
    for _ in range(5):
        transport.get(server.url)
    assert [len(connection.requests) - n for connection, n in zip(server.connections, requests, strict=True)] == [
        0,
        0,
        5,
    ]


def test_no_more_than_so_many_idle_connections_are_kept(transport, serve, monkeypatch):
    monkeypatch.setattr(pool_module, "MAX_IDLE", 3)
    server = serve(_endless)
    _open_together(transport, server.url, 10)
    assert transport.idle == transport.open == 3
    assert [connection.hung_up.wait(5) for connection in server.connections[:7]] == [True] * 7


def test_a_connection_that_was_idle_for_long_is_not_used(transport, serve, monkeypatch):
    server = serve(_endless)
    _open_together(transport, server.url, 5)
    monkeypatch.setattr(pool_module, "MAX_IDLE_SECONDS", 0.0)
    transport.get(server.url)
    assert len(server.connections) == 6
    assert transport.open <= 1


def test_servers_do_not_share_connections(transport, serve):
    servers = [serve(_endless) for _ in range(3)]
    for _ in range(2):
        for server in servers:
            transport.get(server.url)
    assert [len(server.connections) for server in servers] == [1, 1, 1]


@pytest.mark.parametrize("how", ["dropped", "in a cycle"])
def test_a_transport_that_is_forgotten_closes_its_connections(serve, how):
    server = serve(_endless)
    transport = HTTPTransport(trust_env=False)
    reply = transport.handle_request(httpx.Request("GET", server.url))
    reply.read()
    if how == "in a cycle":
        transport.itself = transport
    del transport, reply
    gc.collect()
    assert server.connections[0].hung_up.wait(5)


def test_a_response_outlives_its_transport(serve):
    server = serve(lambda connection: (connection.answer(chunked("a/b", b"one")), connection.watch()))
    response = HTTPTransport(trust_env=False).handle_request(httpx.Request("GET", server.url))
    gc.collect()
    assert next(iter(response.stream)) == b"one"
    del response
    gc.collect()
    assert server.connections[0].hung_up.wait(5)


def _calls(work, *, ours=True):
    """How often functions of this package, or those of the system that it calls, are called."""
    counts = Counter()

    def count(frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return
        if event == "call" and ours:
            counts[frame.f_code.co_qualname] += 1
        elif event == "c_call" and not ours:
            counts[argument.__name__] += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counts


def test_a_call_costs_the_same_beside_many_connections(serve):
    server = serve(_endless, receive_buffer=4096)
    holding = serve(lambda connection: (connection.answer(chunked("a/b", b"one")), connection.watch()))
    with HTTPTransport(trust_env=False) as transport:

        def call():
            transport.handle_request(httpx.Request("GET", server.url)).read()

        call()
        alone = _calls(call)
        open_streams = [transport.handle_request(httpx.Request("GET", holding.url)) for _ in range(50)]
        streams = [
            transport.handle_request(httpx.Request("GET", server.url, extensions={"stream": True})) for _ in range(50)
        ]
        for stream in streams:
            stream.read()
        assert _calls(call) == alone
        for stream in open_streams:
            stream.close()


def test_a_read_with_data_waiting_is_one_system_call(serve):
    items = 200
    server = serve(lambda connection: (connection.answer(chunked("a/b")), _one_by_one(connection, items)))
    with HTTPTransport(trust_env=False) as transport:
        response = transport.handle_request(httpx.Request("GET", server.url, extensions={"timeout": {"read": 60.0}}))
        parts = iter(response.stream)

        def read():
            for _ in range(items - 1):
                server.connections[0].go_on.set()
                assert next(parts) == b"item"

        assert next(parts) == b"item"

        counts = _calls(read, ours=False)
        server.connections[0].go_on.set()
        response.close()
    system = {name: counts[name] for name in ("recv", "poll", "setsockopt", "settimeout", "send", "select")}
    assert system == {"recv": items - 1, "poll": 0, "setsockopt": 0, "settimeout": 0, "send": 0, "select": 0}


def _one_by_one(connection, items):
    """Each item when the former has been taken."""
    connection.go_on = threading.Event()
    for _ in range(items):
        connection.send(chunk(b"item"))
        connection.wait(connection.go_on)
        connection.go_on.clear()
    connection.send(END)


# Other processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_opens_its_own_connections(serve):
    server = serve(_endless)
    stop = threading.Event()
    failures = []
    with HTTPTransport(trust_env=False) as transport:

        def call():
            response = transport.handle_request(httpx.Request("GET", server.url, extensions={"timeout": {"read": 10}}))
            if response.read() != b"a":
                raise AssertionError

        def busy():
            while not stop.is_set():
                try:
                    call()
                except Exception as exc:  # noqa: BLE001 - seen by the test
                    failures.append(exc)
                    return

        threads = [threading.Thread(target=busy) for _ in range(4)]
        for thread in threads:
            thread.start()
        children = []
        for _ in range(8):
            child = os.fork()
            if not child:
                try:
                    call()
                    transport.close()
                    gc.collect()
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
        for thread in threads:
            thread.join(10)
        call()
    assert codes == [0] * 8
    assert failures == []
    assert len(server.connections) <= 4 + 8 + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("inside", [False, True], ids=["after the loop", "within the loop"])
@pytest.mark.parametrize("then", ["asyncio", "trio"])
@pytest.mark.parametrize("first", ["asyncio", "trio"])
def test_a_forked_child_uses_an_async_client_in_its_own_loop(serve, first, then, inside):
    if inside and first == "trio":
        pytest.skip("trio and sniffio take the child for a part of the parent's run")
    server = serve(_versions)
    assert _calls_around_a_fork(server.url, first, then, inside=inside) == [0]
    gc.collect()  # what the loop that has ended has left, whose warnings are ignored here only
    assert [len(connection.requests) for connection in server.connections] == ([2, 1] if inside else [1, 1])


def _calls_around_a_fork(url, first, then, *, inside):
    """The exit codes of the children."""
    client = AsyncOllama(url)
    codes = []

    async def call():
        assert (await client.version()).version == "1"

    async def child():
        await call()
        await client.close()

    def fork():
        pid = os.fork()
        if not pid:
            try:
                if then == "trio":
                    trio.run(child)
                else:
                    asyncio.run(child())
                gc.collect()
                os._exit(0)
            finally:
                os._exit(1)
        codes.append(os.waitpid(pid, 0)[1])

    async def main():
        await call()
        if inside:
            fork()
            await call()

    anyio.run(main, backend=first)
    if not inside:
        fork()
    return codes


def _versions(connection):
    while True:
        connection.answer(whole(b'{"version":"1"}'))
