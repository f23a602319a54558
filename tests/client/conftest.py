"""The server of the tests that look at requests only: it accepts every one, and keeps what it was sent."""

from __future__ import annotations

import pytest

from tests.support.agreeing import Agreeing


@pytest.fixture(scope="module")
def running():
    with Agreeing() as server:
        yield server


@pytest.fixture
def server(running):
    running.requests.clear()
    return running
