"""Wakes a waiting thread or task from anywhere, the garbage collector included."""

from __future__ import annotations

import threading
from typing import Any, Protocol, TypeVar

import anyio
import anyio.lowlevel

__all__ = ["AnySignal", "AsyncSignal", "Signal", "SignalT"]


class AnySignal(Protocol):
    """What wakes a waiting thread or task."""

    def set(self) -> None:
        """Wake it, now or as soon as it waits."""


SignalT = TypeVar("SignalT", bound=AnySignal)


class Signal:
    """One wake-up of one thread."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Wake the thread, now or as soon as it waits."""
        self._event.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without end; whether the signal came."""
        return self._event.wait(seconds)


class AsyncSignal:
    """One wake-up of one task, which may come from another thread: the garbage collector runs in any of them."""

    __slots__ = ("_event", "_loop", "_thread")

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._thread = threading.get_ident()
        self._loop: Any = anyio.lowlevel.current_token().native_token

    def set(self) -> None:
        """Wake the task, now or as soon as it waits."""
        if threading.get_ident() == self._thread:
            self._event.set()
            return
        soon = getattr(self._loop, "call_soon_threadsafe", None) or self._loop.run_sync_soon
        soon(self._event.set)

    async def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without end; whether the signal came."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        return self._event.is_set()
