"""Transports of each kind, and the servers that they meet."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.loopback import Loopback
from tests.support.transports import tls_loopback, trusting, world_of


@pytest.fixture
def serve():
    """Start a scripted server; it ends with the test."""
    with contextlib.ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(Loopback(*scripts, **options))


@pytest.fixture
def serve_tls():
    """Start a scripted server behind TLS."""
    with contextlib.ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(tls_loopback(*scripts, **options))


@pytest.fixture(params=["sync", "asyncio", "trio"])
def world(request):
    """Where transports live; a test that asks for it runs in each."""
    with world_of(request.param) as world:
        yield world


@pytest.fixture
def transport(world):
    """A transport of each kind."""
    with world.transport() as transport:
        yield transport


@pytest.fixture(params=["plain", "tls"])
def anywhere(request, serve, serve_tls):
    """Start a scripted server, once plain and once behind TLS; a transport must trust it."""
    return serve if request.param == "plain" else serve_tls


@pytest.fixture
def trusting_transport(world):
    """A transport of each kind that trusts the servers of the tests."""
    with world.transport(ssl_context=trusting()) as transport:
        yield transport
