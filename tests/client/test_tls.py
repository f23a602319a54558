"""Calls over TLS, to a server whose certificate the environment trusts, or does not."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from loopback import head, whole

from ollama_sdk import APIConnectionError, IncompleteReplyError, Retry

# A certificate for localhost and 127.0.0.1 that signs itself, and its key; good for a hundred years.
_CERTIFICATE = Path(__file__).parent / "localhost.pem"
_BAD_RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)


class _Server:
    """Answers each request over TLS with the same bytes."""

    def __init__(self, answer: bytes, then: bytes = b"") -> None:
        self.requests: list[bytes] = []
        self._answer, self._then = answer, then
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_CERTIFICATE)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                with contextlib.suppress(OSError):
                    self._serve_one(plain)

    def _serve_one(self, plain: socket.socket) -> None:
        with self._context.wrap_socket(plain, server_side=True) as sock:
            sock.settimeout(3)
            request = sock.recv(65536)
            while not request.endswith((b"}", b"\r\n\r\n")) or (b"POST" in request and b"}" not in request):
                request += sock.recv(65536)
            self.requests.append(request)
            sock.sendall(self._answer)
            if self._then:
                with socket.socket(fileno=os.dup(sock.fileno())) as below:
                    below.sendall(self._then)
                sock.recv(1)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve():
    with contextlib.ExitStack() as servers:
        yield lambda *args: servers.enter_context(contextlib.closing(_Server(*args)))


@pytest.fixture
def _trusted(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(_CERTIFICATE))


@pytest.mark.usefixtures("_trusted")
def test_a_server_with_a_trusted_certificate_answers(world, serve):
    server = serve(whole(b'{"version": "0.12.0"}'))
    with world.client(server.url) as client:
        assert client.version().version == "0.12.0"


def test_a_certificate_that_nobody_trusts_is_refused_with_the_reason(world, serve):
    server = serve(b"")
    with world.client(server.url) as client, pytest.raises(APIConnectionError, match=r"(?i)certificate"):
        client.version()
    assert not server.requests


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("begun", [b"", head(content_length=9)], ids=["before the head", "in the body"])
def test_what_is_unsafe_to_repeat_is_not_repeated_when_tls_breaks_after_it_was_sent(world, serve, begun):
    server = serve(begun, _BAD_RECORD)
    with world.client(server.url, retry=Retry(initial=0.001, maximum=0.002)) as client:
        with pytest.raises((APIConnectionError, IncompleteReplyError)):
            client.create("mine", from_="llama3.2")
        assert len(server.requests) == 1
