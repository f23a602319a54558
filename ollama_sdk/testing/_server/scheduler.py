"""Who may use a model when: loading, unloading, how many at once, and how many may wait."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import define, field

from ollama_sdk.testing._server.http import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ollama_sdk.testing.models import Model
    from ollama_sdk.testing.script import Speed

__all__ = ["Scheduler"]

_KEEP_ALIVE = 300.0


@define
class _Runner:
    model: Model
    expires_at: float
    context: int
    busy: int = 0
    waiting: list[asyncio.Future[None]] = field(factory=list["asyncio.Future[None]"])


class Scheduler:
    """The models in memory.

    Args:
        max_queue: How many requests may wait before the next is refused with 503.
        num_parallel: How many requests a model serves at once; ``None`` for any number.
    """

    def __init__(self, *, max_queue: int = 512, num_parallel: int | None = None) -> None:
        self.max_queue = max_queue
        self.num_parallel = num_parallel
        self._runners: dict[str, _Runner] = {}

    def loaded(self) -> list[tuple[Model, float, int]]:
        """The models in memory, each with when it leaves (seconds since the epoch) and its context length."""
        now = time.time()
        kept = {key: runner for key, runner in self._runners.items() if runner.busy or runner.expires_at > now}
        self._runners = kept
        return [(runner.model, runner.expires_at, runner.context) for runner in kept.values()]

    def unload(self, model: Model) -> None:
        """Take a model out of memory."""
        self._runners.pop(model.name.key, None)

    def clear(self) -> None:
        """Take every model out of memory."""
        self._runners.clear()

    @asynccontextmanager
    async def turn(
        self, model: Model, speed: Speed, *, keep_alive: float | None = None, context: int | None = None
    ) -> AsyncGenerator[float]:
        """Hold one of the model's places, loading it first; gives the seconds that loading took.

        Raises:
            Refusal: 503 when the queue is full, 500 when the model's runner dies.
        """
        if model.broken is not None:
            raise Refusal(500, f"llama-server process has terminated: {model.broken}")
        is_loaded = any(loaded is model for loaded, _, _ in self.loaded())
        runner = self._runner(model)
        await self._enter(runner)
        try:
            load = 0.0 if is_loaded else speed.load
            await asyncio.sleep(load)
            runner.context = context or runner.context
            yield load
        finally:
            runner.busy -= 1
            runner.expires_at = time.time() + (_KEEP_ALIVE if keep_alive is None else keep_alive)
            self._next(runner)

    def _runner(self, model: Model) -> _Runner:
        runner = self._runners.get(model.name.key)
        if runner is None or runner.model is not model:
            runner = self._runners[model.name.key] = _Runner(model, time.time() + _KEEP_ALIVE, model.context_length)
        return runner

    async def _enter(self, runner: _Runner) -> None:
        if self.num_parallel is None or runner.busy < self.num_parallel:
            runner.busy += 1
            return
        if sum(len(other.waiting) for other in self._runners.values()) >= self.max_queue:
            raise Refusal(503, "server busy, please try again.  maximum pending requests exceeded")
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        runner.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                runner.busy -= 1
                self._next(runner)
            raise
        finally:
            if place in runner.waiting:
                runner.waiting.remove(place)

    def _next(self, runner: _Runner) -> None:
        if not runner.waiting or (self.num_parallel is not None and runner.busy >= self.num_parallel):
            return
        runner.busy += 1
        runner.waiting.pop(0).set_result(None)
