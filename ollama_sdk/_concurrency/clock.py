"""The clock: every deadline, back-off and window reads the time and waits through it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .events import TaskEvent, ThreadEvent

__all__ = ["AGES", "SYSTEM_CLOCK", "Clock", "SystemClock"]


class Clock(Protocol):
    """A monotonic clock that can also wait, so that tests can control the time.

    Times are seconds from an arbitrary origin; only differences are meaningful.
    """

    def monotonic(self) -> float:
        """The time in seconds; it never decreases."""
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


# Three years: longer than any wait, and short enough for every system; they refuse an infinite time.
AGES = 1e8


class SystemClock:
    """The machine's monotonic clock."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)  # without a frame of its own, because it is called several times per item

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for ``seconds``."""
        time.sleep(min(seconds, AGES))

    async def asleep(self, seconds: float) -> None:
        """Suspend the calling task for ``seconds``."""
        import anyio  # sync clients work without it

        await anyio.sleep(seconds)

    def wait(self, event: ThreadEvent, seconds: float) -> None:
        """Block the calling thread until ``event`` is set, for ``seconds`` at most."""
        event.wait(seconds)

    async def await_(self, event: TaskEvent, seconds: float) -> None:
        """Suspend the calling task until ``event`` is set, for ``seconds`` at most."""
        await event.wait(seconds)


SYSTEM_CLOCK = SystemClock()
