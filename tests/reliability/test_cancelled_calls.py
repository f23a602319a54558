"""Cancelled calls leave no connection, permit, count or generating request; ``cancelled_calls`` says how they are cancelled."""

from __future__ import annotations

import asyncio
import random

import pytest

from ollama_sdk.testing._server.scheduler import Scheduler
from ollama_sdk.testing.models import Models
from ollama_sdk.testing.script import Speed
from tests.reliability.cancelled_calls import MANNERS, cancel_calls


@pytest.mark.parametrize("world", MANNERS)
@pytest.mark.parametrize("stream", [False, True], ids=["in one piece", "streamed"])
@pytest.mark.parametrize("policies", [False, True], ids=["no policy", "all policies"])
def test_cancelled_calls_leave_nothing_behind(world: str, stream: bool, policies: bool) -> None:
    random.seed(2026)
    seen = cancel_calls(world, wanted=60 * len(MANNERS[world]), stream=stream, policies=policies)
    assert seen.left == []
    assert seen.calls >= 60 * len(MANNERS[world])


def test_a_permit_of_a_model_skips_callers_that_have_just_left() -> None:
    async def main() -> None:
        scheduler, model = Scheduler(num_parallel=1), Models().add("m")
        entered: list[str] = []

        async def generate(name: str, until: asyncio.Event) -> None:
            async with scheduler.permit(model, Speed()):
                entered.append(name)
                await until.wait()

        events = [asyncio.Event() for _ in range(3)]
        tasks = [asyncio.create_task(generate(str(number), event)) for number, event in enumerate(events)]
        for _ in range(3):  # the first holds the permit, the others wait
            await asyncio.sleep(0)
        events[0].set()
        tasks[1].cancel()  # before it knows, the first hands its permit on
        events[2].set()
        await asyncio.wait(tasks)
        assert entered == ["0", "2"]
        assert [task.exception() for task in tasks if not task.cancelled()] == [None, None]

    asyncio.run(asyncio.wait_for(main(), 60))
