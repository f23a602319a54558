"""The simulation of a retry storm keeps its promise, at a tenth of its size."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

SIMULATION = Path(__file__).parents[2] / "benchmarks" / "retry_storm.py"


def test_an_outage_is_not_multiplied_and_recovery_is_complete_within_seconds() -> None:
    storm = runpy.run_path(str(SIMULATION))
    rows = {name: storm["simulate"](policy, storm["Scene"](clients=100)) for name, policy in storm["POLICIES"].items()}
    ours, naive = rows["ours: Retry()"], rows["naive: 4 attempts, 0.1 s apart"]
    assert ours.requests_per_call == pytest.approx(1.1, abs=0.1)
    assert ours.requests_per_call_in_outage < 1.25
    assert naive.requests_per_call_in_outage > 2
    assert ours.success_after == 1
    assert ours.seconds_to_recover <= 5
