"""Servers that follow scripts, and the kinds of client that meet them."""

from __future__ import annotations

import contextlib

import pytest
import worlds
from loopback import Loopback

from ollama_sdk import Ollama


@pytest.fixture
def serve():
    """Start a scripted server; it ends with the test."""
    with contextlib.ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(Loopback(*scripts, **options))


@pytest.fixture(params=["sync", "asyncio", "trio"])
def world(request):
    """Where the client lives; a test that asks for it runs in each."""
    with worlds.world(request.param) as world:
        yield world


@pytest.fixture
def sync_client():
    """Make sync clients, for what does not depend on the world; they end with the test."""
    with contextlib.ExitStack() as clients:
        yield lambda *args, **options: clients.enter_context(Ollama(*args, **{"timeout": 5, **options}))
