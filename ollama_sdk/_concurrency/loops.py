"""Access to an event loop from code that cannot await: other threads, signal handlers and finalizers."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from ollama_sdk.errors import ConfigurationError

from .forks import Forks, register

if TYPE_CHECKING:
    import asyncio

__all__ = ["ON_LOOP", "EventLoop", "NotOnLoopError", "current_loop", "leave_loop"]


class EventLoop(Protocol):
    """An event loop of asyncio or trio; any thread may use it."""

    def is_current(self) -> bool:
        """Whether the calling code runs on this loop."""
        ...

    def is_closed(self) -> bool:
        """Whether the loop was closed while tasks may still have been waiting; never on trio, which ends its tasks first."""
        ...

    def call(self, function: Callable[[], object]) -> bool:
        """Call ``function`` on the loop, soon. Returns ``False``, and does nothing, if the loop has ended."""
        ...

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        """Run ``function`` as a new task, soon, and ignore its errors. Does nothing if the loop has ended."""
        ...


def current_loop() -> EventLoop:
    """The event loop of the calling code.

    Raises:
        ConfigurationError: It belongs to the parent of this forked process.
        RuntimeError: No event loop is running.
    """
    try:
        loop = _native_loop()
    except RuntimeError:  # asyncio raises this in a child that was forked inside its parent's loop
        if Forks.count:
            raise _inherited() from None
        raise
    if loop is _inherited_loop.trio_token:
        raise _inherited()
    return _AsyncioLoop(loop) if hasattr(loop, "call_soon_threadsafe") else _TrioLoop(loop)


def _native_loop() -> Any:
    """The token of the running trio loop, else the running asyncio loop."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()
    import asyncio  # sync clients start without it

    return asyncio.get_running_loop()


class _InheritedLoop:
    """The trio loop of the parent in which this process was forked, if it was."""

    trio_token: Any = None

    def restart_in_child(self) -> None:
        """Note the copied loop."""
        trio: Any = sys.modules.get("trio")
        self.trio_token = None
        if trio is not None and trio.lowlevel.in_trio_run():
            self.trio_token = trio.lowlevel.current_trio_token()


_inherited_loop = _InheritedLoop()
register(_inherited_loop)


def _inherited() -> ConfigurationError:
    """The error for a loop that was copied by a fork: trio's would take events from the parent, asyncio's does not run."""
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
            import trio.lowlevel  # loaded already, because trio runs

            with contextlib.suppress(RuntimeError):  # the loop is ending, and takes no new tasks
                trio.lowlevel.spawn_system_task(_quietly, function)

        self.call(start)


# Work that may block


class NotOnLoopError(Exception):
    """Raised on an event loop before work that may block: the caller repeats the work in a thread."""


class _OnLoop(threading.local):
    """Whether this thread runs an event loop that must not be blocked."""

    value = False


ON_LOOP = _OnLoop()


def leave_loop() -> None:
    """Check that this thread may block; call this before a file is read or an iterator is used up.

    Raises:
        NotOnLoopError: This is an event loop.
    """
    if ON_LOOP.value:
        raise NotOnLoopError
