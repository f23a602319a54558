"""Starts and stops a server, by methods or as a context manager, sync and async."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from ollama_sdk.testing._server.server import Server

__all__ = ["Running"]


class Running:
    """The base of servers that run in their own thread."""

    _server: Server

    @property
    def url(self) -> str:
        """The address it listens on, as in ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: It was given no port and has not started yet.
        """
        return self._server.url

    def start(self) -> None:
        """Start the server, if a ``with`` block does not fit.

        Raises:
            OSError: The address cannot be bound.
        """
        self._server.start()

    def stop(self) -> None:
        """Stop the server if it runs; :meth:`start` listens on the same port again."""
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__} {self.url}>"
        except RuntimeError:
            return f"<{type(self).__name__}, not started>"
