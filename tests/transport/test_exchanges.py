"""Requests and responses over real sockets: threads, asyncio and trio, plain and behind TLS."""

from __future__ import annotations

import sys
import threading
import time

import httpx
import pytest

from ollama_sdk._timeout import Deadlines, Timeout
from ollama_sdk._transport import connection as connection_module
from ollama_sdk._transport import response as response_module
from ollama_sdk._transport._h11 import H11Parser
from ollama_sdk._transport.request import PIECE
from tests.support.loopback import END, PATIENCE, Connection, chunk, chunked, head, replies, replies_and_resets, whole
from tests.support.transports import trusting

MIB = 1 << 20
_BRIEF = {"connect": 5.0, "read": 0.1, "write": 0.1, "pool": 5.0}


def test_replies_of_every_framing_share_one_connection(anywhere, trusting_transport):
    large = b"x" * (3 * MIB)
    answers = [
        whole(b"a"),
        chunked("a/b", b"b", b"c") + END,
        head(204, None),
        whole(large),
        chunked("a/b", large) + END,
    ]
    server = anywhere(replies(*answers))
    bodies = [trusting_transport.get(server.url) for _ in answers]
    assert bodies == [b"a", b"bc", b"", large, large]
    assert len(server.connections) == 1
    assert trusting_transport.idle == 1


def test_h11_takes_over_where_llhttp_cannot_be_imported(anywhere, world, monkeypatch):
    monkeypatch.setattr(connection_module, "parser_class", lambda: H11Parser)
    server = anywhere(replies(whole(b"a"), chunked("a/b", b"b", b"c") + END, whole(b"d" * MIB)))
    with world.transport(ssl_context=trusting()) as transport:
        assert [len(transport.get(server.url)) for _ in range(3)] == [1, 2, MIB]
    assert len(server.connections) == 1


def test_the_parser_is_h11_when_httptools_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "httptools", None)
    monkeypatch.delitem(sys.modules, "ollama_sdk._transport._llhttp", raising=False)
    assert response_module.parser_class.__wrapped__() is H11Parser


def test_items_arrive_as_they_are_sent(anywhere, trusting_transport):
    go_on = threading.Event()

    def script(connection):
        connection.answer(chunked("a/b", b"one"))
        for item in (b"two", b"three"):
            connection.wait(go_on)
            go_on.clear()
            connection.send(chunk(item))
        connection.send(END)
        connection.watch()

    reply = trusting_transport.send(anywhere(script).url)
    received = []
    for _ in range(3):
        received.append(reply.next())
        go_on.set()
    assert received == [b"one", b"two", b"three"]
    assert reply.next() is None
    reply.close()
    assert trusting_transport.idle == 1


@pytest.mark.parametrize("size", [0, 10, 200_000, 5 * MIB])
@pytest.mark.parametrize("kind", ["in one piece", "in pieces", "chunked"])
def test_bodies_of_every_size_arrive_whole(anywhere, trusting_transport, size, kind):
    got = []
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    def script(connection):
        request = connection.request()
        got.append((request.size, request.body))
        connection.send(whole(b"ok"))
        connection.watch()

    async def in_pieces():
        for start in range(0, size, 100_000):
            yield data[start : start + 100_000]

    class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
        def __iter__(self):
            return iter([data[start : start + 100_000] for start in range(0, size, 100_000)])

        def __aiter__(self):
            return in_pieces()

    options = {
        "in one piece": {"content": data},
        "in pieces": {"stream": Pieces(), "headers": {"content-length": str(size)}},
        "chunked": {"stream": Pieces(), "headers": {"transfer-encoding": "chunked"}},
    }[kind]
    assert trusting_transport.get(anywhere(script).url, method="POST", **options) == b"ok"
    assert got == [(size, data if size <= MIB else b"")]  # the server keeps no larger ones
    assert trusting_transport.idle == 1


@pytest.mark.parametrize("then", [Connection.hold, Connection.watch], ids=["which it reads no more", "which it drops"])
def test_a_response_before_the_end_of_the_upload_is_delivered(anywhere, trusting_transport, then):
    def script(connection):
        connection._read(100)
        connection.send(whole(b"too large", status=413))
        then(connection)

    reply = trusting_transport.send(anywhere(script).url, method="POST", content=bytes(64 * MIB))
    assert (reply.status, reply.read()) == (413, b"too large")
    assert trusting_transport.open == 0  # the rest of the request was never sent


@pytest.mark.parametrize(
    ("request_options", "reason"),
    [
        ({"headers": {"x-a": "a\r\nx-b: c"}}, "line break"),
        ({"headers": {"x-a": "a\x00"}}, "control"),
        ({"headers": {"x-a": "a "}}, "blank"),
        ({"headers": {"x a": "a"}}, "name"),
        ({"content": b"abc", "headers": {"content-length": "2"}}, "longer"),
        ({"content": b"abc", "headers": {"content-length": "4"}}, "shorter"),
        ({"extensions": {"target": b"/a b"}}, "path"),
    ],
)
def test_a_request_that_would_break_its_framing_is_not_sent(transport, serve, request_options, reason):
    server = serve(replies(whole(b"a")))
    with pytest.raises(httpx.LocalProtocolError, match=reason):
        transport.send(server.url, method="POST", **request_options)
    assert not server.requests
    assert transport.open == 0


# Connections that are used again, or not


def _filling(size):
    """The body of a response that takes ``size`` bytes: what follows it is in a record of TLS of its own."""
    return b"x" * (2 * size - len(whole(b"x" * size)))


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(
    "surplus", [whole(b"not yours"), b"}", head(408, content_length=0)], ids=["a reply", "a byte", "a farewell"]
)
@pytest.mark.parametrize(
    "body",
    [b"a", b"x" * 65536, _filling(16384), _filling(65536)],
    ids=["short", "64 KiB", "fills a record of TLS", "fills a read"],
)
def test_surplus_bytes_never_become_the_next_reply(anywhere, trusting_transport, surplus, body, late):
    sent = threading.Event()

    def script(connection):
        connection.request()
        connection.send(whole(body) if late else whole(body) + surplus)
        if late:
            connection.send(surplus)  # in a segment and a record of its own
        sent.set()
        connection.watch()

    server = anywhere(script, replies(whole(b"mine")))
    assert trusting_transport.get(server.url) == body
    assert sent.wait(5)
    time.sleep(0.01)
    assert trusting_transport.get(server.url) == b"mine"
    assert len(server.connections) == 2


@pytest.mark.parametrize("how", [Connection.close, Connection.reset], ids=["closed", "reset"])
def test_a_connection_closed_while_idle_is_noticed(anywhere, trusting_transport, how):
    end = threading.Event()

    def script(connection):
        connection.answer(whole(b"a"))
        connection.wait(end)
        how(connection)

    server = anywhere(script, replies(whole(b"b")))
    assert trusting_transport.get(server.url) == b"a"
    end.set()
    server._threads[1].join(5)
    assert trusting_transport.get(server.url) == b"b"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_never_left_is_sent_once_more(anywhere, trusting_transport, method, monkeypatch):
    end = threading.Event()

    def script(connection):
        connection.answer(whole(b"a"))
        connection.wait(end)
        connection.reset()

    def breaks_meanwhile(connection):
        end.set()
        server._threads[1].join(5)
        return False

    server = anywhere(script, replies(whole(b"b")))
    assert trusting_transport.get(server.url) == b"a"
    stack = next(iter(trusting_transport.inner._routes._routes.values())).stack
    monkeypatch.setattr(type(stack._idle[0]), "is_stale", breaks_meanwhile)
    assert trusting_transport.get(server.url, method=method, content=b"{}") == b"b"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_may_have_arrived_is_not_sent_again(anywhere, trusting_transport, method):
    def script(connection):
        connection.answer(whole(b"a"))
        connection.request()
        connection.close()

    server = anywhere(script, replies(whole(b"b")))
    assert trusting_transport.get(server.url) == b"a"
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        trusting_transport.get(server.url, method=method, content=b"{}")
    assert len(server.connections) == 1


def test_a_response_left_before_its_end_closes_the_connection(anywhere, trusting_transport):
    def script(connection):
        connection.answer(chunked("a/b", b"one"))
        connection.watch()

    server = anywhere(script)
    reply = trusting_transport.send(server.url)
    assert reply.next() == b"one"
    reply.close()
    reply.close()
    assert server.connections[0].hung_up.wait(5)
    assert trusting_transport.open == 0
    with pytest.raises(httpx.ReadError):
        reply.next()


# Time


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", chunked("a/b"), chunked("a/b", b"one")])
def test_each_read_has_the_time_that_httpx_users_give(anywhere, trusting_transport, said):
    def script(connection):
        connection.answer(said)
        connection.watch()

    server = anywhere(script)
    begin = time.monotonic()
    with pytest.raises(httpx.ReadTimeout) as caught:
        trusting_transport.get(server.url, timeout=_BRIEF)
    assert 0.09 < time.monotonic() - begin < 5
    assert caught.value.request.url == server.url
    assert server.connections[0].hung_up.wait(5)


def test_a_server_that_reads_nothing_is_a_write_timeout(serve, transport):
    with pytest.raises(httpx.WriteTimeout):
        transport.send(serve(Connection.hold).url, method="POST", content=bytes(64 * MIB), timeout=_BRIEF)


class _LateOnceSent:
    """Shows a late hour as soon as the request is being sent, but not before the server has all of it."""

    def __init__(self):
        self.sends = False
        self.received = threading.Event()

    def monotonic(self):
        return 1000.0 if self.sends and self.received.wait(PATIENCE) else 0.0


class _Source(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is made while it is sent."""

    def __iter__(self):
        yield b"a"

    async def __aiter__(self):
        yield b"a"


# In one piece: with its head longer than a short request, but less than a system takes without a wait.
@pytest.mark.parametrize("body", [{"content": bytes(PIECE)}, {"stream": _Source()}], ids=["one piece", "source"])
def test_the_time_of_sending_makes_no_server_late(anywhere, trusting_transport, body):
    clock = _LateOnceSent()

    def script(connection):
        connection.answer(whole(b"connected"))
        connection.request()
        clock.received.set()
        connection.send(whole(b"in time"))
        connection.watch()

    url, deadlines = anywhere(script).url, Deadlines(Timeout(first_item=1), clock)
    assert trusting_transport.get(url) == b"connected"
    deadlines.attempt()
    timeout = deadlines.extension()
    clock.sends = True
    headers = {"transfer-encoding": "chunked"}
    assert trusting_transport.get(url, method="POST", headers=headers, timeout=timeout, **body) == b"in time"


def test_without_limits_a_response_may_take_its_time(anywhere, trusting_transport):
    def script(connection):
        connection.request()
        time.sleep(0.3)
        connection.send(whole(b"a"))
        connection.watch()

    forever = dict.fromkeys(("connect", "read", "write", "pool"))
    assert trusting_transport.get(anywhere(script).url, timeout=forever) == b"a"


@pytest.mark.parametrize("world", ["asyncio", "trio"], indirect=True)
def test_a_response_that_is_not_read_stops_its_server(serve, transport):
    """Back-pressure: what a task does not take is left to the kernel."""
    blocked = threading.Event()

    def script(connection):
        connection.answer(chunked("a/b"))
        connection._socket.settimeout(0.5)
        try:
            for _ in range(1000):
                connection._socket.sendall(chunk(bytes(65536)))
        except TimeoutError:
            blocked.set()
        connection.watch()

    reply = transport.send(serve(script).url)
    assert blocked.wait(10)
    assert sum(map(len, reply.response.stream._response.body)) < 4 * 65536
    reply.close()


# Closing


def test_closing_the_transport_ends_the_calls_in_flight(anywhere, trusting_transport):
    waiting = threading.Event()

    def script(connection):
        connection.request()
        waiting.set()
        connection.watch()

    server = anywhere(script, replies(whole(b"a")))
    closing = threading.Thread(target=lambda: waiting.wait(5) and trusting_transport.close())
    closing.start()
    with pytest.raises(ConnectionError, match="the client was closed"):
        trusting_transport.get(server.url)
    closing.join()
    assert server.connections[0].hung_up.wait(5)
    assert trusting_transport.get(server.url) == b"a"


def test_a_read_sees_what_arrived_before_the_connection_broke(anywhere, trusting_transport):
    taken = threading.Event()
    server = anywhere(replies_and_resets(chunked("a/b", b"one", b"two"), when=taken))
    reply = trusting_transport.send(server.url)
    assert reply.next() == b"onetwo"
    taken.set()
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        reply.next()
    assert trusting_transport.open == 0
