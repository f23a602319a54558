"""While servers die, stall, refuse and break off, no promise breaks; afterwards nothing is left."""

from __future__ import annotations

import pytest
from chaos import WORLDS, belongings, happenings, leftovers, unleash

SECONDS = 3


@pytest.mark.parametrize("world", WORLDS)
def test_chaos_breaks_no_promise_and_leaves_nothing(world: str) -> None:
    before = belongings()
    tally = unleash(SECONDS, seed=2026, worlds=(world,), wanted=happenings())
    assert tally.broken == []
    assert leftovers(before) == {}
    assert tally.missing(happenings()) == [], tally.counts  # it was chaos
