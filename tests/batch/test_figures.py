"""The measurements of steps run to their end, over few rows and hosts that answer at once."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="memory and CPU time of a process are read from /proc")
AT_ONCE = argparse.Namespace(rows=64, seconds=0.001, dimensions=4, rounds=1, workers="processes", hosts=[1])


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("batch")


def test_contenders_are_compared_with_ideal(figures: ModuleType, capsys: pytest.CaptureFixture[str]):
    least = figures.compare(64, AT_ONCE, figures.CONTENDERS, [1])
    shares = [float(line.split("%")[0].split()[-1]) / 100 for line in capsys.readouterr().out.splitlines()]
    assert len(shares) == 2 * len(figures.CONTENDERS)
    assert all(0 < share < 1 for share in shares)
    assert least == pytest.approx(min(shares[place] for place in (1, 2, 5, 6)), abs=0.001)


@LINUX
def test_all_batches_are_done_before_failures_are_told(figures: ModuleType, monkeypatch: pytest.MonkeyPatch):
    done = []

    @contextmanager
    def here(_: int):
        yield map, [os.getpid()]

    def fails(_, batch: dict) -> int:
        done.append(batch)
        return 1

    monkeypatch.setitem(figures.POOLS, "here", here)
    monkeypatch.setattr(figures, "failures", fails)
    with pytest.raises(RuntimeError, match="4 rows failed"):
        figures.grow_workers(1, argparse.Namespace(**{**vars(AT_ONCE), "workers": "here"}))
    assert len(done) == 4 + 4  # those before the clock starts, and those that count


@LINUX
def test_processes_share_batches(figures: ModuleType):
    rate, cpu = figures.grow_workers(1, AT_ONCE)
    assert 0 < rate < figures.ideal(2, AT_ONCE.seconds)
    assert cpu > 0


def test_growth_is_shown_beside_bare_sockets(figures: ModuleType, capsys: pytest.CaptureFixture[str]):
    figures.grow(AT_ONCE)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["limit:", "ours,", "limit:", "ours,"]


@LINUX
def test_memory_is_shown_ten_times_on_the_way(figures: ModuleType, capsys: pytest.CaptureFixture[str]):
    figures.memory(200, 4)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["rows", *map(str, range(20, 201, 20))]


def test_host_says_how_long_its_requests_took(figures: ModuleType):
    with figures.hosts(1, 0.001, 4) as [url]:
        figures.limit(["a"] * 64, [url], 2)
        with figures.urlopen(url) as reply:
            assert float(reply.read()) > 0
