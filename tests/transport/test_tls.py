"""TLS where it differs from a plain connection: it ends, answers and fails on its own, and its library has locks."""

from __future__ import annotations

import contextlib
import itertools
import ssl
import sys
import threading
import time

import anyio
import anyio.lowlevel
import httpx
import pytest

from ollama_sdk._concurrency import forks
from ollama_sdk._transport.tls import TLS
from tests.support.forked import in_child
from tests.support.loopback import END, PATIENCE, Connection, Loopback, chunk, chunked, head, replies, whole
from tests.support.transports import CERTIFICATE, server_context, trusting

_BAD_RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)


# The end of a response


def _ends(answer, end):
    def script(connection):
        connection.answer(answer)
        end(connection)

    return script


@pytest.mark.parametrize("end", [Connection.close, Connection.half_close], ids=["closed", "half closed"])
def test_a_response_without_length_ends_where_tls_says_so(trusting_transport, serve_tls, end):
    server = serve_tls(_ends(head(200) + b"all", end))
    assert trusting_transport.get(server.url) == b"all"
    assert trusting_transport.open == 0


@pytest.mark.parametrize("body", [b"", b"half"])
def test_a_connection_that_ends_without_tls_ends_no_response(trusting_transport, serve_tls, body):
    reply = trusting_transport.send(serve_tls(_ends(head(200) + body, Connection.close_below_tls)).url)
    if body:
        assert reply.next() == body
    with pytest.raises(httpx.RemoteProtocolError, match="before TLS announced the end"):
        reply.next()
    assert trusting_transport.open == 0


@pytest.mark.parametrize("answer", [whole(b"all"), chunked("a/b", b"all") + END], ids=["length", "chunks"])
def test_a_response_that_says_its_end_needs_no_other(trusting_transport, serve_tls, answer):
    server = serve_tls(_ends(answer, Connection.close_below_tls), replies(whole(b"next")))
    assert trusting_transport.get(server.url) == b"all"
    server._threads[1].join(PATIENCE)
    assert trusting_transport.get(server.url) == b"next"


def test_an_announced_end_makes_an_idle_connection_stale(trusting_transport, serve_tls):
    said = threading.Event()

    def script(connection):
        connection.answer(whole(b"a"))
        connection._socket.say_goodbye()
        said.set()
        connection.watch()

    server = serve_tls(script, replies(whole(b"b")))
    assert trusting_transport.get(server.url) == b"a"
    assert said.wait(PATIENCE)
    assert trusting_transport.get(server.url) == b"b"


# What TLS itself says in between


def test_a_response_that_comes_with_the_handshake_is_read(trusting_transport, monkeypatch):
    context = server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # in which the server ends the handshake

    def script(connection):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.send(outgoing.read())
                incoming.write(connection._read())
        tls.write(whole(b"too busy", 503))
        connection.send(outgoing.read())
        connection.watch()

    monkeypatch.setattr(Loopback, "default_tls", None)
    with Loopback(script) as server:
        reply = trusting_transport.send(server.url.replace("http:", "https:"))
        assert (reply.status, reply.read()) == (503, b"too busy")


def test_a_certificate_that_is_asked_for_late_is_sent(world, serve_tls):
    """As a server does that wants one for some paths only."""

    def script(connection):
        connection.request()
        sock = connection._socket
        sock.verify_client_post_handshake()
        connection.send(chunked("a/b", b"who are you?"))
        until = time.monotonic() + PATIENCE
        sock.settimeout(0.001)
        while not sock.getpeercert() and time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                assert sock.recv(1) != b"", "the client has gone"
        connection.send(chunk(b"welcome") + END)
        connection.watch()

    server = serve_tls(script)
    server._tls.verify_mode = ssl.CERT_OPTIONAL
    server._tls.load_verify_locations(CERTIFICATE)
    server._tls.post_handshake_auth = True
    context = trusting()
    context.load_cert_chain(CERTIFICATE)
    context.post_handshake_auth = True
    with world.transport(ssl_context=context) as transport:
        reply = transport.send(server.url)
        assert b"".join(iter(reply.next, None)) == b"who are you?welcome"
        reply.close()


# Failures


@pytest.mark.parametrize("world", ["asyncio"], indirect=True)
def test_tls_that_fails_before_an_upload_is_an_error_of_http(trusting_transport, serve_tls):
    """An event loop reads while the source of the upload waits."""
    go_on = threading.Event()

    def script(connection):
        connection.answer(whole(b"a"))
        connection.wait(go_on)
        connection.send_below_tls(_BAD_RECORD)
        connection.watch()

    async def source():
        [connection] = trusting_transport.inner._pool.open
        go_on.set()
        with anyio.fail_after(PATIENCE):
            while not connection.tls.failure:
                await anyio.lowlevel.checkpoint()
        yield b"late"

    server = serve_tls(script)
    trusting_transport.get(server.url)
    with pytest.raises(httpx.RemoteProtocolError):
        trusting_transport.send(server.url, method="POST", content=source())
    assert trusting_transport.open == 0


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 200 Connection established\r\n\r\n"], ids=["CONNECT", "the tunnel"])
@pytest.mark.parametrize("how", ["fails", "ends"])
def test_a_proxy_whose_tls_ends_is_noticed_at_once(world, serve_tls, after, how):
    def script(connection):
        connection.answer(after)
        if after:
            connection._read()  # the beginning of the handshake with the server
        if how == "fails":
            connection.send_below_tls(_BAD_RECORD)
        else:
            connection._socket.say_goodbye()
        connection.watch()

    proxy = httpx.Proxy(serve_tls(script).url, ssl_context=trusting())
    limits = {"connect": PATIENCE, "read": 5.0, "write": 5.0}
    with world.transport(proxy=proxy, ssl_context=trusting()) as transport:
        with pytest.raises((httpx.ConnectError, httpx.ProxyError)):
            transport.get("https://ollama.example/", timeout=limits)
        assert transport.open == 0


# Forks: a child would wait for ever for a lock of OpenSSL that a thread of its parent held


def test_a_fork_waits_for_a_thread_that_works_in_openssl(monkeypatch):
    entered, over = threading.Event(), threading.Event()

    class Working:
        def do_handshake(self):
            entered.set()
            over.wait(PATIENCE)

    pauses = itertools.count()
    monkeypatch.setattr(forks.time, "sleep", lambda _: next(pauses) == 3 and over.set())
    tls = TLS(trusting(), "localhost")
    tls.object = Working()
    thread = threading.Thread(target=lambda: list(tls.handshake()))
    thread.start()
    assert entered.wait(PATIENCE)
    assert in_child(over.is_set) is True
    thread.join(PATIENCE)


def test_tls_waits_for_a_thread_that_is_about_to_fork(trusting_transport, serve_tls):
    bodies = []
    server = serve_tls(replies(whole(b"a")))
    thread = threading.Thread(target=lambda: bodies.append(trusting_transport.get(server.url)))
    forks.Forks.threads.add(-1)
    try:
        thread.start()
        until = time.monotonic() + PATIENCE
        while not any(_waits(frame) for frame in sys._current_frames().values()):
            assert time.monotonic() < until
    finally:
        forks.Forks.threads.discard(-1)
    thread.join(PATIENCE)
    assert bodies == [b"a"]


def _waits(frame):
    return frame.f_code is forks.pause_for_fork.__code__
