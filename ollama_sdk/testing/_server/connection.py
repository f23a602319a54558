"""Controls a connection below HTTP: resets it, closes it in the middle of an answer, writes raw bytes."""

from __future__ import annotations

import asyncio
import socket
import struct

__all__ = ["ServerConnection"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_FLUSH_CHECK = 0.001  # seconds


class ServerConnection:
    """One connection, below HTTP.

    Attributes:
        ended_by_server: Whether the server closed it; the client then did not hang up.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._socket: socket.socket | None = transport.get_extra_info("socket")  # a closed transport of TLS has none
        self.ended_by_server: bool = False

    @property
    def is_closing(self) -> bool:
        """Whether either side has closed the connection."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write raw bytes."""
        self._transport.write(data)

    async def cut(self) -> None:
        """Close the connection as a dying process does: properly for TCP, in the middle of an answer for HTTP."""
        self.ended_by_server = True
        await self._flush()
        self._transport.close()

    async def reset(self) -> None:
        """Reset the connection after sending what has been written."""
        self.ended_by_server = True
        await self._flush()
        self.reset_now()

    def reset_now(self) -> None:
        """Reset the connection without sending what has been written."""
        self.ended_by_server = True
        if self._socket is not None and self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    async def _flush(self) -> None:
        # asyncio reports an empty write buffer only to the transport's protocol, which is uvicorn's.
        while not self._transport.is_closing() and self._transport.get_write_buffer_size():  # noqa: ASYNC110
            await asyncio.sleep(_FLUSH_CHECK)
