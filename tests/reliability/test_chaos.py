"""While servers die, stall, refuse and interrupt replies, no promise is broken; afterwards nothing is left."""

from __future__ import annotations

import asyncio
import random
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from ollama_sdk import AsyncOllama, AsyncStream, NoEndpointError, Ollama, OllamaError, Stream
from ollama_sdk.reliability import AttemptFailed, AttemptStarted, Event, RetryScheduled
from tests.reliability import chaos
from tests.reliability.chaos import WORLDS, belongings, happenings, leftovers, unleash
from tests.reliability.chaos_calls import EXCUSED, Call, Tally

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


@pytest.mark.slow  # five times the chaos
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


def _failed(call: Call, events: list[Event]) -> None:
    for event in events:
        call.note(event)
    call.failed(NoEndpointError("no endpoint could answer", [OllamaError("one")]))


def _attempts(number: int, servers: str = "abc", reason: str = "status 503") -> list[Event]:
    events: list[Event] = []
    for attempt in range(1, number + 1):
        for server in servers:
            events.append(AttemptStarted(1, "chat", server, 2 * attempt, attempt))
            events.append(AttemptFailed(1, "chat", server, 2 * attempt + 1, attempt, 1, reason))
        events.append(RetryScheduled(1, "chat", "a", 2 * attempt + 1, attempt, 0.1, reason))
    return events[:-1]


def _patient_call(tally: Tally) -> Call:
    tally.counts["compared: stalls"] = 1
    call = Call(tally, random.Random(1), "sync")
    assert not call.is_hasty
    return call


def test_failed_call_is_judged_by_what_the_servers_did() -> None:
    """Not by when they did it, which depends on the speed of the machine."""
    tally = Tally()
    call = _patient_call(tally)
    for _ in range(3):
        for server in "abc":
            tally.befalls(call.number, server, "busy")
    _failed(call, _attempts(3))
    assert (tally.broken, tally.counts[EXCUSED]) == ([], 1)

    call = _patient_call(tally)
    tally.down["a"].append([3.0, 5.0])  # across the first two attempts of three
    for server in "abcbcbc":
        tally.befalls(call.number, server, "busy")
    _failed(call, _attempts(3))
    assert (tally.broken, tally.counts[EXCUSED]) == ([], 2)


@pytest.mark.parametrize(
    ("troubles", "events", "promise"),
    [
        ("abc" * 2 + "ab", _attempts(3), "c had no trouble"),
        ("ab" * 3, _attempts(3, servers="ab"), "not every server was tried"),
        ("abc" * 2, _attempts(2), "not every attempt was made"),
        ("abc" * 3, [], "not every server was tried"),
        ("", _attempts(3, reason="ReadTimeout"), "a had no trouble"),
    ],
)
def test_failure_without_a_cause_is_a_broken_promise(troubles: str, events: list[Event], promise: str) -> None:
    tally = Tally()
    call = _patient_call(tally)
    for server in troubles:
        tally.befalls(call.number, server, "busy")
    _failed(call, events)
    assert promise in tally.broken[0]


def test_many_excused_calls_are_a_broken_promise() -> None:
    tally = Tally()
    tally.counts["caller reads: answered"] = 2000
    tally.counts[EXCUSED] = 20
    tally.judge_excuses()
    assert tally.broken == []
    tally.counts[EXCUSED] = 21
    tally.judge_excuses()
    assert len(tally.broken) == 1
