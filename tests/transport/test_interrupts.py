"""Ctrl-C at every moment of a call or a stream: no connection is lost, no lock stays held, no other thread waits for ever."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref

import httpx
import pytest

from ollama_sdk import Ollama, OllamaError, Timeout
from ollama_sdk._concurrency.events import ThreadEvent
from ollama_sdk._transport.sync import HTTPTransport
from tests.support.interrupts import Interrupts
from tests.support.loopback import END, PATIENCE, Loopback, chunk, chunked, whole
from tests.support.transports import tls_loopback, trusting

pytestmark = [
    pytest.mark.skipif(sys.gettrace() is not None, reason="another tracer runs"),
    # Finalizers are interrupted too.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]


def _talking(connection):
    while True:
        connection.answer(chunked("a/b", b"one"))
        connection.send(chunk(b"two") + END)


def _whole(connection):
    connection.answer(whole(b"one"))
    connection.watch()


def _streaming(connection):
    while True:
        connection.answer(chunked("application/x-ndjson", b'{"message":{"role":"assistant","content":"a"}}\n'))
        connection.send(chunk(b'{"message":{"role":"assistant","content":"b"}}\n'))
        connection.send(chunk(b'{"message":{"role":"assistant","content":""},"done":true}\n') + END)


_TLS = pytest.param(tls_loopback, marks=pytest.mark.slow, id="tls")


@pytest.mark.parametrize("serve", [pytest.param(Loopback, id="plain"), _TLS])
def test_an_interrupt_at_any_moment_loses_no_connection(serve):
    def call(transport, url):
        extensions = {"timeout": {"connect": PATIENCE, "read": PATIENCE, "write": PATIENCE}}
        response = transport.handle_request(httpx.Request("POST", url, content=b"{}", extensions=extensions))
        try:
            return b"".join(response.stream)
        finally:
            response.close()

    context = trusting()
    with serve(_talking) as server:
        moment, ended = 0, False
        while not ended:
            moment += 1
            with HTTPTransport(ssl_context=context, trust_env=False) as transport:
                with contextlib.suppress(KeyboardInterrupt), Interrupts(moment):
                    call(transport, server.url)
                    call(transport, server.url)  # on the connection of the first
                    ended = True
                assert call(transport, server.url) == b"onetwo", f"moment {moment}"
                [route] = transport._routes._routes.values()
                if len(transport._pool.open) != len(route.stack):
                    gc.collect()
                assert len(transport._pool.open) == len(route.stack), f"moment {moment}"
        assert moment > 100
        assert all(connection.hung_up.wait(PATIENCE) for connection in server.connections)


class _SoftLimitError(Exception):
    """As Celery's, which a signal handler raises, too."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, _SoftLimitError])
@pytest.mark.parametrize("callback", ["on_header", "on_headers_complete", "on_message_complete"])
def test_an_interrupt_while_parsing_keeps_no_frame_alive(callback, error, monkeypatch):
    """What calls hold is given back when their frames go, not at some later garbage collection."""
    llhttp = pytest.importorskip("ollama_sdk._transport._llhttp")

    def interrupt(*_):
        raise error

    class Held:
        pass

    def call(transport, url):
        held = Held()
        refs.append(weakref.ref(held))
        transport.handle_request(httpx.Request("GET", url))

    refs = []
    monkeypatch.setattr(llhttp.LlhttpParser, callback, interrupt)
    with Loopback(_whole) as server, HTTPTransport(trust_env=False) as transport:
        gc.disable()
        try:
            try:
                call(transport, server.url)
            except error:
                refs.append(None)
            assert len(refs) == 2
            assert refs[0]() is None
        finally:
            gc.enable()


def test_an_interrupt_at_any_moment_leaves_a_stream_usable():
    with Loopback(_streaming) as server, Ollama(server.url, timeout=Timeout(connect=None)) as client:
        moment, ended = 0, False
        while not ended:
            moment += 1
            stream = client.chat("m", [], stream=True)
            with contextlib.suppress(KeyboardInterrupt), Interrupts(moment):
                next(stream)
                next(stream)
                ended = True
            assert _elsewhere(stream), f"moment {moment}"
        assert moment > 20


def _elsewhere(stream):
    """Whether a stream can be controlled and read to its end in another thread."""

    def use():
        stream.pause()
        stream.resume()
        with contextlib.suppress(OllamaError):
            stream.collect()
        stream.close()

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


def test_an_interrupted_wait_loses_no_wake_up():
    moment, ended = 0, False
    while not ended:
        moment += 1
        event = ThreadEvent()
        event.set()
        with contextlib.suppress(KeyboardInterrupt), Interrupts(moment):
            event.wait(PATIENCE)
            ended = True
        assert event.wait(0), f"moment {moment}"


def test_a_wait_that_is_woken_wakes_the_next():
    event = ThreadEvent()
    threads = [threading.Thread(target=event.wait, args=(PATIENCE,), daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    event.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert [thread.is_alive() for thread in threads] == [False] * 3
    event.clear()
    assert not event.wait(0)
