"""TLS without I/O: encrypts and decrypts the bytes of any kind of connection.

Every kind of connection (sync, asyncio, trio) sends and receives the encrypted bytes itself under its own deadlines, so all share
this TLS. A tunnel within a tunnel (``https`` through a proxy that itself speaks ``https``) is two of these, one inside the other.

OpenSSL has locks for the whole process, which a forked child would find locked for ever. So a fork waits until no thread has a frame
of this module, see :mod:`ollama_sdk._concurrency.forks`; and before each use of OpenSSL this module waits until no thread is about to
fork. Nothing in here waits for the network.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator

import httpx

from ollama_sdk._concurrency.forks import Forks, pause_for_fork

__all__ = ["TLS", "Handshake", "trusted_certificates"]

_RECORD = 65536

# A generator that yields bytes to send, possibly none, and is sent the bytes read next; b"" is the end of the connection.
Handshake = Generator[bytes, bytes, None]


def trusted_certificates() -> ssl.SSLContext:
    """What httpx trusts: certifi, or what SSL_CERT_FILE and SSL_CERT_DIR name.

    Raises:
        OSError: They cannot be read.
    """
    while Forks.threads:
        pause_for_fork()
    context = httpx.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


class TLS:
    """The client's side of one TLS connection.

    Args:
        context: Certificates and versions.
        host: The required name in the server's certificate.
        outer: The TLS connection that carries this one.

    Attributes:
        object: The ``ssl`` object, for callers that inspect the connection.
        ended: Whether the server has announced the end of its data.
        failure: The reason why received data cannot be decrypted any more; empty if it can.
    """

    __slots__ = ("_incoming", "_outer", "_outgoing", "ended", "failure", "object")

    def __init__(self, context: ssl.SSLContext, host: str, outer: TLS | None = None) -> None:
        while Forks.threads:
            pause_for_fork()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._outer = outer
        self.ended = False
        self.failure = ""

    def handshake(self) -> Handshake:
        """Run the TLS handshake.

        Raises:
            ssl.SSLError: It failed, or the certificate is not trusted.
            ConnectionError: The server, or the proxy before it, closed the connection.
        """
        while True:
            while Forks.threads:
                pause_for_fork()
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                data = yield self._outgoing_bytes()
                if not data:
                    raise ConnectionResetError("the connection was closed during the TLS handshake") from None
                self._receive(data)
                if self.failure:
                    raise ConnectionResetError(self.failure) from None
            else:
                return

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """Encrypt ``data``."""
        while Forks.threads:
            pause_for_fork()
        self.object.write(data)
        return self._outgoing_bytes()

    def decrypt(self, data: bytes | memoryview) -> bytes:
        """Decrypt ``data``, after what has been received before; ``b""`` while a record is incomplete."""
        while Forks.threads:
            pause_for_fork()
        self._receive(data)
        parts: list[bytes] = []
        try:
            while part := self.object.read(_RECORD):
                parts.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as exc:  # what came before it is good
            self.failure = self.failure or str(exc)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def answer(self) -> bytes:
        """What is to be sent because of what was received: an update of keys, or the certificate that the server asks for late."""
        return self._outgoing_bytes()

    @property
    def pending(self) -> bool:
        """Whether an incomplete record was received."""
        return self._incoming.pending > 0 or (self._outer is not None and self._outer.pending)

    def _receive(self, data: bytes | memoryview) -> None:
        outer = self._outer
        self._incoming.write(data if outer is None else outer.decrypt(data))
        if outer is not None and (outer.failure or outer.ended):
            self.failure = outer.failure or "the proxy ended the connection"

    def _outgoing_bytes(self) -> bytes:
        data = self._outgoing.read()
        return data if self._outer is None or not data else self._outer.encrypt(data)
