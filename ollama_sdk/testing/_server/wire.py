"""What only the socket can do: resetting a connection, leaving it half answered, or writing bytes that are not HTTP."""

from __future__ import annotations

import asyncio
import socket
import struct

__all__ = ["Wire"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_FLUSH_CHECK = 0.001


class Wire:
    """One connection, below HTTP.

    Attributes:
        ended: Whether this side ended it; the client then did not hang up.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.ended = False

    @property
    def is_closing(self) -> bool:
        """Whether either side has ended the connection."""
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._transport.write(data)

    async def cut(self) -> None:
        """End the connection as a dying process does: in order for TCP, in the middle for HTTP."""
        self.ended = True
        await self._flushed()
        self._transport.close()

    async def reset(self) -> None:
        """Reset the connection; what was written before still goes out first."""
        self.ended = True
        await self._flushed()
        self.reset_now()

    def reset_now(self) -> None:
        """Reset the connection without a moment's delay."""
        self.ended = True
        raw: socket.socket | None = self._transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    async def _flushed(self) -> None:
        # The transport tells only its protocol when the buffer is empty, and the protocol is uvicorn's.
        while self._transport.get_write_buffer_size() and not self._transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(_FLUSH_CHECK)
