"""A body on its way to its reader, watched in passing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["Passing"]


class Passing(httpx.SyncByteStream, httpx.AsyncByteStream):
    """Hands a stream on, sync or async, and calls a method of its subclass at each turn.

    Args:
        inner: The stream, of the colour that its reader asks for.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._chunks: Any = None

    def passes(self, chunk: bytes) -> None:
        """A chunk is about to be handed on; what this raises counts as :meth:`breaks`."""

    def breaks(self, error: Exception) -> None:
        """The body broke off; ``error`` is raised next."""

    def ends(self) -> None:
        """The body has been read to its end."""

    def closes(self) -> None:
        """The stream has been closed, or its closing has failed."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self.passes(chunk)
                yield chunk
        except Exception as error:
            self.breaks(error)
            raise
        self.ends()

    # No generator: one that is left half-way is a warning on trio.
    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = aiter(self._inner)
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk: bytes = await anext(self._chunks)
            self.passes(chunk)
        except StopAsyncIteration:
            self.ends()
            raise
        except Exception as error:
            self.breaks(error)
            raise
        return chunk

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self.closes()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self.closes()
