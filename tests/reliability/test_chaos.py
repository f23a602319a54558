"""While servers die, stall, refuse and break off, no promise breaks; afterwards nothing is left."""

from __future__ import annotations

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from ollama_sdk import AsyncOllama, AsyncStream, Ollama, Stream
from tests.reliability import chaos
from tests.reliability.chaos import WORLDS, Tally, belongings, happenings, leftovers, unleash

SECONDS = 3
SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.parametrize("world", WORLDS)
def test_chaos_breaks_no_promise_and_leaves_nothing(world: str) -> None:
    before = belongings()
    tally = unleash(SECONDS, seed=2026, worlds=(world,), wanted=happenings())
    assert tally.broken == []
    assert leftovers(before) == {}
    assert tally.missing(happenings()) == [], tally.counts  # it was chaos


def _and_fail(method: Any) -> Any:
    """``method``, which then raises."""

    def work(*args: Any, **options: Any) -> None:
        method(*args, **options)
        raise RuntimeError("it fails at last")

    return work


def _and_lose(method: Any) -> Any:
    """``method``, which then raises in a task that nobody waits for."""

    def work(*args: Any, **options: Any) -> None:
        method(*args, **options)
        asyncio.get_running_loop().create_task(_failing())

    return work


async def _failing() -> None:
    raise RuntimeError("it fails at last")


@pytest.mark.parametrize(
    ("world", "owner", "method", "spoilt"),
    [
        ("sync", Ollama, "reconfigure", _and_fail),
        ("sync", Stream, "cancel", _and_fail),
        ("sync", Stream, "resume", _and_fail),
        ("asyncio", AsyncOllama, "reconfigure", _and_lose),
        ("trio", AsyncStream, "cancel", _and_fail),
    ],
    ids=["a caller", "a thread", "a timer", "a lost task", "a thread beside trio"],
)
def test_an_exception_that_nobody_catches_is_a_broken_promise(
    world: str, owner: type, method: str, spoilt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, spoilt(getattr(owner, method)))
    tally = unleash(0.4, seed=2026, worlds=(world,), wanted=("event Reconfigured", "caller cancels: cancelled"))
    assert any("it fails at last" in promise for promise in tally.broken)


def test_a_soak_in_which_something_never_happened_fails_and_says_what(
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
