"""Reaching a server: all addresses of a name, in time, and with the options that long streams need."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time

import httpx
import pytest

from ollama_sdk._transport import _asyncio, network
from ollama_sdk._transport.aio import AsyncHTTPTransport
from ollama_sdk._transport.network import Address, sorted_addresses
from tests.support.loopback import Loopback, free_port, full_backlog_port, replies, whole


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
        assert transport.get(f"http://gpu.example:{port}", timeout=_timeout(4.0)) == b"a"
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
        transport.get(f"http://127.0.0.1:{free_port()}")
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
        with world.transport(uds=path) as transport:
            assert [transport.get("http://ollama/api/version") for _ in range(2)] == [b"a", b"b"]
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
        network.connect([Address(socket.AF_INET, "none"), good], time.monotonic() + 5).close()


# asyncio: many at once


def _get(transport, url, seconds=30.0):
    async def get():
        extensions = {"timeout": {"connect": seconds, "read": 30.0, "write": 30.0}}
        response = await transport.handle_async_request(httpx.Request("GET", url, extensions=extensions))
        return await response.aread()

    return get()


def test_calls_at_once_share_one_look_up_off_the_loop(serve, resolve):
    asked = resolve("127.0.0.1", seconds=0.2)
    server = serve(replies(whole(b"a")))
    port = server.url.rpartition(":")[2]

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport:
            ticks = asyncio.create_task(_ticking())
            await asyncio.gather(*[_get(transport, f"http://gpu.example:{port}") for _ in range(20)])
            ticks.cancel()

    asyncio.run(main())
    assert len(asked) == 1
    assert asked[0] is not threading.main_thread()


async def _ticking():
    while True:  # noqa: ASYNC110 - it keeps the loop turning
        await asyncio.sleep(0)


def test_many_connections_at_once_do_not_time_each_other_out(serve, monkeypatch):
    monkeypatch.setattr(_asyncio, "CONNECTING", 3)
    server = serve(replies(whole(b"a")))

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport:
            return await asyncio.gather(*[_get(transport, server.url) for _ in range(40)])

    assert asyncio.run(main()) == [b"a"] * 40


def test_waiting_to_connect_ends_when_nothing_before_it_succeeds(monkeypatch):
    monkeypatch.setattr(_asyncio, "CONNECTING", 2)

    async def main(port):
        async with AsyncHTTPTransport(trust_env=False) as transport:
            calls = [_get(transport, f"http://127.0.0.1:{port}", 0.3) for _ in range(12)]
            begin = time.monotonic()
            results = await asyncio.gather(*calls, return_exceptions=True)
            return results, time.monotonic() - begin

    with full_backlog_port() as port:
        results, seconds = asyncio.run(main(port))
    assert [type(result) for result in results] == [httpx.ConnectTimeout] * 12
    assert seconds < 5


def test_a_cancelled_wait_to_connect_hands_its_place_on(serve, monkeypatch):
    monkeypatch.setattr(_asyncio, "CONNECTING", 1)
    server = serve(replies(whole(b"a")))

    async def main():
        async with AsyncHTTPTransport(trust_env=False) as transport:
            for steps in range(30):
                tasks = [asyncio.create_task(_get(transport, server.url)) for _ in range(4)]
                for _ in range(steps):
                    await asyncio.sleep(0)
                for task in tasks[:3]:
                    task.cancel()
                await asyncio.wait(tasks)
                assert tasks[3].result() == b"a"
            [queue] = transport._network._queues.values()
            return queue._free

    assert asyncio.run(main()) == 1
