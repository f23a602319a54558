"""Stores replies by key, bounded in age, number and bytes. It is not thread-safe, and does no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
from attrs import define

if TYPE_CHECKING:
    from ollama_sdk._concurrency.clock import Clock

    from .cache import Cache

__all__ = ["Store", "StoredReply"]


@define(eq=False)
class StoredReply:
    """A reply as the server sent it, from which any number of responses can be made.

    Attributes:
        status: The HTTP status.
        headers: Names and values.
        body: The body, compressed if it was sent compressed.
        at: When it arrived, in seconds on the monotonic clock.
        was_decoded: Whether a caller has decoded it. If a later caller fails to, its own limits are the cause.
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
    """Replies by key; those that are too old are dropped first, then the least recently used.

    An asynchronous exception (Ctrl-C) may interrupt a change between any two byte codes. An interrupted change may lose a reply,
    but never breaks the store: ``_is_counted`` is false during each change, so that the next one sums up the bytes again.
    """

    # A full store looks through all replies for old ones at most every ``_SCAN_SHARE * ttl`` seconds.
    _SCAN_SHARE = 0.1

    def __init__(self, config: Cache, clock: Clock) -> None:
        self._clock = clock
        self._config = config
        self._replies: dict[bytes, StoredReply] = {}  # the least recently used first
        self._bytes = 0
        self._is_counted = True
        self._scan_at = 0.0

    def reconfigure(self, config: Cache) -> None:
        """Continue under ``config`` with the replies that still fit and are not too old."""
        self._config = config
        self._scan_at = 0.0
        self._trim()

    def get(self, key: bytes) -> StoredReply | None:
        """The reply stored under ``key``, if it is not too old."""
        reply = self._replies.get(key)
        if reply is None:
            return None
        if self._is_old(reply):
            self._remove(key)
            return None
        was_counted, self._is_counted = self._is_counted, False
        self._replies.pop(key, None)
        self._replies[key] = reply
        self._is_counted = was_counted
        return reply

    def put(self, key: bytes, reply: StoredReply) -> None:
        """Store ``reply``, unless it alone is larger than the store."""
        size = reply.size()
        if size > self._config.max_bytes or self._is_old(reply):
            return
        self._remove(key)
        was_counted, self._is_counted = self._is_counted, False
        self._replies[key] = reply
        self._bytes += size
        self._is_counted = was_counted
        self._trim()

    def discard(self, key: bytes, reply: StoredReply) -> None:
        """Remove ``reply``; another reply under the same key stays."""
        if self._replies.get(key) is reply:
            self._remove(key)

    def sizes(self) -> tuple[int, int]:
        """How many replies are stored, and their bytes."""
        self._drop_old()
        return len(self._replies), self._bytes

    def _is_old(self, reply: StoredReply) -> bool:
        return self._clock.monotonic() >= reply.at + self._config.ttl

    def _trim(self) -> None:
        """Drop replies until the store is within its bounds."""
        if self._fits():
            return
        now = self._clock.monotonic()
        if now >= self._scan_at:
            self._scan_at = now + self._config.ttl * self._SCAN_SHARE
            self._drop_old()
        while not self._fits():
            self._remove(next(iter(self._replies)))

    def _fits(self) -> bool:
        if not self._is_counted:
            self._bytes = sum(reply.size() for reply in self._replies.values())
            self._is_counted = True
        return len(self._replies) <= self._config.max_entries and self._bytes <= self._config.max_bytes

    def _drop_old(self) -> None:
        for key in [key for key, reply in self._replies.items() if self._is_old(reply)]:
            self._remove(key)
        self._fits()

    def _remove(self, key: bytes) -> None:
        was_counted, self._is_counted = self._is_counted, False
        reply = self._replies.pop(key, None)
        if reply is not None:
            self._bytes -= reply.size()
        self._is_counted = was_counted
