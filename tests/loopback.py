"""A server on a real loopback socket whose every connection follows a script, byte for byte."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable
from typing import NamedTuple, NoReturn, Self

_PATIENCE = 5.0
_READ = 65536
_SMALL = 4096


class Request(NamedTuple):
    """What a client sent."""

    line: str
    headers: dict[str, str]
    body: bytes


class PeerGoneError(Exception):
    """The client hung up while its script still had something to do."""


class Connection:
    """One accepted connection, as its script sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self.requests: list[Request] = []
        self.hung_up = threading.Event()
        self._socket = sock
        sock.settimeout(_PATIENCE)  # a client that never hangs up fails its test, and holds up no other
        self._over = threading.Event()
        self._unread = bytearray()

    def request(self) -> Request:
        """Read the next request whole."""
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._read()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        length = int(headers.get("content-length", 0))
        while len(self._unread) < length:
            self._unread += self._read()
        body, self._unread = bytes(self._unread[:length]), self._unread[length:]
        request = Request(line, headers, body)
        self.requests.append(request)
        return request

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        try:
            self._socket.sendall(data)
        except OSError as exc:
            self._lost(exc)

    def answer(self, data: bytes) -> None:
        """Read a request, then send these bytes."""
        self.request()
        self.send(data)

    def trickle(self, data: bytes, every: float = 0.01) -> None:
        """Send these bytes again and again, until the client hangs up, or ought to have."""
        for _ in range(int(_PATIENCE / every)):
            if select.select([self._socket], [], [], every)[0]:
                self.watch()
            self.send(data)

    def sip(self, every: float = 0.01) -> None:
        """Read a little now and then, until the client hangs up."""
        while True:
            self._read(_SMALL)
            self._over.wait(every)

    def watch(self) -> None:
        """Read until the client hangs up."""
        while True:
            self._read()

    def hold(self) -> None:
        """Read nothing at all, until the server ends."""
        self._over.wait(_PATIENCE)

    def wait(self, event: threading.Event) -> None:
        """Do nothing until the test says so."""
        if not event.wait(_PATIENCE):
            raise TimeoutError("the test never said so")

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on listening."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection off: the client's next read fails."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Close it in the ordinary way."""
        self._socket.close()

    def interrupt(self) -> None:
        """Wake a script that waits for its client."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self, most: int = _READ) -> bytes:
        try:
            data = self._socket.recv(most)
        except OSError as exc:
            self._lost(exc)
        if not data:
            self._lost(None)
        return data

    def _lost(self, exc: OSError | None) -> NoReturn:
        if not isinstance(exc, TimeoutError):
            self.hung_up.set()
        raise PeerGoneError from exc


Script = Callable[[Connection], object]


class Loopback:
    """Listens on a free port; the n-th connection follows the n-th script, and later ones the last.

    Args:
        scripts: What each connection does; it is closed when its script returns.
        receive_buffer: Bytes that the kernel takes before the script reads, as far as the kernel obeys.
    """

    def __init__(self, *scripts: Script, receive_buffer: int | None = None) -> None:
        self._scripts = scripts
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self.connections: list[Connection] = []
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"http://{self.host}"

    @property
    def requests(self) -> list[Request]:
        """Every request so far."""
        return [request for connection in self.connections for request in connection.requests]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self.connections:
            connection.interrupt()
        for thread in self._threads:
            thread.join(_PATIENCE)
        self._listener.close()
        if self._failures:
            raise self._failures[0]

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(len(self.connections), len(self._scripts) - 1)]
            connection = Connection(sock)
            self.connections.append(connection)
            self._start(self._follow, script, connection)

    def _follow(self, script: Script, connection: Connection) -> None:
        try:
            script(connection)
        except PeerGoneError:
            pass
        except Exception as exc:  # noqa: BLE001 - raised where the test can see it
            self._failures.append(exc)
        finally:
            connection.close()


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


# What scripts send

_REASONS = {200: "OK"}


def head(status: int = 200, content_type: str | None = "application/json", **headers: str | int) -> bytes:
    """A response's head; ``retry_after="1"`` is the header ``retry-after: 1``."""
    fields = {"content-type": content_type, **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"HTTP/1.1 {status} {_REASONS.get(status, 'Whatever')}", *lines, "", ""]).encode("latin-1")


def whole(body: bytes, status: int = 200, content_type: str | None = "application/json", **headers: str) -> bytes:
    """A response with its length."""
    return head(status, content_type, content_length=len(body), **headers) + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; of no data, its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(content_type: str = "application/x-ndjson", *pieces: bytes) -> bytes:
    """The beginning of a streamed response, with what has been said so far."""
    return head(200, content_type, transfer_encoding="chunked") + b"".join(chunk(piece) for piece in pieces)


END = chunk(b"")


def replies(*responses: bytes) -> Script:
    """Answer one request after the other on one connection, then see the client hang up."""

    def script(connection: Connection) -> None:
        for response in responses:
            connection.answer(response)
        connection.watch()

    return script


def replies_and_closes(response: bytes) -> Script:
    """Answer one request, and close."""
    return lambda connection: connection.answer(response)


def replies_and_resets(response: bytes, when: threading.Event | None = None) -> Script:
    """Answer one request, and break the connection off."""

    def script(connection: Connection) -> None:
        connection.answer(response)
        if when is not None:
            connection.wait(when)
        connection.reset()

    return script
