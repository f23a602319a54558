"""What time it is and how to wait: the one seam through which every deadline, back-off and window passes."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["SYSTEM_CLOCK", "Clock", "SystemClock"]


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


class SystemClock:
    """The machine's monotonic clock."""

    __slots__ = ()

    monotonic = staticmethod(time.monotonic)  # called several times an item: without a frame of its own

    def sleep(self, seconds: float) -> None:
        """Block the calling thread for ``seconds``."""
        time.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Suspend the calling task for ``seconds``."""
        await anyio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
