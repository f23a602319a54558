"""A clock that tests set."""

from __future__ import annotations

import math
import time
from typing import Any

import anyio.lowlevel

from .loopback import PATIENCE

_MOMENT = 0.1


class HandClock:
    """Stands still until a test sets it, a policy sleeps on it, or :meth:`run` starts it.

    Attributes:
        now: What it shows, in seconds; a test may set it while it stands still.
        slept: The seconds of every sleep on it.
        asked: How often it was looked at.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self.asked = 0
        self._started: float | None = None

    def monotonic(self) -> float:
        self.asked += 1
        return self.now if self._started is None else self.now + time.monotonic() - self._started

    def run(self) -> None:
        """Go as the machine's clock does from now on: what a test waited for has happened, and a limit may pass."""
        self._started = time.monotonic()

    def run_to(self, end: float) -> None:
        """Jump to a moment before ``end``, and go on from there."""
        self.now = end - _MOMENT
        self.run()

    def until_asked(self, times: int = 40) -> None:
        """Wait until it was looked at so often more, as a reader does again and again that has nothing left to read."""
        enough, until = self.asked + times, time.monotonic() + PATIENCE
        while self.asked < enough and time.monotonic() < until:
            time.sleep(0.001)

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
