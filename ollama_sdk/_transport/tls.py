"""TLS without I/O: encrypts what is to be sent and decrypts what was received, over any kind of connection.

Every kind of connection (sync, asyncio, trio) moves ciphertext itself and keeps its own deadlines, so none of them
needs a TLS of its own. A tunnel within a tunnel (``https`` through a proxy that itself speaks ``https``) is two of
these, one inside the other.
"""

from __future__ import annotations

import ssl
from collections.abc import Generator

__all__ = ["TLS", "Handshake"]

_RECORD = 65536

# Yields bytes to send, possibly none, and is sent the bytes read next; b"" is the end of the connection.
Handshake = Generator[bytes, bytes, None]


class TLS:
    """The client's side of one TLS connection.

    Args:
        context: Certificates and versions.
        host: The name that the server's certificate must show.
        outer: The TLS connection that carries this one.

    Attributes:
        object: For what callers want to know of the connection.
        ended: Whether the server said that it will send nothing more.
        failure: Why what the server sends can no longer be decrypted; empty as long as it can.
    """

    __slots__ = ("_incoming", "_outer", "_outgoing", "ended", "failure", "object")

    def __init__(self, context: ssl.SSLContext, host: str, outer: TLS | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._outer = outer
        self.ended = False
        self.failure = ""

    def handshake(self) -> Handshake:
        """Agree with the server on keys.

        Raises:
            ssl.SSLError: They do not agree, or the certificate is not trusted.
            ConnectionError: The server closed the connection.
        """
        while True:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                data = yield self._outgoing_bytes()
                if not data:
                    raise ConnectionResetError("the connection was closed during the TLS handshake") from None
                self._receive(data)
            else:
                return

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """What to send instead of ``data``."""
        self.object.write(data)
        return self._outgoing_bytes()

    def decrypt(self, data: bytes | memoryview) -> bytes:
        """What ``data`` means; ``b""`` as long as a record is not complete. Once :attr:`failure` is set, stop."""
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
            self.failure = str(exc)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @property
    def pending(self) -> bool:
        """Whether a part of a record was received whose rest is missing."""
        return self._incoming.pending > 0 or (self._outer is not None and self._outer.pending)

    def _receive(self, data: bytes | memoryview) -> None:
        self._incoming.write(data if self._outer is None else self._outer.decrypt(data))

    def _outgoing_bytes(self) -> bytes:
        data = self._outgoing.read()
        return data if self._outer is None or not data else self._outer.encrypt(data)
