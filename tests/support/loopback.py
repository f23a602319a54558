"""A server on a real loopback socket whose every connection follows a script, byte for byte.

A script is a function of one :class:`Connection`; it runs in a thread of its own. :class:`Routes` is the script that answers by
path. No wait in here is a promise about speed: each is far longer than any pause of the machine and only ends a test that hangs.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

from .tls_sockets import ServerSocket

PATIENCE = 60
_READ = 65536
_SMALL = 4096
_KEPT = 1 << 20


class Request(NamedTuple):
    """What a client sent.

    Attributes:
        line: The request line, as in ``POST /api/chat HTTP/1.1``.
        headers: By name in lower case.
        body: The body without its chunk heads, unless it is too large to be kept: it would count as the client's memory.
        size: Bytes of the body.
    """

    line: str
    headers: dict[str, str]
    body: bytes
    size: int

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class PeerGoneError(Exception):
    """The client hung up while its script still had something to do."""


class Connection:
    """One accepted connection, as its script sees it."""

    def __init__(self, sock: socket.socket, received: list[Request]) -> None:
        self.requests: list[Request] = []
        self._received = received
        self.hung_up = threading.Event()
        self._socket = sock
        sock.settimeout(PATIENCE)  # a client that never hangs up fails its test, and holds up no other
        self._over = threading.Event()
        self._unread = bytearray()

    def shake_hands(self) -> None:
        """Do the handshake of TLS, where the server speaks it."""
        if isinstance(self._socket, ServerSocket):
            try:
                self._socket.do_handshake()
            except OSError as exc:
                self._lost(exc)

    def request(self) -> Request:
        """Read the next request whole."""
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._read()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        body, size = bytearray(), 0
        for piece in self._body(headers):
            size += len(piece)
            if size <= _KEPT:
                body += piece
        request = Request(line, headers, bytes(body) if size <= _KEPT else b"", size)
        self.requests.append(request)
        self._received.append(request)
        return request

    def _body(self, headers: dict[str, str]) -> Iterator[bytes]:
        if headers.get("transfer-encoding") != "chunked":
            yield from self._take(int(headers.get("content-length", 0)))
            return
        size = -1
        while size:
            while b"\r\n" not in self._unread:
                self._unread += self._read()
            line, _, self._unread = self._unread.partition(b"\r\n")
            size = int(line, 16)
            yield from self._take(size)
            for _ in self._take(2):  # the end of the line after the data
                pass

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._unread:
                self._unread += self._read()
            taken = bytes(self._unread[:size])
            del self._unread[:size]
            size -= len(taken)
            yield taken

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
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if select.select([self._socket], [], [], every)[0]:
                self.watch()
            self.send(data)

    def sip(self, every: float = 0.01) -> None:
        """Read a little now and then, until the client hangs up."""
        while True:
            self._read(_SMALL)
            self._over.wait(every)

    def read_bytes(self, size: int) -> None:
        """Read so many bytes, whatever they are."""
        while size > 0:
            size -= len(self._read(min(size, _SMALL)))

    def watch(self) -> None:
        """Read until the client hangs up."""
        while True:
            self._read()

    def hold(self) -> None:
        """Read nothing at all, until the server ends."""
        self._over.wait(PATIENCE)

    def wait(self, event: threading.Event) -> None:
        """Do nothing until the test says so."""
        if not event.wait(PATIENCE):
            raise TimeoutError("the test never said so")

    def send_below_tls(self, data: bytes) -> None:
        """Send these bytes past the TLS layer, which the client cannot decrypt."""
        with socket.socket(fileno=os.dup(self._socket.fileno())) as below:
            below.sendall(data)

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on listening."""
        if isinstance(self._socket, ServerSocket):
            self._socket.say_goodbye()
        with contextlib.suppress(OSError):  # after such a goodbye the client may have left
            socket.socket.shutdown(self._socket, socket.SHUT_WR)  # below TLS

    def reset(self) -> None:
        """Break the connection off: the client's next read fails."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Close it in the ordinary way."""
        if isinstance(self._socket, ServerSocket):
            self._socket.say_goodbye()
        self.close_below_tls()

    def close_below_tls(self) -> None:
        """Close it as the system does where a process dies: TLS does not say that nothing more will be sent."""
        self._socket.close()

    def interrupt(self) -> None:
        """Wake a script that waits for its client."""
        self._over.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # below TLS

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
        tls: Serve TLS with this context; a connection whose handshake fails follows no script.

    Attributes:
        default_tls: The context of every server that is given none; ``None`` serves without TLS.
        connections: Those accepted so far.
        requests: Those read so far, in the order of their ends.
    """

    default_tls: ClassVar[ssl.SSLContext | None] = None

    def __init__(self, *scripts: Script, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._scripts = scripts
        self._tls = tls = tls or self.default_tls
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []
        self.connections: list[Connection] = []
        self.requests: list[Request] = []
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.port: int = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"

    def hung_up(self, index: int = 0) -> bool:
        """Wait until the client hangs up a connection, which may not have been accepted yet; whether it did."""
        until = time.monotonic() + PATIENCE
        while len(self.connections) <= index and time.monotonic() < until:
            time.sleep(0.001)
        return self.connections[index].hung_up.wait(PATIENCE)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self.connections:
            connection.interrupt()
        for thread in self._threads:
            thread.join(PATIENCE)
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
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a reset loses what is not sent yet
            if self._tls is not None:
                try:
                    sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                except OSError:  # the client has gone already
                    sock.close()
                    continue
            script = self._scripts[min(len(self.connections), len(self._scripts) - 1)]
            connection = Connection(sock, self.requests)
            self.connections.append(connection)
            self._start(self._follow, script, connection)

    def _follow(self, script: Script, connection: Connection) -> None:
        try:
            connection.shake_hands()
            script(connection)
        except PeerGoneError:
            pass
        except Exception as exc:  # noqa: BLE001 - raised where the test can see it
            self._failures.append(exc)
        finally:
            connection.close()


@contextlib.contextmanager
def full_backlog_port(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose queue of connections is full, so that no further one is ever answered."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port on which no socket listens, until this process ends: it stays taken, so no other server gets it."""
    sock = socket.socket()
    atexit.register(sock.close)
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


# Answers by path


Answer = Callable[[Connection], object]


def say(status: int = 200, body: Any = None, **headers: str) -> Answer:
    """An answer in one piece; a body that is not bytes is sent as JSON."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda connection: connection.send(whole(content, status, None, **headers))


def cut(body: bytes, length: int = 1000) -> Answer:
    """An answer that promises ``length`` bytes, sends ``body`` and closes."""

    def answer(connection: Connection) -> None:
        connection.send(head(200, None, content_length=length) + body)
        connection.close()

    return answer


def chunks(*parts: bytes, gate: threading.Event | None = None) -> Answer:
    """A chunked answer; ``gate`` holds everything after the first part back."""

    def answer(connection: Connection) -> None:
        connection.send(head(200, None, transfer_encoding="chunked"))
        for number, part in enumerate(parts):
            if number and gate is not None:
                connection.wait(gate)
            connection.send(chunk(part))
        connection.send(END)

    return answer


class Routes:
    """The script that answers each request by its path, with 404 where there is no answer.

    Args:
        answers: By path, each an answer or a list of them; the last one of a list is given for ever.

    Attributes:
        most_under_way: The largest number of requests that were being answered at once.
    """

    def __init__(self, answers: Mapping[str, Answer | list[Answer]]) -> None:
        self._answers = answers
        self._under_way = self.most_under_way = 0
        self._lock = threading.Lock()

    def __call__(self, connection: Connection) -> None:
        while True:
            request = connection.request()
            with self._lock:
                self._under_way += 1
                self.most_under_way = max(self.most_under_way, self._under_way)
                answer = self._answers.get(request.path, say(404))
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
            try:
                answer(connection)
            finally:
                with self._lock:
                    self._under_way -= 1


def serving(answers: Mapping[str, Answer | list[Answer]]) -> Loopback:
    """A server that answers by path."""
    return Loopback(Routes(answers))
