"""The server's thread: a listening socket, an event loop, and uvicorn's protocol between them and the application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ollama_sdk.testing._server.interference import Exchange
from ollama_sdk.testing._server.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ollama_sdk.testing.fault_rules import Faults
    from ollama_sdk.testing.requests import RecordedRequest, Requests

__all__ = ["Server"]

T = TypeVar("T")

_BACKLOG = 2048
_IDLE_SECONDS = 3600


class Server:
    """An application on a socket of its own; every method may be called from any thread but the server's."""

    def __init__(self, app: ASGIApp, requests: Requests, faults: Faults, *, host: str, port: int) -> None:
        self._app = app
        self._requests = requests
        self._faults = faults
        self._address = (host, port)
        self._thread: threading.Thread | None = None
        self._state = ServerState()
        self._wires: WeakSet[Wire] = WeakSet()
        self._config = Config(
            self._receive_request,
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        self._config.load()

    @property
    def url(self) -> str:
        """Where it listens.

        Raises:
            RuntimeError: It is to listen on any free port, and has not started yet.
        """
        host, port = self._address
        if not port:
            raise RuntimeError("the emulator has no port yet: use it in a with block, or call start() first")
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Listen, and answer from a thread of its own."""
        self._socket = self._bound()
        self._address = self._socket.getsockname()[:2]
        self._socket.listen(_BACKLOG)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ollama-emulator", daemon=True)
        self._thread.start()
        self._do(self._open())

    def stop(self) -> None:
        """Stop listening, end what is open, end the thread."""
        if self._thread is None:
            return
        self._do(self._close())
        self._socket.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None

    def down(self) -> None:
        """Reset every connection and refuse new ones; the port stays reserved."""
        if not self._listener.is_serving():
            return
        self._do(self._close())
        self._socket = self._bound()

    def up(self) -> None:
        """Listen again."""
        if self._listener.is_serving():
            return
        self._socket.listen(_BACKLOG)
        self._do(self._open())

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        # With the protocol named, asyncio switches the delay of small writes off.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(self._address)
        except OSError:
            bound.close()
            raise
        return bound

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _open(self) -> None:
        self._tell_time()
        self._listener = await self._loop.create_server(self._protocol, sock=self._socket, backlog=_BACKLOG)

    async def _close(self) -> None:
        self._clock.cancel()
        # A connection that is being accepted now needs three turns of the loop to be one; closing the listener before that
        # would leave it open and unanswered for ever.
        self._loop.remove_reader(self._socket.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        self._listener.close()
        for wire in list(self._wires):
            wire.reset_now()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks)

    def _tell_time(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        self._clock = self._loop.call_later(1, self._tell_time)

    def _protocol(self) -> HttpToolsProtocol:
        return _Connection(self._connected, self._config, self._state)

    def _connected(self, wire: Wire) -> None:
        self._wires.add(wire)
        if self._faults.for_connection():
            wire.reset_now()

    async def _receive_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = self._requests.record(scope["method"], scope["path"], scope["query_string"].decode(), headers)
        body = await _body(receive)
        if body is None:
            request.hang_up()
            return
        request.body = body
        wire: Wire = scope["state"]["wire"]
        exchange = Exchange(self._app, scope, _replay(body), _recorded(send, request, wire), wire, request)
        answering = asyncio.ensure_future(self._answer(exchange))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and request.finished_at is None and not wire.ended:
                request.hang_up()
            if leaving.done() and request.finished_at is None:
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
            if wire.ended:
                # Uvicorn must have noticed before this returns, or it takes the broken answer for a mistake.
                await leaving
        finally:
            leaving.cancel()
            if not request.hung_up:
                request.finish()

    async def _answer(self, exchange: Exchange) -> None:
        fault = self._faults.for_request(exchange.request)
        await (fault.act(exchange) if fault else exchange.answered())


class _Connection(HttpToolsProtocol):
    """Uvicorn's protocol, which also hands out what is below it."""

    def __init__(self, connected: Callable[[Wire], None], config: Config, state: ServerState) -> None:
        super().__init__(config, state, app_state={})
        self._connected = connected

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        wire = self.app_state["wire"] = Wire(transport)
        self._connected(wire)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; ``None`` when the client left before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _recorded(send: Send, request: RecordedRequest, wire: Wire) -> Send:
    async def recorded(message: Message) -> None:
        if wire.is_closing:
            # Nobody listens any more; the task is cancelled as soon as the loop has noticed.
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            request.status = message["status"]
        elif message.get("body"):
            request.items += 1
        is_last = message["type"] == "http.response.body" and not message.get("more_body")
        if is_last:
            request.finish()
        await send(message)

    return recorded
