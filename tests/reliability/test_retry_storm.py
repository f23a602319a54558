"""The simulation of a retry storm keeps its promise, at a tenth of its size."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "retry_storm.py"


@pytest.fixture(scope="module")
def storm() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SIMULATION)))


def test_an_outage_is_not_multiplied_and_recovery_is_complete_within_seconds(storm: SimpleNamespace) -> None:
    rows = {name: storm.simulate(policy, storm.Scene(clients=100)) for name, policy in storm.POLICIES.items()}
    ours, naive = rows["ours: Retry()"], rows["naive: 4 attempts, 0.1 s apart"]
    assert 1 < ours.requests_per_call < ours.requests_per_call_in_outage <= storm.LIMIT
    assert naive.requests_per_call_in_outage > 2
    assert ours.success_in_outage < 1
    assert ours.success_after == 1
    assert ours.seconds_to_recover <= 5


def test_a_recovery_that_is_not_complete_shows(storm: SimpleNamespace) -> None:
    late = storm.simulate(storm.POLICIES["ours: Retry()"], storm.Scene(clients=100, mends_at=100))
    never = storm.simulate(storm.POLICIES["ours: Retry()"], storm.Scene(clients=100, mends_at=121))
    assert 0.9 < late.success_after < 1
    assert never.success_after < 0.9
    assert never.seconds_to_recover == float("inf")
