"""A short round of the policies' chaos on the fast transport, in all worlds at once."""

from __future__ import annotations

from chaos import WORLDS, belongings, leftovers, unleash

SECONDS = 2


def test_chaos_breaks_no_promise_and_leaves_nothing():
    before = belongings()
    tally = unleash(SECONDS, seed=2026, worlds=WORLDS)
    assert tally.broken == []
    assert leftovers(before) == {}
    # It was chaos: calls were answered, streams were interrupted and calls moved on.
    assert tally.total(": answered") > 0
    assert tally.total("stream: ", "Error") > 0
    assert tally.total("event FailedOver") > 0
