"""Events that wake a waiting thread or task from anywhere: other threads, signal handlers, the garbage collector.

The classes of ``threading`` and ``anyio`` do not suffice. ``threading.Event`` takes a lock, so a signal handler or a finalizer
that sets it in the waiting thread would deadlock. ``anyio.Event`` may be set only on its own event loop, and a task may miss it if a
finalizer sets it in the middle of the task's ``wait()``. A :class:`ThreadEvent` uses a ``SimpleQueue``, which is reentrant. A
:class:`TaskEvent` asks its event loop to set the event of ``anyio`` between two steps of its tasks, which asyncio and trio allow from
anywhere; so it is set a moment later, even from the same thread.
"""

from __future__ import annotations

import contextlib
import threading
from queue import Empty, SimpleQueue
from typing import Protocol

import anyio

from .loops import EventLoop, current_loop

__all__ = ["TaskEvent", "ThreadEvent", "WakeUp"]


class WakeUp(Protocol):
    """Wakes the thread or task that waits for it."""

    @property
    def is_lost(self) -> bool:
        """Whether its event loop was closed, so that no task can wait for it."""
        ...

    def set(self) -> bool:
        """Wake the waiter, now or as soon as it waits. Returns whether it can still be woken."""
        ...

    def clear(self) -> None:
        """Reset the event. Check the awaited condition afterwards, because a wake-up before it is lost."""
        ...


class ThreadEvent:
    """An event that threads wait for.

    A thread that was woken refills the queue for the next waiting thread, even if Ctrl-C ends its own wait.
    """

    __slots__ = ("_is_set", "_queue")

    is_lost = False

    def __init__(self) -> None:
        self._is_set = False
        self._queue: SimpleQueue[None] = SimpleQueue()

    def set(self) -> bool:
        """Wake the threads that wait now or later. Always ``True``."""
        self._is_set = True
        self._queue.put(None)
        return True

    def clear(self) -> None:
        """Reset the event."""
        self._is_set = False
        with contextlib.suppress(Empty):
            while True:
                self._queue.get_nowait()

    def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without a limit. Returns whether the event is set."""
        timeout = None if seconds is None else min(seconds, threading.TIMEOUT_MAX)
        try:
            if not self._is_set:
                self._queue.get(timeout=timeout)
        except Empty:
            pass
        finally:
            if self._is_set:
                self._queue.put(None)
        return self._is_set


class TaskEvent:
    """An event that tasks of one event loop wait for, set from any thread.

    Args:
        loop: The loop; by default the current one.
    """

    __slots__ = ("_event", "_loop")

    def __init__(self, loop: EventLoop | None = None) -> None:
        self._event = anyio.Event()
        self._loop = loop or current_loop()

    @property
    def is_lost(self) -> bool:
        """Whether its event loop was closed, so that no task can wait for it."""
        return self._loop.is_closed()

    def set(self) -> bool:
        """Wake the tasks that wait now or later. Returns ``False`` if their event loop has ended."""
        return self._loop.call(self._event.set)

    def clear(self) -> None:
        """Reset the event."""
        self._event = anyio.Event()

    async def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without a limit. Returns whether the event is set."""
        event = self._event
        with anyio.move_on_after(seconds):
            await event.wait()
        return event.is_set()
