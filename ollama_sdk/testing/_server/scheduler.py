"""Schedules the models in memory: loading and unloading, the requests at once, and the waiting requests.

A runner is a model in memory. Names with the same weights share one runner, which has the name that loaded it. A request holds a
permit of its model's runner while it is answered; if ``num_parallel`` permits are taken, it waits in the runner's queue. A released
permit goes to the oldest waiter, so the count of running requests never drops while requests wait, and a later request cannot
overtake. All state belongs to the server's event loop; there are no locks. A waiter whose client disconnects is cancelled: it
leaves the queue, or hands its permit to the next waiter if it has one already.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import define, field

from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ollama_sdk.testing.models import EmulatedModel
    from ollama_sdk.testing.script import Speed

__all__ = ["Scheduler"]

_DEFAULT_KEEP_ALIVE = 300.0  # seconds


@define
class _Runner:
    model: EmulatedModel
    expires_at: float
    context: int
    running: int = 0
    waiting: list[asyncio.Future[None]] = field(factory=list["asyncio.Future[None]"])


class Scheduler:
    """The models in memory.

    Args:
        max_queue: How many requests may wait; further ones are refused with 503.
        num_parallel: How many requests a model serves at once; ``None`` for no limit.
    """

    def __init__(self, *, max_queue: int = 512, num_parallel: int | None = None) -> None:
        self.max_queue = max_queue
        self.num_parallel = num_parallel
        self._runners: dict[str, _Runner] = {}

    def loaded(self) -> list[tuple[EmulatedModel, float, int]]:
        """Return the models in memory, each with its expiry (seconds since the epoch) and its context length."""
        now = time.time()
        # Copies, because the server's thread may add runners while a test reads.
        for key, runner in list(self._runners.items()):
            if not runner.running and runner.expires_at <= now:
                self._runners.pop(key, None)
        return [(runner.model, runner.expires_at, runner.context) for runner in list(self._runners.values())]

    def unload(self, model: EmulatedModel) -> None:
        """Remove a model from memory."""
        self._runners.pop(_weights(model), None)

    def clear(self) -> None:
        """Remove every model from memory."""
        self._runners.clear()

    @asynccontextmanager
    async def permit(
        self, model: EmulatedModel, speed: Speed, *, keep_alive: float | None = None, context: int | None = None
    ) -> AsyncGenerator[float]:
        """Hold a permit of a model, which is loaded first if it is not in memory.

        Args:
            model: The model.
            speed: The speed of loading.
            keep_alive: Seconds that the model stays in memory afterwards; ``None`` for five minutes.
            context: The context length that ``/api/ps`` reports; ``None`` keeps the last.

        Yields:
            The seconds that loading took.

        Raises:
            StatusError: 503 if the queue is full, 500 if the model's runner dies.
        """
        if model.broken is not None:
            raise StatusError(500, f"llama-server process has terminated: {model.broken}")
        is_loaded = any(_weights(loaded) == _weights(model) for loaded, _, _ in self.loaded())
        runner = self._runner(model)
        await self._acquire(runner)
        try:
            load = 0.0 if is_loaded else speed.load
            await asyncio.sleep(load)
            runner.context = context or runner.context
            yield load
        finally:
            runner.expires_at = time.time() + (_DEFAULT_KEEP_ALIVE if keep_alive is None else keep_alive)
            self._release(runner)

    def _runner(self, model: EmulatedModel) -> _Runner:
        runner = self._runners.get(_weights(model))
        if runner is None:
            expires_at = time.time() + _DEFAULT_KEEP_ALIVE
            runner = self._runners[_weights(model)] = _Runner(model, expires_at, model.context_length)
        return runner

    async def _acquire(self, runner: _Runner) -> None:
        if self.num_parallel is None or runner.running < self.num_parallel:
            runner.running += 1
            return
        if sum(len(other.waiting) for other in list(self._runners.values())) >= self.max_queue:
            raise StatusError(503, "server busy, please try again.  maximum pending requests exceeded")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        runner.waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._release(runner)
            raise
        finally:
            if waiter in runner.waiting:
                runner.waiting.remove(waiter)

    def _release(self, runner: _Runner) -> None:
        runner.running -= 1
        while runner.waiting and (self.num_parallel is None or runner.running < self.num_parallel):
            waiter = runner.waiting.pop(0)
            if not waiter.done():  # cancelled, and its task has not noticed yet
                runner.running += 1
                waiter.set_result(None)
                return


def _weights(model: EmulatedModel) -> str:
    return model.layers[0].digest
