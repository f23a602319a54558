"""Reaching a server: all addresses of a name, in time, and with the options that long streams need."""

from __future__ import annotations

import errno
import functools
import math
import socket
import threading
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import httpx
import pytest

from ollama_sdk import APIConnectionError, APITimeoutError, AsyncOllama, Timeout
from ollama_sdk._transport import connect_queue, limits, network
from ollama_sdk._transport.aio import AsyncHTTPTransport
from ollama_sdk._transport.network import Address, sorted_addresses
from tests.support.loopback import END, Loopback, chunk, chunked, closed_port, full_backlog_port, replies, whole
from tests.support.transports import trusting


def _timeout(connect):
    return {"connect": connect, "read": 5.0, "write": 5.0, "pool": 5.0}


@pytest.fixture
def resolve(monkeypatch):
    """Let one name have these addresses; counts how often it is looked up."""
    asked = []

    def to(*hosts, seconds=0.0):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]
        ask = socket.getaddrinfo

        def answer(host, *args, **more):
            if host != "gpu.example":
                return ask(host, *args, **more)
            asked.append(threading.current_thread())
            time.sleep(seconds)
            return found

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return asked

    return to


def test_the_next_address_is_tried_when_one_is_silent_or_refuses(transport, serve, resolve):
    server = serve(replies(whole(b"a")))
    port = int(server.url.rpartition(":")[2])
    resolve("127.0.0.2", "127.0.0.3", "127.0.0.1")  # silent, refusing, answering
    with full_backlog_port("127.0.0.2", port):
        assert transport.get(server.url.replace("127.0.0.1", "gpu.example"), timeout=_timeout(4.0)) == b"a"
    assert transport.open == 1


def test_all_addresses_share_the_limit_of_connecting(transport, resolve):
    resolve(*["127.0.0.1"] * 4)
    begin = time.monotonic()
    with full_backlog_port() as port, pytest.raises(httpx.ConnectTimeout):
        transport.get(f"http://gpu.example:{port}", timeout=_timeout(0.8))
    assert 0.7 < time.monotonic() - begin < 4
    assert transport.open == 0


def test_a_refused_connection_says_so_at_once(transport):
    begin = time.monotonic()
    with pytest.raises(httpx.ConnectError, match=r"(?i)refused"):
        transport.get(f"http://127.0.0.1:{closed_port()}")
    assert time.monotonic() - begin < 4
    assert transport.open == 0


def test_a_name_without_address_is_a_connect_error(transport):
    with pytest.raises(httpx.ConnectError):
        transport.get("http://nowhere.invalid:11434")


def test_other_schemes_than_http_are_refused(transport):
    with pytest.raises(httpx.UnsupportedProtocol):
        transport.get("ftp://127.0.0.1/")


def test_sockets_wait_for_nothing_and_notice_a_dead_server(transport, serve):
    server = serve(replies(whole(b"a")))
    transport.get(server.url)
    [connection] = transport.inner._pool.open
    assert connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_a_server_is_reached_on_a_unix_socket(world, tmp_path):
    path = str(tmp_path / "ollama.sock")
    with Loopback(replies(whole(b"a"), whole(b"b"))) as server:
        server._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        server._listener.close()
        server._listener = socket.socket(socket.AF_UNIX)
        server._listener.bind(path)
        server._listener.listen()
        server._start(server._accept)
        url = server.url.replace(server.host, "ollama") + "/api/version"
        for given in (path, Path(path)):
            with world.transport(uds=given) as transport:
                assert [transport.get(url) for _ in range(2)] == [b"a", b"b"]
    assert server.connections[0].requests[0].headers["host"] == "ollama"


def test_addresses_alternate_between_families():
    v6, v4 = [Address(10, n) for n in range(3)], [Address(2, n) for n in range(2)]
    assert sorted_addresses([*v6, *v4, v6[0]]) == [v6[0], v4[0], v6[1], v4[1], v6[2]]


def test_a_failing_socket_family_is_only_one_address_less(monkeypatch):
    real = network.new_socket

    def fails(address):
        if address.place == "none":
            raise OSError(errno.EAFNOSUPPORT, "no such family")
        return real(address)

    monkeypatch.setattr(network, "new_socket", fails)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        good = Address(socket.AF_INET, listener.getsockname())
        network.connect([Address(socket.AF_INET, "none"), good], lambda: 5.0).close()


def test_time_in_which_a_loop_stood_still_counts_as_one_slice(monkeypatch):
    now = 0.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    patience = limits.Patience(5.0, 10, lambda: math.inf)
    now = 1000.0
    assert (patience(), patience.is_over) == (0.5, False)
    for _ in range(9):
        assert not patience.is_over
        now += 0.5
        patience()
    assert patience.is_over


def test_the_limit_of_the_whole_call_counts_every_second(monkeypatch):
    now = 0.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    patience = limits.Patience(5.0, 10, lambda: 20.0 - now)
    now = 1000.0
    assert (patience() < 0, patience.is_over) == (True, False)


# Many at once


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    return request.param


def _get(transport, url, seconds=30.0):
    async def get():
        extensions = {"timeout": {"connect": seconds, "read": 30.0, "write": 30.0}}
        response = await transport.handle_async_request(httpx.Request("GET", url, extensions=extensions))
        return await response.aread()

    return get


async def _together(*calls):
    """What each of the calls returns or raises."""
    results = [None] * len(calls)

    async def one(number, call):
        try:
            results[number] = await call()
        except httpx.TransportError as exc:
            results[number] = exc

    async with anyio.create_task_group() as tasks:
        for number, call in enumerate(calls):
            tasks.start_soon(one, number, call)
    return results


def test_calls_at_once_share_one_look_up_off_the_loop(backend, serve, resolve):
    asked = resolve("127.0.0.1", seconds=0.2)
    server = serve(replies(whole(b"a")))
    url = server.url.replace("127.0.0.1", "gpu.example")

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport, anyio.create_task_group() as ticks:
            ticks.start_soon(_ticking)
            results = await _together(*[_get(transport, url) for _ in range(20)])
            ticks.cancel_scope.cancel()
            return results

    assert anyio.run(main, backend=backend) == [b"a"] * 20
    assert len(asked) == 1
    assert asked[0] is not threading.main_thread()


async def _ticking():
    while True:
        await anyio.lowlevel.checkpoint()


def test_calls_at_once_share_the_failure_of_a_look_up(backend):
    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport:
            return await _together(*[_get(transport, "http://nowhere.invalid") for _ in range(5)])

    assert [type(result) for result in anyio.run(main, backend=backend)] == [httpx.ConnectError] * 5


def test_many_connections_at_once_do_not_time_each_other_out(backend, serve, monkeypatch):
    monkeypatch.setattr(connect_queue, "CONNECTING", 3)
    server = serve(replies(whole(b"a")))

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport:
            return await _together(*[_get(transport, server.url) for _ in range(40)])

    assert anyio.run(main, backend=backend) == [b"a"] * 40


def test_a_busy_loop_does_not_time_out_calls_that_connect(backend, serve, serve_tls, monkeypatch):
    """The loop stands still for longer than the limit, when a few calls are connecting and the others wait to."""
    monkeypatch.setattr(connect_queue, "CONNECTING", 3)
    plain, tls = serve(replies(whole(b"a"))), serve_tls(replies(whole(b"a")))
    limit = 2.0

    async def block():
        _block(limit * 1.2)

    async def main():
        async with AsyncHTTPTransport(trust_env=False, ssl_context=trusting()) as transport:
            calls = [_get(transport, server.url, limit) for server in (plain, tls) for _ in range(12)]
            return await _together(*calls, block)

    assert anyio.run(main, backend=backend) == [b"a"] * 24 + [None]


def _block(seconds):
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        pass


def test_a_busy_loop_does_not_time_out_a_read_that_has_data(backend, serve):
    is_busy = threading.Event()

    def answer_late(connection):
        connection.answer(chunked("a/b", b"one"))
        connection.wait(is_busy)
        connection.send(chunk(b"two") + END)

    server = serve(answer_late)
    limit = 1.0

    async def block():
        await anyio.wait_all_tasks_blocked()
        is_busy.set()
        _block(limit * 1.5)

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport, anyio.create_task_group() as tasks:
            extensions = {"timeout": {"read": limit}}
            response = await transport.handle_async_request(httpx.Request("GET", server.url, extensions=extensions))
            tasks.start_soon(block)
            return await response.aread()

    assert anyio.run(main, backend=backend) == b"onetwo"


def test_waiting_to_connect_ends_when_nothing_before_it_succeeds(backend, monkeypatch):
    monkeypatch.setattr(connect_queue, "CONNECTING", 2)

    async def main(port):
        async with AsyncHTTPTransport(trust_env=False) as transport:
            begin = time.monotonic()
            results = await _together(*[_get(transport, f"http://127.0.0.1:{port}", 0.3) for _ in range(20)])
            return results, time.monotonic() - begin

    with full_backlog_port() as port:
        results, seconds = anyio.run(main, port, backend=backend)
    assert [type(result) for result in results] == [httpx.ConnectTimeout] * 20
    assert seconds < 2.5  # one after the other it would be 3


def test_waiting_to_connect_ends_with_the_limit_of_the_call(backend, monkeypatch):
    monkeypatch.setattr(connect_queue, "CONNECTING", 1)

    async def call(client):
        with pytest.raises(APITimeoutError) as caught:
            await client.version()
        return caught.value.phase

    async def main(url):
        async with AsyncOllama(url, timeout=Timeout(connect=None, total=0.3)) as client:
            return await _together(*[functools.partial(call, client)] * 5)

    with full_backlog_port() as port:
        assert anyio.run(main, f"http://127.0.0.1:{port}", backend=backend) == ["total"] * 5


def test_a_cancelled_wait_to_connect_hands_its_place_on(backend, serve, monkeypatch):
    monkeypatch.setattr(connect_queue, "CONNECTING", 1)
    server = serve(replies(*[whole(b"a")] * 200))

    async def cancellable(call, scope):
        with scope:
            await call()

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport:
            for steps in range(30):
                scopes = [anyio.CancelScope() for _ in range(3)]
                async with anyio.create_task_group() as tasks:
                    for scope in scopes:
                        tasks.start_soon(cancellable, _get(transport, server.url), scope)
                    for _ in range(steps):
                        await anyio.lowlevel.checkpoint()
                    for scope in scopes:
                        scope.cancel()
                assert await _get(transport, server.url)() == b"a"
            [queue] = transport._network.queues.values()
            return queue._free

    assert anyio.run(main, backend=backend) == 1


def test_closing_a_client_ends_calls_that_wait_to_connect(backend, monkeypatch):
    monkeypatch.setattr(connect_queue, "CONNECTING", 1)

    async def call(client):
        with pytest.raises(APIConnectionError, match="closed"):
            await client.version()

    async def main(url):
        async with AsyncOllama(url, timeout=Timeout(connect=0.5)) as client, anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(call, client)
            await anyio.wait_all_tasks_blocked()
            await client.close()

    with full_backlog_port() as port:
        anyio.run(main, f"http://127.0.0.1:{port}", backend=backend)
