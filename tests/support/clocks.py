"""A clock that tests turn by hand."""

from __future__ import annotations

import math
import time
from typing import Any

import anyio.lowlevel

from .loopback import PATIENCE


class HandClock:
    """Stands still until a test sets it, a policy sleeps on it, or :meth:`run` starts it."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._started: float | None = None

    def monotonic(self) -> float:
        return self.now if self._started is None else self.now + time.monotonic() - self._started

    def run(self) -> None:
        """From now on go as the machine's clock does: what a test waited for has happened, and now a limit may pass."""
        if self._started is None:
            self._started = time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.sleep(seconds)

    def wait(self, signal: Any, seconds: float) -> None:
        if seconds == math.inf:
            signal.wait(PATIENCE)  # for another caller, which takes no time here
        elif not signal.wait(0):
            self.sleep(seconds)

    async def await_(self, signal: Any, seconds: float) -> None:
        if seconds == math.inf:
            await signal.wait(PATIENCE)
        elif not await signal.wait(0):
            await self.asleep(seconds)
