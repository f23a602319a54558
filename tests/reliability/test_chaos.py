"""While servers die, stall, refuse and interrupt replies, no promise is broken; afterwards nothing is left."""

from __future__ import annotations

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from ollama_sdk import AsyncOllama, AsyncStream, Ollama, Stream
from tests.reliability import chaos
from tests.reliability.chaos import WORLDS, belongings, happenings, leftovers, unleash
from tests.reliability.chaos_calls import Tally

SECONDS = 3
SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.parametrize("world", WORLDS)
def test_chaos_breaks_no_promise_and_leaves_nothing(world: str) -> None:
    before = belongings()
    tally = unleash(SECONDS, seed=2026, worlds=(world,), wanted=happenings())
    assert tally.broken == []
    assert leftovers(before) == {}
    assert tally.missing(happenings()) == [], tally.counts


def _failing_after(method: Any) -> Any:
    """``method``, which then raises."""

    def work(*args: Any, **options: Any) -> None:
        method(*args, **options)
        raise RuntimeError("it fails at last")

    return work


def _losing_a_task_after(method: Any) -> Any:
    """``method``, which then raises in a task that is not awaited."""

    def work(*args: Any, **options: Any) -> None:
        method(*args, **options)
        asyncio.get_running_loop().create_task(_failing())

    return work


async def _failing() -> None:
    raise RuntimeError("it fails at last")


@pytest.mark.parametrize(
    ("world", "owner", "method", "spoilt"),
    [
        ("sync", Ollama, "reconfigure", _failing_after),
        ("sync", Stream, "cancel", _failing_after),
        ("sync", Stream, "resume", _failing_after),
        ("asyncio", AsyncOllama, "reconfigure", _losing_a_task_after),
        ("trio", AsyncStream, "cancel", _failing_after),
    ],
    ids=["a caller", "a thread", "a timer", "a lost task", "a thread beside trio"],
)
def test_uncaught_exception_is_a_broken_promise(
    world: str, owner: type, method: str, spoilt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, spoilt(getattr(owner, method)))
    tally = unleash(0.4, seed=2026, worlds=(world,), wanted=("event Reconfigured", "caller cancels: cancelled"))
    assert any("it fails at last" in promise for promise in tally.broken)


def test_soak_fails_if_an_expected_event_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["soak.py", "1"])
    tally = Tally()
    monkeypatch.setattr(chaos, "unleash", lambda *_, **__: tally)
    main = runpy.run_path(str(SOAK))["main"]
    tally.counts.update(happenings()[1:])
    assert main() == 1
    assert f"Never happened: 1\n  {happenings()[0]}\n" in capsys.readouterr().out
    tally.counts.update(happenings())
    assert main() == 0
