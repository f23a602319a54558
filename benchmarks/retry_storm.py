"""Simulates a retry storm: many clients against a server that loses half of its capacity for a minute.

Run ``python benchmarks/retry_storm.py``. Time is virtual: two minutes pass in seconds. The clients decide with the very classes that
:class:`ollama_sdk.reliability.RetryTransport` uses; the server is a queue of bounded length that answers 503 when it is full, as
Ollama does, and to which saying no costs a little, too. Whatever the policy, the same calls begin at the same moments.

What is judged is the scene in which each client calls often enough to learn from its own failures. In the second one it does not: a
budget belongs to one client and starts full, so many clients that each call rarely repeat as if they had none.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import math
import random
import sys
from collections import Counter, deque
from collections.abc import Callable

import httpx
from attrs import define, field, frozen

from ollama_sdk.reliability import Retry, RetryBudget
from ollama_sdk.reliability.retry import Retrying

LIMIT = 1.2  # requests per call
RARELY = 0.05  # calls a second of one client: three in the outage, and its full budget repeats most of them
OURS, SMALL = "ours: Retry()", "ours with a budget of 3 tokens"
GOOD, BUSY = httpx.Response(200), httpx.Response(503)

POLICIES: dict[str, Retry] = {
    "no retry": Retry(attempts=1, budget=None),
    "naive: 4 attempts, 0.1 s apart": Retry(attempts=4, initial=0.1, multiplier=1, jitter="none", budget=None),
    "back-off without budget": Retry(budget=None),
    OURS: Retry(),
    SMALL: Retry(budget=RetryBudget(tokens=3)),
}


@frozen(kw_only=True)
class Scene:
    """Sizes in calls and seconds; the server loses ``loss`` of its capacity from ``breaks_at`` to ``mends_at``.

    From ``settled_at`` on, a few seconds later, every call ought to succeed again.
    """

    clients: int = 1000
    calls_per_second: float = 0.5  # of one client
    spare: float = 1.2  # capacity over what the clients ask for
    loss: float = 0.5
    queue_seconds: float = 1.0  # length of the full queue, in time at full capacity
    refusal: float = 0.05  # work of saying no, against that of an answer
    breaks_at: float = 30.0
    mends_at: float = 90.0
    settled_at: float = 95.0
    ends_at: float = 120.0

    @property
    def capacity(self) -> float:
        return self.clients * self.calls_per_second * self.spare


class World:
    """Virtual time: what is due, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, _: float) -> None:
        raise AssertionError("nobody sleeps in virtual time")

    async def asleep(self, _: float) -> None:
        raise AssertionError("nobody sleeps in virtual time")

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), action))

    def run(self) -> None:
        while self._due:
            self.now, _, action = heapq.heappop(self._due)
            action()


class Server:
    """Works off one request after the other; refuses what its queue has no room for."""

    def __init__(self, world: World, scene: Scene) -> None:
        self._world = world
        self._scene = scene
        self._queue: deque[Callable[[httpx.Response], None]] = deque()
        self._refusals_owed = 0
        self._works = False

    def ask(self, answer: Callable[[httpx.Response], None]) -> None:
        if len(self._queue) >= self._scene.queue_seconds * self._scene.capacity:
            self._refusals_owed += 1
            answer(BUSY)
            return
        self._queue.append(answer)
        if not self._works:
            self._begin()

    def _begin(self) -> None:
        scene = self._scene
        broken = scene.breaks_at <= self._world.now < scene.mends_at
        work = 1 + self._refusals_owed * scene.refusal
        self._refusals_owed = 0
        self._works = True
        self._world.later(work / (scene.capacity * (1 - scene.loss if broken else 1)), self._end)

    def _end(self) -> None:
        self._queue.popleft()(GOOD)
        self._works = False
        if self._queue:
            self._begin()


@define
class Record:
    """What happened, by the second in which a call began."""

    calls: Counter[int] = field(factory=Counter)
    requests: Counter[int] = field(factory=Counter)
    good: Counter[int] = field(factory=Counter)
    arrivals: Counter[int] = field(factory=Counter)


class Client:
    """Calls at random moments, whether or not the former call has ended."""

    def __init__(self, world: World, server: Server, scene: Scene, *, policy: Retry, record: Record, seed: str) -> None:
        self._world, self._server, self._scene, self._record = world, server, scene, record
        # One for each, or what the policy draws would move the calls.
        self._calls, jitter = random.Random(f"{seed} calls"), random.Random(f"{seed} jitter")
        self._retrying = Retrying(policy, clock=world, draw=jitter.uniform)
        self._request = httpx.Request("GET", "http://server/")
        self._schedule()

    def _schedule(self) -> None:
        pause = self._calls.expovariate(self._scene.calls_per_second)
        if self._world.now + pause < self._scene.ends_at:
            self._world.later(pause, self._call)

    def _call(self) -> None:
        began = int(self._world.now)
        self._record.calls[began] += 1
        course = self._retrying.begin(self._request)

        def send() -> None:
            self._record.requests[began] += 1
            self._record.arrivals[int(self._world.now)] += 1
            self._server.ask(take)

        def take(response: httpx.Response) -> None:
            wait = course.wait_after(response)
            if wait is not None:
                self._world.later(wait, send)
            elif response is GOOD:
                self._record.good[began] += 1

        send()
        self._schedule()


@frozen
class Outcome:
    """One row of the table.

    Attributes:
        calls: How many began, by the second.
        requests_per_call: Over the whole time, of which the outage is half.
        requests_per_call_in_outage: Of the calls that began in it.
        peak_requests: The most that arrived in one second.
        success_in_outage: Share of the calls that began in it.
        success_after: Share of the calls that began when all ought to be well again.
        seconds_to_recover: From the mending to the second from which on every call succeeded; infinite if there was none.
    """

    calls: Counter[int]
    requests_per_call: float
    requests_per_call_in_outage: float
    peak_requests: int
    success_in_outage: float
    success_after: float
    seconds_to_recover: float

    @property
    def keeps_the_promise(self) -> bool:
        """Whether the outage was not multiplied, and all was well a few seconds after it."""
        return max(self.requests_per_call, self.requests_per_call_in_outage) <= LIMIT and self.success_after == 1


def simulate(policy: Retry, scene: Scene, seed: int = 1) -> Outcome:
    """Run one policy through the scene."""
    world, record = World(), Record()
    server = Server(world, scene)
    for number in range(scene.clients):
        Client(world, server, scene, policy=policy, record=record, seed=f"{seed} {number}")
    world.run()
    outage = range(int(scene.breaks_at), int(scene.mends_at))
    after = range(int(scene.settled_at), int(scene.ends_at))
    return Outcome(
        record.calls,
        _share(record.requests, record.calls, range(after.stop)),
        _share(record.requests, record.calls, outage),
        max(record.arrivals.values()),
        _share(record.good, record.calls, outage),
        _share(record.good, record.calls, after),
        _seconds_to_recover(record, scene),
    )


def _seconds_to_recover(record: Record, scene: Scene) -> float:
    seconds = range(int(scene.mends_at), int(scene.ends_at))
    failing = [second for second in seconds if record.good[second] < record.calls[second]]
    well_from = failing[-1] + 1 if failing else seconds.start
    return well_from - scene.mends_at if well_from < seconds.stop else math.inf


def _share(part: Counter[int], whole: Counter[int], seconds: range) -> float:
    calls = sum(whole[second] for second in seconds)
    return sum(part[second] for second in seconds) / calls if calls else 0.0


def show(scene: Scene, seed: int) -> dict[str, Outcome]:
    """Print what each policy makes of the scene."""
    print(
        f"{scene.clients} clients, {scene.clients * scene.calls_per_second:.0f} calls/s ({scene.calls_per_second:g} of each), "
        f"capacity {scene.capacity:.0f}/s; {scene.loss:.0%} of it lost for {scene.mends_at - scene.breaks_at:.0f} s"
    )
    print(f"{'':32} {'requests per call':>20} {'peak':>12} {'success':>19} {'all calls succeed':>19}")
    print(
        f"{'policy':32} {'overall':>10}{'outage':>10} {'requests/s':>12} {'outage':>9} {'after 5 s':>9} {'again after':>19}"
    )
    rows = {name: simulate(policy, scene, seed) for name, policy in POLICIES.items()}
    for name, row in rows.items():
        recovered = f"{row.seconds_to_recover:.0f} s" if row.seconds_to_recover < math.inf else "never"
        print(
            f"{name:32} {row.requests_per_call:10.2f}{row.requests_per_call_in_outage:10.2f} {row.peak_requests:12d} "
            f"{row.success_in_outage:9.1%} {row.success_after:9.1%} {recovered:>19}"
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=Scene().clients)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    met = show(Scene(clients=arguments.clients), arguments.seed)[OURS].keeps_the_promise
    print(
        f"ours: at most {LIMIT} requests per call, overall and in the outage; complete success from 5 s after it:",
        "met" if met else "MISSED",
    )
    print("\nNot judged: each client calls too rarely for its own budget to end the repeating.")
    show(Scene(clients=arguments.clients, calls_per_second=RARELY), arguments.seed)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
