"""Provides pytest fixtures: an emulator for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from ollama_sdk.testing.emulator import Emulator

__all__ = ["async_ollama_emulator", "ollama_emulator"]


@pytest.fixture
def ollama_emulator() -> Generator[Emulator]:
    """Return a running :class:`~ollama_sdk.testing.Emulator` without models; it stops when the test ends."""
    from ollama_sdk.testing import Emulator  # the extra may be missing where no test asks for it

    with Emulator() as server:
        yield server


@pytest.fixture
def async_ollama_emulator(ollama_emulator: Emulator) -> Emulator:
    """Return the same for async tests.

    The emulator has a thread of its own, so the fixture needs no event loop and works with anyio, pytest-asyncio and
    pytest-trio in each of their modes.
    """
    return ollama_emulator
