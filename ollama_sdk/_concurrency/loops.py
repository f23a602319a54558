"""Reaches the event loop of an async stream from where nothing can be awaited: other threads, and finalizers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["Loop", "current_loop"]


class Loop(Protocol):
    """An event loop, from any thread. Once it has ended, nothing happens any more: its connections are gone."""

    def call(self, function: Callable[[], Any]) -> None:
        """Call ``function`` on the loop, soon."""
        ...

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        """Run ``function`` as a task of its own, soon; nobody hears of its errors."""
        ...


def current_loop() -> Loop:
    """The loop that is running now."""
    trio: Any = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return _Trio(trio)
    import asyncio  # noqa: PLC0415 - sync clients start without it

    return _Asyncio(asyncio.get_running_loop())


async def _quietly(function: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(Exception):
        await function()


class _Asyncio:
    __slots__ = ("_loop", "_tasks")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()  # a loop itself keeps only weak references to its tasks

    def call(self, function: Callable[[], Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function)

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        def start() -> None:
            task = self._loop.create_task(_quietly(function))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self.call(start)


class _Trio:
    __slots__ = ("_token", "_trio")

    def __init__(self, trio: Any) -> None:
        self._trio = trio
        self._token = trio.lowlevel.current_trio_token()

    def call(self, function: Callable[[], Any]) -> None:
        with contextlib.suppress(self._trio.RunFinishedError):
            self._token.run_sync_soon(function)

    def spawn(self, function: Callable[[], Awaitable[None]]) -> None:
        def start() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is ending, and takes no new tasks
                self._trio.lowlevel.spawn_system_task(_quietly, function)

        self.call(start)
