"""python limit_ray.py SOURCE TARGET HOST...: embeds Parquet files on Ray Data, with one limit over the requests of all workers."""

import asyncio
import sys
import time
import uuid
from typing import Any

import ray
from attrs import define, field, setters

from ollama_sdk import Failover, Retry
from ollama_sdk.batch import Embed

AT_ONCE = 6  # requests in flight, over all workers
PATIENCE = 30.0  # seconds for a request with all its attempts


@ray.remote(num_cpus=0)  # it must not wait for a CPU that a worker holds
class Limit:
    """A number of permits. A worker that was killed returns none, so each lapses after some seconds."""

    def __init__(self, at_once: int, seconds: float) -> None:
        self._at_once = at_once
        self._seconds = seconds
        self._held: dict[str, float] = {}

    def acquire(self, permit: str) -> bool:
        now = time.monotonic()
        self._held = {other: until for other, until in self._held.items() if until > now}
        if len(self._held) < self._at_once:
            self._held[permit] = now + self._seconds
        return permit in self._held

    def release(self, permit: str) -> None:
        self._held.pop(permit, None)


@define(on_setattr=setters.frozen)
class LimitedEmbed(Embed):
    """Sends each request with a permit."""

    limit: Any = field(kw_only=True)

    async def ask(self, client, rows):
        permit = uuid.uuid4().hex
        while not await self.limit.acquire.remote(permit):
            await asyncio.sleep(0.1)  # it asks again instead of queueing: a killed worker leaves nothing in a queue
        try:
            return await super().ask(client, rows)
        finally:
            self.limit.release.remote(permit)


source, target, *hosts = sys.argv[1:]
ray.init(num_cpus=4)  # on a cluster: ray.init("auto")
# Drivers that name it share it.
limit = Limit.options(name="limit", namespace="ollama", get_if_exists=True).remote(AT_ONCE, PATIENCE + 5)
client = {
    "host": hosts,
    "failover": Failover("least_busy"),
    "retry": Retry(attempts=12, budget=None),
    "timeout": PATIENCE,  # no request outlives its permit
}
rows = ray.data.read_parquet(source).repartition(target_num_rows_per_block=2048)
made = rows.map_batches(
    LimitedEmbed,  # each worker makes one of its own, of the arguments below
    fn_constructor_args=["all-minilm"],
    fn_constructor_kwargs={"client": client, "limit": limit},
    compute=ray.data.ActorPoolStrategy(size=4),
    num_cpus=0.5,  # reading and writing need CPUs too: four workers of 1 each on four CPUs would wait for ever
    batch_format="pyarrow",
    batch_size=None,  # a block
)
made.write_parquet(target)
