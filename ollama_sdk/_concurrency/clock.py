"""The time, and waiting: the one seam through which every deadline, back-off and window passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import anyio

if TYPE_CHECKING:
    from .events import TaskEvent, ThreadEvent

__all__ = ["AGES", "SYSTEM_CLOCK", "Clock", "SystemClock"]


class Clock(Protocol):
    """A monotonic clock that can also wait, so that tests can turn time by hand.

    Times are seconds from an arbitrary origin; only differences mean something.
    """

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for ``seconds``."""
        ...

    async def asleep(self, seconds: float) -> None:
        """Suspend the calling task for ``seconds``; works on asyncio and trio."""
        ...

    def wait(self, event: ThreadEvent, seconds: float) -> None:
        """Block the calling thread until ``event`` is set, for ``seconds`` at most, which may be infinite."""
        ...

    async def await_(self, event: TaskEvent, seconds: float) -> None:
        """Suspend the calling task until ``event`` is set, for ``seconds`` at most, which may be infinite."""
        ...


# Longer than any wait, and short enough for every system, which refuse an infinite time: three years.
AGES = 1e8


class SystemClock:
    """The machine's monotonic clock."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)  # called several times an item: without a frame of its own

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for ``seconds``."""
        time.sleep(min(seconds, AGES))

    async def asleep(self, seconds: float) -> None:
        """Suspend the calling task for ``seconds``."""
        await anyio.sleep(seconds)

    def wait(self, event: ThreadEvent, seconds: float) -> None:
        """Block the calling thread until ``event`` is set, for ``seconds`` at most."""
        event.wait(seconds)

    async def await_(self, event: TaskEvent, seconds: float) -> None:
        """Suspend the calling task until ``event`` is set, for ``seconds`` at most."""
        await event.wait(seconds)


SYSTEM_CLOCK = SystemClock()
