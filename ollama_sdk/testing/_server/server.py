"""Runs an ASGI application in its own thread: a listening socket, an event loop, and uvicorn's protocol.

Threads: the methods of :class:`Server` run in the caller's thread; they submit coroutines to the event loop of the server's
thread and wait for them. Connections, their set and uvicorn's state belong to the event loop.
States: stopped, listening, down. ``start`` and ``stop`` create and end the thread; ``down`` and ``up`` only close and
reopen the listening socket, and while down a bound socket that does not listen reserves the port.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextvars import Context
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ollama_sdk.testing._server.connection import ServerConnection

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from starlette.types import ASGIApp

__all__ = ["Server"]

T = TypeVar("T")

_BACKLOG = 2048
_IDLE_SECONDS = 3600


class Server:
    """An ASGI application on a socket; every method may be called from any thread but the server's own.

    Args:
        app: The application; ``scope["state"]["connection"]`` is the :class:`ServerConnection` of a request.
        refuses_connection: Called for every new connection; returns whether to reset it at once.
        host: The address to listen on.
        port: The port; 0 for any free one.
        ssl_context: The certificate with which to serve ``https``.
    """

    def __init__(
        self,
        app: ASGIApp,
        refuses_connection: Callable[[], bool],
        *,
        host: str,
        port: int,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._refuses_connection = refuses_connection
        self._ssl_context = ssl_context
        self._address = (host, port)
        self._thread: threading.Thread | None = None
        self._state = ServerState()
        self._connections: WeakSet[ServerConnection] = WeakSet()
        self._config = Config(
            app,
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
        """The address it listens on.

        Raises:
            RuntimeError: It was given no port and has not started yet.
        """
        host, port = self._address
        if not port:
            raise RuntimeError("the emulator has no port yet: use it in a with block, or call start() first")
        scheme = "http" if self._ssl_context is None else "https"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def start(self) -> None:
        """Start the thread and listen.

        Raises:
            OSError: The address cannot be bound.
        """
        self._socket = self._bind()
        self._address = self._socket.getsockname()[:2]
        self._socket.listen(_BACKLOG)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ollama-emulator", daemon=True)
        self._thread.start()
        self._run_in_loop(self._open())

    def stop(self) -> None:
        """Close the socket and all connections, and end the thread; without effect if it is not running."""
        if self._thread is None:
            return
        self._run_in_loop(self._close())
        self._socket.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None

    def down(self) -> None:
        """Reset every connection and refuse new ones; the port stays reserved."""
        if not self._listener.is_serving():
            return
        self._run_in_loop(self._close())
        self._socket = self._bind()

    def up(self) -> None:
        """Listen again."""
        if self._listener.is_serving():
            return
        self._socket.listen(_BACKLOG)
        self._run_in_loop(self._open())

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        # asyncio sets TCP_NODELAY only on sockets whose protocol is named.
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

    def _run_in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        # In a new context: in the caller's one, libraries in the server's thread might detect trio.
        return Context().run(asyncio.run_coroutine_threadsafe, work, self._loop).result()

    async def _open(self) -> None:
        self._update_date()
        protocol = partial(_ServerProtocol, self._accept, self._config, self._state)
        self._listener = await self._loop.create_server(
            protocol, sock=self._socket, backlog=_BACKLOG, ssl=self._ssl_context
        )

    async def _close(self) -> None:
        self._date_timer.cancel()
        # A connection that has just been accepted needs three iterations of the event loop until it is in the set; if the
        # listener were closed before, it would stay open and unanswered.
        self._loop.remove_reader(self._socket.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
        self._listener.close()
        for connection in list(self._connections):
            connection.reset_now()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks)

    def _update_date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        self._date_timer = self._loop.call_later(1, self._update_date)

    def _accept(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        # With TLS, the listener may have been closed during the handshake.
        if not self._listener.is_serving() or self._refuses_connection():
            connection.reset_now()


class _ServerProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, extended by the :class:`ServerConnection` below it."""

    def __init__(self, accept: Callable[[ServerConnection], None], config: Config, state: ServerState) -> None:
        super().__init__(config, state, app_state={})
        self._accept = accept

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = self.app_state["connection"] = ServerConnection(transport)
        self._accept(connection)
