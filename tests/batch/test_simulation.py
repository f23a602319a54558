"""The simulation of many workers over many hosts, with few of both: what its table says holds."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import evolve

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ALL, FEW, ONE_COUNT = (
    "`least_busy` over all hosts",
    "`least_busy` over 4 hosts of its own",
    "`least_busy`, one count over all workers",
)


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("simulate_batch")


def scene(simulation: ModuleType, **changes: Any):
    return evolve(simulation.TROUBLED, **{"hosts": 16, "workers": 32, "ends_at": 8.0, **changes})


def test_no_plan_exceeds_ideal_and_each_row_is_answered(simulation: ModuleType):
    for plan in simulation.PLANS.values():
        outcome = simulation.simulate(plan, scene(simulation))
        assert 0 < outcome.share <= 1
        assert outcome.answered == outcome.taken == len(outcome.seconds)
        assert outcome.moved > 0  # what the lost host had, another answered


def test_equal_hosts_are_used_to_the_full(simulation: ModuleType):
    equal = scene(simulation, spread=1.0, trouble=False)
    outcome = simulation.simulate(simulation.PLANS[ONE_COUNT], equal)
    assert outcome.share > 0.99
    assert outcome.moved == 0


def test_few_hosts_of_its_own_use_uneven_hosts_better(simulation: ModuleType):
    shares = {
        name: simulation.simulate(simulation.PLANS[name], scene(simulation, in_flight=2)).share
        for name in (ALL, FEW, ONE_COUNT)
    }
    assert shares[ONE_COUNT] > shares[FEW] > shares[ALL] + 0.1


def test_limit_over_all_workers_does_not_spread_load(simulation: ModuleType):
    plan, busy = simulation.PLANS[ALL], scene(simulation, in_flight=8)
    free, limited = simulation.simulate(plan, busy), simulation.simulate(evolve(plan, limit=1), busy)
    assert limited.share < free.share


def test_turns_of_workers_that_begin_together_spread_load(simulation: ModuleType):
    turns = simulation.PLANS["`round_robin` over all hosts"]
    equal = simulation.simulate(turns, scene(simulation, spread=1.0, trouble=False)).share
    assert equal > 0.95  # all from the first host on, they would stay together and reach three quarters
    counted = simulation.simulate(simulation.PLANS[FEW], scene(simulation, in_flight=8)).share
    assert simulation.simulate(turns, scene(simulation, in_flight=8)).share < counted - 0.05  # slow hosts get as much


def test_batch_of_what_is_in_flight_leaves_hosts_idle_at_its_end(simulation: ModuleType):
    small, large = (simulation.simulate(simulation.PLANS[FEW], scene(simulation, batch=size)).share for size in (4, 32))
    assert large > small + 0.1


def test_full_queue_is_refused_and_asked_again(simulation: ModuleType):
    outcome = simulation.simulate(simulation.PLANS[ALL], scene(simulation, queue=6))
    assert outcome.refused > 0
    assert outcome.answered == outcome.taken


def test_same_seed_gives_the_same_figures(simulation: ModuleType):
    plan, few = simulation.PLANS[FEW], scene(simulation)
    first, again, other = (simulation.simulate(plan, few, seed) for seed in (1, 1, 2))
    assert (first.share, first.seconds) == (again.share, again.seconds)
    assert first.seconds != other.seconds


def test_tables_are_printed(
    simulation: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    class Here:
        map = staticmethod(map)

    tiny = {"hosts": 2, "workers": 4, "ends_at": 2.0}
    monkeypatch.setattr(simulation, "SCENES", [evolve(each, **tiny) for each in simulation.SCENES])
    monkeypatch.setattr(simulation, "TROUBLED", evolve(simulation.TROUBLED, **tiny))
    simulation.show_plans(Here(), 1)
    simulation.show_batches(Here(), 1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(simulation.PLANS) + 2 + 2
    assert len({line.count("|") for line in lines[: 2 + len(simulation.PLANS)]}) == 1


def test_table_in_the_docs_is_that_of_the_simulation(simulation: ModuleType):
    page = (BENCHMARKS.parent / "docs" / "howto" / "many-workers.md").read_text(encoding="utf-8")
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:]]
        for cells in (line.split("|") for line in page.splitlines())
        if len(cells) > 3
    }
    assert rows.keys() >= simulation.PLANS.keys()
    place = next(place for place, each in enumerate(simulation.SCENES) if each.trouble and each.in_flight == 2)
    outcome = simulation.simulate(simulation.PLANS[FEW], simulation.SCENES[place])
    assert rows[FEW][place] == f"{outcome.share:.0%}"
