"""Fixtures of the policy tests."""

from __future__ import annotations

import pytest
from reliability_kit import Caller, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sync", "asyncio", "trio"])
def caller(request: pytest.FixtureRequest) -> Caller:
    """Each test with it runs through the sync transport and through the async one on both event loops."""
    return Caller(request.param)
