"""Fixtures that every test may use."""

from __future__ import annotations

import pytest
from examples import PROFILE
from hypothesis import settings

settings.load_profile(PROFILE)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each async test runs on both event loops."""
    return request.param
