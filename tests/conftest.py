"""Fixtures that every test may use."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from examples import PROFILE
from hypothesis import settings

settings.load_profile(PROFILE)


@pytest.fixture(autouse=True, scope="module")
def _quick_collections() -> Iterator[None]:
    """What was there before the tests of a module need not be looked at by each of their garbage collections."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each async test runs on both event loops."""
    return request.param
