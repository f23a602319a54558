"""Reaches an event loop from where nothing can be awaited: other threads, signal handlers and finalizers."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from ollama_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio

__all__ = ["ON_LOOP", "EventLoop", "NotOnLoopError", "current_loop", "leave_loop"]


class EventLoop(Protocol):
    """An event loop of asyncio or trio; any thread may use it."""

    def is_current(self) -> bool:
        """Whether the calling code runs on this loop."""
        ...

    def is_closed(self) -> bool:
        """Whether the loop has ended without letting its tasks run to their end; trio always does let them."""
        ...

    def call(self, function: Callable[[], object]) -> bool:
        """Call ``function`` on the loop, soon. Returns ``False``, and does nothing, if the loop has ended."""
        ...

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        """Run ``function`` as a task of its own, soon, and ignore its errors. Does nothing if the loop has ended."""
        ...


def current_loop() -> EventLoop:
    """The loop that the calling code runs on.

    Raises:
        ConfigurationError: It is the loop of the process that this one was forked from.
        RuntimeError: None is running.
    """
    try:
        loop = _native_loop()
    except RuntimeError:  # asyncio says so in a child that goes on inside its parent's loop
        if _FORKED.value:
            raise _inherited() from None
        raise
    if loop is _FORKED.trio_token:
        raise _inherited()
    return _AsyncioLoop(loop) if hasattr(loop, "call_soon_threadsafe") else _TrioLoop(loop)


def _native_loop() -> Any:
    """The token of the running trio loop, else the running asyncio loop."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()
    import asyncio  # sync clients start without it

    return asyncio.get_running_loop()


class _Forked:
    """Whether this process is a forked child, and the parent's trio loop in which that happened."""

    value = False
    trio_token: Any = None


_FORKED = _Forked()


def _note_fork() -> None:
    _FORKED.value = True
    trio: Any = sys.modules.get("trio")
    _FORKED.trio_token = None
    if trio is not None and trio.lowlevel.in_trio_run():
        _FORKED.trio_token = trio.lowlevel.current_trio_token()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def _inherited() -> ConfigurationError:
    """The loop is a copy: trio's would take events from the parent, and asyncio's does not run here."""
    return ConfigurationError(
        "this process was forked inside an event loop of its parent, which cannot be used here: start a loop of its own in a new "
        "thread (asyncio.run, trio.run) and call the client there, or fork before the loop starts"
    )


async def _quietly(function: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(Exception):
        await function()


_spawned: set[asyncio.Task[None]] = set()  # a loop itself keeps only weak references to its tasks


class _AsyncioLoop:
    __slots__ = ("_loop",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def is_current(self) -> bool:
        return _native_loop() is self._loop

    def is_closed(self) -> bool:
        return self._loop.is_closed()

    def call(self, function: Callable[[], object]) -> bool:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        def start() -> None:
            task = self._loop.create_task(_quietly(function))
            _spawned.add(task)
            task.add_done_callback(_spawned.discard)

        self.call(start)


class _TrioLoop:
    __slots__ = ("_token",)

    def __init__(self, token: Any) -> None:
        self._token = token

    def is_current(self) -> bool:
        return _native_loop() is self._token

    def is_closed(self) -> bool:
        return False

    def call(self, function: Callable[[], object]) -> bool:
        try:
            self._token.run_sync_soon(function)
        except RuntimeError:  # trio.RunFinishedError is one
            return False
        return True

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        def start() -> None:
            import trio.lowlevel  # it runs, so it is loaded

            with contextlib.suppress(RuntimeError):  # the loop is ending, and takes no new tasks
                trio.lowlevel.spawn_system_task(_quietly, function)

        self.call(start)


# Work that may block


class NotOnLoopError(Exception):
    """Something that may block was met on an event loop: the same work is to be done again, in a thread."""


class _OnLoop(threading.local):
    """Whether this thread runs an event loop that must not be blocked."""

    value = False


ON_LOOP = _OnLoop()


def leave_loop() -> None:
    """Go on only where blocking does no harm; call this before anything is read or used up.

    Raises:
        NotOnLoopError: This is an event loop.
    """
    if ON_LOOP.value:
        raise NotOnLoopError
