"""The simulation of a retry storm keeps its promise at a tenth of its size."""

from __future__ import annotations

import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from ollama_sdk import Ollama
from ollama_sdk.reliability import RateLimit
from ollama_sdk.testing import Emulator

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "retry_storm.py"


@pytest.fixture(scope="module")
def storm() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SIMULATION)))


def test_outage_is_not_multiplied_and_recovery_is_complete(storm: SimpleNamespace) -> None:
    rows = {name: storm.simulate(policy, storm.Scene(clients=100)) for name, policy in storm.POLICIES.items()}
    ours, naive = rows[storm.OURS], rows["naive: 4 attempts, 0.1 s apart"]
    assert 1 < ours.requests_per_call < ours.requests_per_call_in_outage <= storm.LIMIT
    assert naive.requests_per_call_in_outage > 2
    assert ours.success_in_outage < 1
    assert ours.success_after == 1
    assert ours.seconds_to_recover <= 5
    assert ours.keeps_the_promise
    assert not naive.keeps_the_promise


def test_every_policy_meets_the_same_calls(storm: SimpleNamespace) -> None:
    rows = [storm.simulate(policy, storm.Scene(clients=20)) for policy in storm.POLICIES.values()]
    assert all(row.calls == rows[0].calls for row in rows)


@pytest.mark.parametrize("spoilt", [{"requests_per_call": 1.21}, {"requests_per_call_in_outage": 1.21}])
def test_too_many_requests_break_the_promise(storm: SimpleNamespace, spoilt: dict) -> None:
    ours = storm.simulate(storm.Retry(), storm.Scene(clients=100))
    assert not evolve(ours, **spoilt).keeps_the_promise


def test_full_budget_of_rare_caller_retries_most_calls(storm: SimpleNamespace) -> None:
    scene = storm.Scene(clients=200, calls_per_second=storm.RARELY)
    ours, small = (storm.simulate(storm.POLICIES[name], scene) for name in (storm.OURS, storm.SMALL))
    assert ours.requests_per_call_in_outage > 1.5
    assert small.requests_per_call_in_outage < 1.4


def test_incomplete_recovery_is_reported(storm: SimpleNamespace) -> None:
    late = storm.simulate(storm.Retry(), storm.Scene(clients=100, mends_at=100))
    never = storm.simulate(storm.Retry(), storm.Scene(clients=100, mends_at=121))
    assert 0.9 < late.success_after < 1
    assert never.success_after < 0.9
    assert never.seconds_to_recover == float("inf")
    assert not late.keeps_the_promise


def carried(storm: SimpleNamespace, policy: Any, *, calls: int, parallel: int, queue: int, seconds: float) -> float:
    scene = {"calls": calls, "parallel": parallel, "queue": queue, "seconds": seconds}
    return sum(storm.burst(policy, **scene, seed=seed) for seed in range(100)) / 100


@pytest.mark.parametrize(("seconds", "least"), [(0.2, 1), (1, 0.995), (2, 0.975)])
def test_eight_attempts_carry_seven_calls_over_a_short_queue(
    storm: SimpleNamespace, seconds: float, least: float
) -> None:
    scene = {"calls": 7, "parallel": 1, "queue": 2, "seconds": seconds}
    assert carried(storm, storm.Retry(attempts=8), **scene) >= least
    assert carried(storm, storm.Retry(), **scene) < 0.9  # whose waits are over too soon


@pytest.mark.parametrize(
    ("calls", "parallel", "queue", "seconds"), [(7, 1, 2, 1), (7, 1, 2, 2), (16, 1, 4, 1), (64, 4, 8, 1)]
)
def test_eight_long_waits_carry_dozens_of_calls(
    storm: SimpleNamespace, calls: int, parallel: int, queue: int, seconds: float
) -> None:
    policy = storm.Retry(attempts=8, initial=1)
    assert carried(storm, policy, calls=calls, parallel=parallel, queue=queue, seconds=seconds) >= 0.999


@pytest.mark.parametrize(("clients", "each"), [(30, 5), (3, 50)])
@pytest.mark.parametrize("loss", [0.5, 0.99])
def test_busy_clients_do_not_multiply_an_outage(storm: SimpleNamespace, clients: int, each: float, loss: float) -> None:
    scene = storm.Scene(clients=clients, calls_per_second=each, loss=loss)
    assert storm.simulate(storm.Retry(), scene).requests_per_call_in_outage < 1.05
    assert storm.simulate(storm.Retry(attempts=8), scene).requests_per_call_in_outage < storm.LIMIT


def test_rate_limit_carries_a_burst_over_a_short_queue() -> None:
    burst = 16
    with (
        Emulator(num_parallel=1, max_queue=2) as server,
        Ollama(server.url, rate_limit=RateLimit(concurrent=1)) as client,
        ThreadPoolExecutor(burst) as threads,
    ):
        server.models.add("llama3.2")
        replies = list(threads.map(lambda _: client.generate("llama3.2", "hi"), range(burst)))
        assert all(reply.done for reply in replies)
        assert len(server.requests) == burst  # none was refused and sent again
