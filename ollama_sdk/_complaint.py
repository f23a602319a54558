"""The body of an error status: what has come of it is told, whatever becomes of the rest."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ._bodies import Passing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ._timeout import Deadlines

__all__ = ["Complaint"]

_PATIENCE = 5.0
_MOST_BYTES = 1 << 20


class Complaint(Passing):
    """A body that ends where it breaks off, takes too long or becomes too long: the status has said what matters.

    Args:
        inner: The body as it comes.
        deadlines: Those of the call, if it has any.
    """

    def __init__(self, inner: Any, deadlines: Deadlines | None) -> None:
        super().__init__(inner)
        self._room = _MOST_BYTES
        if deadlines is not None:
            deadlines.drain(min(_PATIENCE, deadlines.left()))

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.suppress(Exception):
            for chunk in self._inner:
                self._room -= len(chunk)
                yield chunk
                if self._room <= 0:
                    return

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._chunks = aiter(self._inner)
        return self

    async def __anext__(self) -> bytes:
        if self._room <= 0:
            raise StopAsyncIteration
        try:
            chunk: bytes = await anext(self._chunks)
        except Exception:  # noqa: BLE001 - whatever broke it off, the status is told
            self._room = 0
            raise StopAsyncIteration from None
        self._room -= len(chunk)
        return chunk
