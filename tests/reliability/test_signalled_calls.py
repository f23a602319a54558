"""Real signals at random moments of calls lose nothing; ``signalled_calls`` says what is looked at."""

from __future__ import annotations

import random
import signal

import pytest

from tests.reliability.signalled_calls import POLICIES, signal_calls
from tests.support.forked import untraced


@untraced
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of what finalizers close that were interrupted
@pytest.mark.parametrize("name", POLICIES)
def test_real_signals_at_random_moments_lose_nothing(name: str) -> None:
    random.seed(2026)
    seen = signal_calls(POLICIES[name], wanted=400)
    assert seen.broken == []
    assert seen.signals >= 400
