"""Wakes a waiting thread or task from anywhere, the garbage collector included."""

from __future__ import annotations

import threading
from typing import Any, Protocol, TypeVar

import anyio
import anyio.lowlevel

from ollama_sdk._concurrency.events import Signal

__all__ = ["AnySignal", "AsyncSignal", "Signal", "SignalT"]


class AnySignal(Protocol):
    """What wakes a waiting thread or task."""

    @property
    def is_lost(self) -> bool:
        """Whether nobody can be woken any more."""
        ...

    def set(self) -> bool:
        """Wake it, now or as soon as it waits; whether it can still be woken."""
        ...

    def clear(self) -> None:
        """Be ready for another wake-up. Look at what you wait for afterwards, or one may be overlooked."""
        ...


SignalT = TypeVar("SignalT", bound=AnySignal)


class AsyncSignal:
    """Wakes one task, also from another thread: the garbage collector runs in any of them."""

    __slots__ = ("_event", "_loop", "_thread")

    def __init__(self) -> None:
        self._event = anyio.Event()
        self._thread = threading.get_ident()
        self._loop: Any = anyio.lowlevel.current_token().native_token

    @property
    def is_lost(self) -> bool:
        """Whether the task can never run again, since its event loop was closed; trio's ends only after all its tasks."""
        is_closed = getattr(self._loop, "is_closed", None)
        return is_closed is not None and is_closed()

    def set(self) -> bool:
        """Wake the task, now or as soon as it waits; whether its event loop is still there for that."""
        try:
            if threading.get_ident() == self._thread:
                self._event.set()
            else:
                soon = getattr(self._loop, "call_soon_threadsafe", None) or self._loop.run_sync_soon
                soon(self._event.set)
        except RuntimeError:
            return False
        return True

    def clear(self) -> None:
        """Be ready for another wake-up."""
        self._event = anyio.Event()

    async def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without end; whether the signal came."""
        event = self._event
        with anyio.move_on_after(seconds):
            await event.wait()
        return event.is_set()
