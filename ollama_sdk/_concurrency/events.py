"""Wakes waiting threads from anywhere, their own signal handlers and the garbage collector included."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

__all__ = ["Signal"]


class Signal:
    """Wakes the threads that wait for it.

    A queue, because that can also be filled by a signal handler or the garbage collector in the very thread that waits.
    """

    __slots__ = ("_queue",)

    is_lost = False

    def __init__(self) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> bool:
        """Wake them, now or as soon as they wait."""
        self._queue.put(None)
        return True

    def clear(self) -> None:
        """Be ready for another wake-up."""
        while not self._queue.empty():
            self._queue.get()

    def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without end; whether the signal came."""
        timeout = None if seconds is None else min(seconds, threading.TIMEOUT_MAX)
        try:
            self._queue.put(self._queue.get(timeout=timeout))  # for the next one who waits
        except Empty:
            return False
        return True
