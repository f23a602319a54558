"""Cancels calls at every await and at random moments, and checks that nothing stays behind: ``python -m tests.reliability.cancelled_calls``.

What a call holds are its connection, its permit, its place among the calls in flight and the request for which a server
generates. After each round of cancelled calls all of them must be back at zero, and the client must work.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sys
import time
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import trio
from attrs import define, field

from ollama_sdk import AsyncOllama, Cache, CircuitBreaker, Failover, RateLimit, Retry, Timeout
from ollama_sdk.testing import Emulator, Prompt, Speed
from tests.support.held import generating, held_by
from tests.support.loopback import PATIENCE

MANNERS = {
    "asyncio": ("at an await", "as an await ends", "at a moment", "timeout", "wait_for"),
    "trio": ("at an await", "at a moment"),
}
ALL_POLICIES: dict[str, Any] = {
    "rate_limit": RateLimit(concurrent=6),
    "cache": Cache(max_entries=2, streams=True),
    "retry": Retry(),
    "failover": Failover("least_busy"),
    "circuit_breaker": CircuitBreaker(),
}
_AT_ONCE = 10
_ROUND = 50  # calls between two looks at what is left
_AWAITS = 30  # more than a short call has
_LONGEST = 0.03  # seconds; an endless call that is left alone until then has done all that it will do
_LONG = 100.0  # for an answer without end


@define
class Cancelled:
    """What a run showed.

    Attributes:
        calls: How many calls were cancelled.
        whole: How many ended before that.
        slowest: The seconds after which all was back at zero, at most.
        left: What did not come back, and what went wrong.
    """

    calls: int = 0
    whole: int = 0
    slowest: float = 0.0
    left: list[str] = field(factory=list[str])


def _endless(prompt: Prompt) -> Iterator[str]:
    return (f"{prompt.model} " for _ in itertools.repeat(None))


@types.coroutine
def _watched(call: Coroutine[Any, Any, None], at: int, cancel: Callable[[Any], object]) -> Generator[Any, Any, None]:
    """Await ``call``, and give ``cancel`` what its await number ``at`` waits for."""
    resume: Callable[[Any], Any] = call.send
    value: Any = None
    for number in itertools.count(1):
        try:
            asked = resume(value)
        except StopIteration:
            return
        if number == at:
            cancel(asked)
        try:
            value, resume = (yield asked), call.send
        except BaseException as error:  # noqa: BLE001 - the call decides
            value, resume = error, call.throw


async def _call(client: AsyncOllama, number: int, *, stream: bool) -> None:
    model, prompt = ("short", "endless")[number % 2], str(number % 7)
    options = {"seed": 1, "temperature": 0}  # so that the cache takes part
    if not stream:
        await client.generate(model, prompt, options=options)
    elif number % 3:
        async with await client.generate(model, prompt, options=options, stream=True) as items:
            async for _ in items:
                pass
    else:
        async for _ in await client.generate(model, prompt, options=options, stream=True):
            pass


async def _cancelled_on_asyncio(manner: str, call: Coroutine[Any, Any, None], at: int) -> bool:
    """Whether the call was cancelled before it ended."""
    seconds = random.random() * _LONGEST
    if manner in {"timeout", "wait_for"}:
        try:
            if manner == "timeout":
                async with asyncio.timeout(seconds):
                    await call
            else:
                await asyncio.wait_for(call, seconds)
        except TimeoutError:
            return True
        return False

    def cancel(asked: Any) -> None:
        if manner == "as an await ends" and isinstance(asked, asyncio.Future):
            asked.add_done_callback(lambda _: task.cancel())  # before the task itself goes on
        else:
            task.cancel()

    async def watched() -> None:
        await _watched(call, 0 if manner == "at a moment" else at, cancel)

    task = asyncio.create_task(watched())
    timer = asyncio.get_running_loop().call_later(seconds if manner == "at a moment" else _LONGEST, task.cancel)
    await asyncio.wait([task])
    timer.cancel()
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def _cancelled_on_trio(manner: str, call: Coroutine[Any, Any, None], at: int) -> bool:
    """Whether the call was cancelled before it ended."""
    seconds = random.random() * _LONGEST if manner == "at a moment" else _LONGEST
    with trio.move_on_after(seconds) as scope:
        await _watched(call, 0 if manner == "at a moment" else at, lambda _: scope.cancel())
    return scope.cancelled_caught


async def _rounds(
    world: str, client: AsyncOllama, servers: list[Emulator], seen: Cancelled, wanted: int, *, stream: bool
) -> None:
    numbers = itertools.count()
    cancelled = _cancelled_on_trio if world == "trio" else _cancelled_on_asyncio

    async def calls(manner: str) -> None:
        for _ in range(_ROUND // _AT_ONCE):
            number = next(numbers)
            call = _call(client, number, stream=stream)
            if await cancelled(manner, call, number // 2 % _AWAITS + 1):
                seen.calls += 1
            else:
                seen.whole += 1
            call.close()  # its task may have been cancelled before it began

    for manner in itertools.cycle(MANNERS[world]):
        async with anyio.create_task_group() as tasks:
            for _ in range(_AT_ONCE):
                tasks.start_soon(calls, manner)
        begun = time.monotonic()
        while left := held_by(client) | generating(servers):
            if time.monotonic() - begun > PATIENCE:
                seen.left.append(f"{manner}: {left}")
                return
            await anyio.sleep(0.002)
        seen.slowest = max(seen.slowest, time.monotonic() - begun)
        with anyio.fail_after(PATIENCE):
            await _call(client, 0, stream=stream)
        if seen.calls >= wanted:
            return


def cancel_calls(world: str, *, wanted: int, stream: bool, policies: bool) -> Cancelled:
    """Cancel ``wanted`` calls, in every manner that ``world`` knows."""
    seen = Cancelled()
    speed = Speed(tokens_per_second=2000)
    with ExitStack() as started:
        servers = [started.enter_context(Emulator(num_parallel=5, speed=speed)) for _ in range(1 + policies)]
        for server in servers:
            server.models.add("short")
            server.models.add("endless", speed=Speed(time_to_first_token=_LONGEST / 4, tokens_per_second=1000))
            server.reply("a", "b", "c", to="short")
            server.reply(_endless, to="endless")

        async def main() -> None:
            options = ALL_POLICIES if policies else {}
            async with AsyncOllama(
                [server.url for server in servers], timeout=Timeout(connect=_LONG), **options
            ) as client:
                await _rounds(world, client, servers, seen, wanted, stream=stream)
            if world == "asyncio":
                seen.left += [f"left running: {task}" for task in asyncio.all_tasks() - {asyncio.current_task()}]

        anyio.run(main, backend=world)
        deadline = time.monotonic() + PATIENCE
        while open_still := sum(
            not each.is_closing for server in servers for each in list(server._server._connections)
        ):
            if time.monotonic() > deadline:
                seen.left.append(f"{open_still} connections at the server after the client was closed")
                break
            time.sleep(0.005)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description="Cancel calls in every manner, and look for what stays behind.")
    parser.add_argument("calls", type=int, nargs="?", default=10_000, help="how many in all (default: 10000)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    asked = parser.parse_args()
    print(f"{asked.calls} cancelled calls, --seed {asked.seed}", flush=True)
    random.seed(asked.seed)
    kinds = list(itertools.product(MANNERS, (False, True), (False, True)))
    failed = False
    for world, stream, policies in kinds:
        begun = time.monotonic()
        seen = cancel_calls(world, wanted=-(-asked.calls // len(kinds)), stream=stream, policies=policies)
        late = seen.slowest > 1
        failed = failed or late or bool(seen.left)
        print(
            f"{world}, {'streamed' if stream else 'in one piece'}, {'all policies' if policies else 'no policy'}: "
            f"{seen.calls} cancelled, {seen.whole} whole, all back at zero within {seen.slowest:.3f} s"
            f"{' (late)' if late else ''}, {time.monotonic() - begun:.0f} s",
            *seen.left,
            sep="\n  ",
            flush=True,
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
