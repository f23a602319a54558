"""Simulates many workers that run a step of ollama_sdk.batch over many hosts: how much of what the hosts could do is done.

Run ``python benchmarks/simulate_batch.py``. Time is virtual: nothing is sent, and a run is the same each time. Each worker has the very
policies that its client would have: the flows of :class:`ollama_sdk.reliability.Retry` and :class:`~ollama_sdk.reliability.Failover`, on
the clock of the simulation. Hosts differ in speed; one is lost and another becomes slow after a quarter of the time.

A host serves ``parallel`` requests at once in the order of their arrival, and refuses beyond its queue, as Ollama does. Workers take
batches from one supply, as engines hand them out; a worker takes the next one when the last request of its batch is done. The unit of time
is what a request takes on average on a host of speed 1.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import httpx
from attrs import define, evolve, field, frozen
from retry_storm import World

from ollama_sdk.reliability import Endpoint, Failover, Retry
from ollama_sdk.reliability._driver import Flow, Send, Sleep
from ollama_sdk.reliability.endpoints import Endpoints
from ollama_sdk.reliability.failover import Router
from ollama_sdk.reliability.retry import Retrier

BETWEEN = 0.005  # from a reply to the next request of the same task: JSON, and the way there and back
AT_ONCE = 0.001  # until a refused connection or a full queue is known
GOOD, BUSY = httpx.Response(200), httpx.Response(503)
Answer = Callable[[httpx.Response | Exception], None]


@frozen(kw_only=True)
class Scene:
    """The hosts, and how many workers have how much in flight.

    Attributes:
        hosts: How many hosts.
        parallel: How many requests each serves at once (``OLLAMA_NUM_PARALLEL``).
        queue: How many wait there before it answers 503 (``OLLAMA_MAX_QUEUE``).
        spread: The fastest host is so many times as fast as one of speed 1, the slowest that fraction of it.
        trouble: Whether the first host is lost, and the second is a quarter as fast, after a quarter of the time.
        workers: How many processes run the step.
        in_flight: How many requests each has in flight.
        batch: How many requests a batch is.
        ends_at: When no further batch is begun, and the share is taken.
    """

    hosts: int = 64
    parallel: int = 4
    queue: int = 512
    spread: float = 1.0
    trouble: bool = False
    workers: int = 256
    in_flight: int = 4
    batch: int = 32
    ends_at: float = 24.0

    @property
    def slots(self) -> int:
        return self.hosts * self.parallel


@frozen(kw_only=True)
class Plan:
    """Which host each request goes to.

    Attributes:
        strategy: Of the failover.
        few: Each worker knows only so many hosts, from a place of its own on; ``None`` is all.
        rotated: Each worker's list begins with another host.
        shared: One client counts the calls of all workers.
        limit: At most so many times the slots of all hosts are in flight, over all workers; ``None`` without limit.
    """

    strategy: str
    few: int | None = None
    rotated: bool = False
    shared: bool = False
    limit: int | None = None


PLANS = {
    "`round_robin` over all hosts": Plan(strategy="round_robin"),
    "`least_busy` over all hosts": Plan(strategy="least_busy"),
    "the same, one limit over all workers": Plan(strategy="least_busy", limit=2),
    "`least_busy` over 8 hosts of its own": Plan(strategy="least_busy", few=8),
    "`least_busy` over 4 hosts of its own": Plan(strategy="least_busy", few=4),
    "`least_busy` over 2 hosts of its own": Plan(strategy="least_busy", few=2),
    "`priority`, each with another host first": Plan(strategy="priority", rotated=True),
    "`least_busy`, one count over all workers": Plan(strategy="least_busy", shared=True),
}
EQUAL = Scene()
TROUBLED = Scene(spread=2.0, trouble=True)
SCENES = [evolve(EQUAL, in_flight=count) for count in (2, 8)] + [
    evolve(TROUBLED, in_flight=count) for count in (1, 2, 4, 8)
]
BATCHES = (1, 2, 4, 16)  # times in_flight


@define
class Host:
    """Serves requests in their order, some at once.

    Attributes:
        done: The work of finished requests.
    """

    world: World
    speed: float
    parallel: int
    longest: int
    done: float = 0.0
    _is_lost: bool = False
    _running: dict[int, tuple[float, float, Answer]] = field(factory=dict)
    _queue: deque[tuple[float, Answer]] = field(factory=deque)
    _numbers: itertools.count = field(factory=itertools.count)

    def ask(self, work: float, answer: Answer) -> None:
        if self._is_lost:
            self.world.later(AT_ONCE, partial(answer, httpx.ConnectError("connection refused")))
        elif len(self._queue) >= self.longest:
            self.world.later(AT_ONCE, partial(answer, BUSY))
        else:
            self._queue.append((work, answer))
            self._begin()

    def _begin(self) -> None:
        while self._queue and len(self._running) < self.parallel:
            work, answer = self._queue.popleft()
            number = next(self._numbers)
            self._running[number] = (self.world.now, self.speed, answer)
            self.world.later(work / self.speed, partial(self._end, number, work))

    def _end(self, number: int, work: float) -> None:
        if number in self._running:
            *_, answer = self._running.pop(number)
            self.done += work
            self._begin()
            answer(GOOD)

    def lose(self) -> None:
        """Cut every reply, and refuse connections from now on."""
        self._is_lost = True
        cut = [answer for *_, answer in [*self._running.values(), *self._queue]]
        self._running.clear()
        self._queue.clear()
        for answer in cut:
            answer(httpx.ReadError("connection reset"))

    def slow_down(self) -> None:
        """Serve what begins from now on at a quarter of the speed."""
        self.speed /= 4

    def done_until_now(self) -> float:
        """Finished work, and that part of the running requests."""
        return self.done + sum((self.world.now - began) * speed for began, speed, _ in self._running.values())


class Limit:
    """So many permits for all workers, first come, first served."""

    def __init__(self, permits: float) -> None:
        self._permits = permits
        self._waiting: deque[Callable[[], None]] = deque()

    def acquire(self, go: Callable[[], None]) -> None:
        if self._permits:
            self._permits -= 1
            go()
        else:
            self._waiting.append(go)

    def release(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._permits += 1


@define
class Outcome:
    """What a run came to.

    Attributes:
        share: Work done, as a share of what the hosts that were there could do.
        taken: Requests that workers took from their batches.
        answered: Those that were answered in the end.
        moved: Those that the lost host had, and another answered.
        refused: How often a queue was full.
        seconds: How long each took, with all that it waited.
    """

    share: float = 0.0
    taken: int = 0
    answered: int = 0
    moved: int = 0
    refused: int = 0
    seconds: list[float] = field(factory=list)

    @property
    def slowest(self) -> float:
        """How long the slowest of a hundred took."""
        return sorted(self.seconds)[int(len(self.seconds) * 0.99)]


class Simulation:
    """One run of a plan in a scene."""

    def __init__(self, plan: Plan, scene: Scene, seed: int = 1) -> None:
        self.outcome = Outcome()
        self._plan, self._scene, self._seed = plan, scene, seed
        self._world = World()
        self._work = random.Random(f"{seed} work")
        self._hosts = {
            f"http://host-{number}:11434": Host(self._world, speed, scene.parallel, scene.queue)
            for number, speed in enumerate(_speeds(scene, seed))
        }
        self._limit = Limit(float("inf") if plan.limit is None else plan.limit * scene.slots)

    def run(self) -> Outcome:
        scene, world, urls = self._scene, self._world, list(self._hosts)
        could = self._arrange_trouble()
        everyone = self._client(urls, "all") if self._plan.shared else None
        for number in range(scene.workers):
            mine = _hosts_of(number, urls, self._plan)
            Worker(self, everyone or self._client(mine, str(number)), httpx.URL(mine[0])).take_batch()
        world.later(scene.ends_at, lambda: self._measure(could))
        world.run()
        return self.outcome

    def _arrange_trouble(self) -> float:
        """Plan what happens to hosts; return the work that they can do until the end."""
        scene = self._scene
        lost, slow, *_ = hosts = list(self._hosts.values())
        could = sum(host.speed for host in hosts) * scene.parallel * scene.ends_at
        if scene.trouble:
            self._world.later(scene.ends_at / 4, lost.lose)
            self._world.later(scene.ends_at / 4, slow.slow_down)
            could -= (lost.speed + slow.speed * 3 / 4) * scene.parallel * scene.ends_at * 3 / 4
        return could

    def _measure(self, could: float) -> None:
        self.outcome.share = sum(host.done_until_now() for host in self._hosts.values()) / could

    def _client(self, urls: list[str], name: str) -> Send:
        """The policies of a client, as its stack runs them."""
        rng = random.Random(f"{self._seed} {name}")
        failover = Failover(self._plan.strategy)
        endpoints = Endpoints([Endpoint(url) for url in urls], failover, clock=self._world, rng=rng)
        retry = Retrier(Retry(budget=None), clock=self._world, draw=rng.uniform)
        return partial(retry.flow, partial(Router(endpoints).flow, _send))

    # What a worker calls

    def takes_batches(self) -> bool:
        return self._world.now < self._scene.ends_at

    def group_sizes(self) -> tuple[int, int]:
        """How many requests a batch has, and how many of them are in flight at once."""
        return self._scene.batch, min(self._scene.in_flight, self._scene.batch)

    def ask(self, client: Send, url: httpx.URL, done: Callable[[], None]) -> None:
        """Send a request through the policies of ``client``, and call ``done`` when its task may go on."""
        self.outcome.taken += 1
        work = self._work.uniform(0.5, 1.5)
        self._limit.acquire(partial(self._call, client, url, work, done))

    def _call(self, client: Send, url: httpx.URL, work: float, done: Callable[[], None]) -> None:
        began = self._world.now
        request = httpx.Request("POST", url, content=b"", extensions={"repeat": "safe"})
        flow = client(request)
        was_cut = False

        def resume(answer: httpx.Response | Exception | None = None) -> None:
            nonlocal was_cut
            was_cut = was_cut or isinstance(answer, httpx.ReadError)
            self.outcome.refused += answer is BUSY
            try:
                step = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
            except StopIteration as end:
                if end.value is GOOD:
                    self.outcome.answered += 1
                    self.outcome.moved += was_cut
                over()
            except httpx.HTTPError:
                over()
            else:
                if isinstance(step, Sleep):
                    self._world.later(step.seconds, resume)
                else:
                    self._hosts[step.extensions["endpoint"]].ask(work, resume)

        def over() -> None:
            self.outcome.seconds.append(self._world.now - began)
            self._limit.release()
            self._world.later(BETWEEN, done)

        resume()


class Worker:
    """Runs one batch after the other, as :class:`ollama_sdk.batch.Step` does: some tasks, each with one request at a time."""

    def __init__(self, simulation: Simulation, client: Send, url: httpx.URL) -> None:
        self._simulation, self._client, self._url = simulation, client, url
        self._left = self._tasks = 0

    def take_batch(self) -> None:
        if self._simulation.takes_batches():
            self._left, self._tasks = self._simulation.group_sizes()
            for _ in range(self._tasks):
                self._next()

    def _next(self) -> None:
        if self._left:
            self._left -= 1
            self._simulation.ask(self._client, self._url, self._next)
            return
        self._tasks -= 1
        if not self._tasks:
            self.take_batch()


def _speeds(scene: Scene, seed: int) -> list[float]:
    """Evenly spread on a logarithmic scale, in no order."""
    speeds = [scene.spread ** (2 * number / max(1, scene.hosts - 1) - 1) for number in range(scene.hosts)]
    random.Random(f"{seed} speeds").shuffle(speeds)
    return speeds


def _hosts_of(worker: int, urls: list[str], plan: Plan) -> list[str]:
    """The hosts that a worker knows, in its order; the first is the one that its requests are addressed to."""
    start = worker % len(urls) if plan.rotated else 0
    if plan.few is not None:
        start = random.Random(f"worker {worker}").randrange(len(urls))  # as by a hash of its machine and process
    return (urls[start:] + urls[:start])[: plan.few]


def _send(request: httpx.Request) -> Flow:
    response: httpx.Response = yield request
    return response


def simulate(plan: Plan, scene: Scene, seed: int = 1) -> Outcome:
    """Run a plan in a scene."""
    return Simulation(plan, scene, seed).run()


def show_plans(pool: ProcessPoolExecutor, seed: int) -> None:
    """Print the share of each plan, as a table of Markdown."""
    runs = [(plan, scene) for plan in PLANS.values() for scene in SCENES]
    outcomes = pool.map(simulate, *zip(*runs, strict=True), itertools.repeat(seed))
    titles = [f"{'uneven' if scene.trouble else 'equal'}, {scene.in_flight}" for scene in SCENES]
    print(f"| hosts, and in flight in each worker | {' | '.join(titles)} | slowest of 100 |")
    print(f"|---|{'--:|' * (len(SCENES) + 1)}")
    for name in PLANS:
        row = list(itertools.islice(outcomes, len(SCENES)))
        print(f"| {name} | {' | '.join(f'{each.share:.0%}' for each in row)} | {row[-1].slowest:.0f} |", flush=True)


def show_batches(pool: ProcessPoolExecutor, seed: int) -> None:
    """Print the share by the size of a batch, as a table of Markdown."""
    plan = PLANS["`least_busy` over 8 hosts of its own"]
    print(f"| requests in a batch | {' | '.join(f'{times} x in flight' for times in BATCHES)} |")
    print(f"|---|{'--:|' * len(BATCHES)}")
    for count in (4, 8):
        scenes = [evolve(TROUBLED, in_flight=count, batch=times * count) for times in BATCHES]
        outcomes = pool.map(simulate, itertools.repeat(plan), scenes, itertools.repeat(seed))
        print(f"| {count} in flight | {' | '.join(f'{each.share:.0%}' for each in outcomes)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    print(
        f"{EQUAL.hosts} hosts that serve {EQUAL.parallel} requests at once, {EQUAL.workers} workers, {EQUAL.batch} requests a batch: share "
        "of what the hosts can do.\nUneven: from half to twice the speed, one is lost and one becomes slow. The last column is how long "
        "the slowest of a hundred\nrequests takes there with 8 in flight, where an average one takes 1.\n"
    )
    with ProcessPoolExecutor() as pool:
        show_plans(pool, seed)
        print()
        show_batches(pool, seed)


if __name__ == "__main__":
    main()
