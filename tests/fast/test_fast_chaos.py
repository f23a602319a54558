"""A short round of the policies' chaos on the fast transport, in all worlds at once."""

from __future__ import annotations

from tests.reliability.chaos import WORLDS, belongings, happenings, leftovers, unleash

SECONDS = 3


def test_chaos_breaks_no_promise_and_leaves_nothing():
    before = belongings()
    tally = unleash(SECONDS, seed=2026, worlds=WORLDS, wanted=happenings())
    assert tally.broken == []
    assert leftovers(before) == {}
    assert tally.missing(happenings()) == [], tally.counts  # it was chaos
