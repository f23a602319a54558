"""What time it is and how to wait: the one seam through which every deadline, back-off and window passes."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["AGES", "SYSTEM_CLOCK", "AsyncSignalLike", "Clock", "SignalLike", "SystemClock"]


class SignalLike(Protocol):
    """What a thread can wait for."""

    def wait(self, seconds: float | None) -> bool:
        """Wait at most ``seconds``, ``None`` without end; whether the signal came."""
        ...


class AsyncSignalLike(Protocol):
    """What a task can wait for."""

    async def wait(self, seconds: float | None) -> bool:
        """As :meth:`SignalLike.wait`."""
        ...


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

    def wait(self, signal: SignalLike, seconds: float) -> None:
        """Block the calling thread until ``signal`` comes, for ``seconds`` at most, which may be infinite."""
        ...

    async def await_(self, signal: AsyncSignalLike, seconds: float) -> None:
        """As :meth:`wait`, for the calling task."""
        ...


# As long as anybody waits, and short enough for every system, which refuse an infinite time: three years.
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

    def wait(self, signal: SignalLike, seconds: float) -> None:
        """Block the calling thread until ``signal`` comes, for ``seconds`` at most."""
        signal.wait(seconds)

    async def await_(self, signal: AsyncSignalLike, seconds: float) -> None:
        """Suspend the calling task until ``signal`` comes, for ``seconds`` at most."""
        await signal.wait(seconds)


SYSTEM_CLOCK = SystemClock()
