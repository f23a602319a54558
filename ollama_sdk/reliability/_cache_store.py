"""Stores replies by key, bounded in age, number and bytes. Not locked; it does no I/O."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import httpx
from attrs import define
from cachetools import TLRUCache

if TYPE_CHECKING:
    from ollama_sdk._concurrency.clock import Clock

    from .cache import Cache

__all__ = ["Store", "StoredReply"]


@define(eq=False)
class StoredReply:
    """A reply as it was sent, from which any number of responses can be made.

    Attributes:
        status: The HTTP status.
        headers: Names and values.
        body: The body, compressed if it was sent so.
        at: When it arrived, in seconds on the monotonic clock.
        was_decoded: Whether a caller has decoded it. If a later caller cannot, that is due to limits of its own.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    at: float
    was_decoded: bool = False

    def size(self) -> int:
        """Bytes of headers and body."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers)

    def response(self) -> httpx.Response:
        """A new response for one caller."""
        return httpx.Response(self.status, headers=self.headers, stream=httpx.ByteStream(self.body))


class Store:
    """Replies by key; the least recently used are dropped first."""

    def __init__(self, config: Cache, clock: Clock) -> None:
        self._clock = clock
        self._max_entries = config.max_entries
        self._replies = _empty(config, clock)

    def reconfigure(self, config: Cache) -> None:
        """Continue under ``config`` with the replies that still fit and are not too old."""
        former = self._replies
        self._max_entries = config.max_entries
        self._replies = _empty(config, self._clock)
        with contextlib.suppress(KeyError):  # raised when ``former`` is empty
            while True:
                self.put(*former.popitem())  # the least recently used first

    def get(self, key: bytes) -> StoredReply | None:
        """The reply stored under ``key``, if it is not too old."""
        return self._replies.get(key)

    def put(self, key: bytes, reply: StoredReply) -> None:
        """Store ``reply``, unless it alone is larger than the store."""
        with contextlib.suppress(ValueError):
            self._replies[key] = reply
        while len(self._replies) > self._max_entries:
            self._replies.popitem()

    def discard(self, key: bytes, reply: StoredReply) -> None:
        """Remove ``reply``; another reply under the same key stays."""
        if self._replies.get(key) is reply:
            self._replies.pop(key, None)  # it may have become too old meanwhile

    def sizes(self) -> tuple[int, int]:
        """How many replies are stored, and their bytes."""
        return len(self._replies), int(self._replies.currsize)


def _empty(config: Cache, clock: Clock) -> TLRUCache[bytes, StoredReply]:
    return TLRUCache(
        maxsize=config.max_bytes,
        ttu=lambda _key, reply, _now: reply.at + config.ttl,
        timer=clock.monotonic,
        getsizeof=StoredReply.size,
    )
