"""While servers die, stall, refuse and break off, no promise breaks; afterwards nothing is left."""

from __future__ import annotations

import pytest
from chaos import PIECES, STREAMS, TROUBLES, WORLDS, belongings, leftovers, unleash

SECONDS = 5


@pytest.mark.parametrize("world", WORLDS)
def test_chaos_breaks_no_promise_and_leaves_nothing(world: str) -> None:
    before = belongings()
    tally = unleash(SECONDS, seed=2026, worlds=(world,))
    assert tally.broken == []
    assert leftovers(before) == {}
    # It was chaos: every kind of call was answered, every trouble came, streams were interrupted and calls moved on.
    assert all(tally.counts[f"{name}: answered"] for name in (*PIECES, *STREAMS)), tally.counts
    assert all(tally.counts[f"trouble: {name}"] for name in TROUBLES), tally.counts
    assert tally.total("stream: ", "Error") > 0
    assert tally.total("event FailedOver") > 0
