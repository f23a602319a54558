"""Fixtures that every test may use: servers, clients and clocks."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from ollama_sdk import Ollama
from ollama_sdk._timeout import Deadlines
from ollama_sdk._transport.response import parser_class
from ollama_sdk.testing import Emulator

from .support import worlds
from .support.callers import Caller
from .support.clocks import HandClock
from .support.examples import PROFILE
from .support.library import be_the_default
from .support.loopback import PATIENCE, Loopback
from .support.transports import CERTIFICATE, server_context
from .support.worlds import World

settings.load_profile(PROFILE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--parser", choices=["llhttp", "h11"], help="read responses with this parser, in place of the fastest"
    )
    parser.addoption(
        "--foreign", action="store_true", help="let clients send through transports of the library in HTTPX"
    )
    parser.addoption("--uvloop", action="store_true", help="run asyncio on the event loop of uvloop")
    parser.addoption("--tls", action="store_true", help="let the scripted servers and the emulator speak TLS")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--tls"):
        Loopback.default_tls = Emulator.__init__.__kwdefaults__["ssl_context"] = server_context()
        os.environ["SSL_CERT_FILE"] = str(CERTIFICATE)
    if config.getoption("--foreign"):
        be_the_default()
        # httpx and httpcore leave the generators of a stream that is closed early to the garbage collector.
        config.addinivalue_line("filterwarnings", "ignore:Async generator 'http:ResourceWarning")
    if config.getoption("--uvloop"):
        import uvloop

        # What asyncio.run(), anyio and every other runner make their loop with.
        asyncio.events.new_event_loop = asyncio.new_event_loop = uvloop.new_event_loop
        uvloop.new_event_loop().close()  # the first one opens a pipe for the whole process
        # A loop that ends before its client raises the warning while it closes its handles, which are then left.
        config.addinivalue_line("filterwarnings", "ignore:unclosed resource <TCPTransport:ResourceWarning")
        # Trio in a child of a process whose loop is uvloop's.
        config.addinivalue_line("filterwarnings", "ignore:It looks like Trio's signal handling:RuntimeWarning")
    if config.getoption("--parser") == "h11":
        sys.modules["ollama_sdk._transport._llhttp"] = None  # type: ignore[assignment] # as where its parser cannot be imported
    assert parser_class().__module__.endswith(config.getoption("--parser") or "llhttp")


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


@pytest.fixture
def serve() -> Iterator[Callable[..., Loopback]]:
    """Start a scripted server; it ends with the test."""
    with contextlib.ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(Loopback(*scripts, **options))


@pytest.fixture(params=worlds.KINDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Where the client lives; a test that asks for it runs in each."""
    with worlds.world(request.param) as world:
        yield world


@pytest.fixture(params=worlds.KINDS)
def caller(request: pytest.FixtureRequest) -> Caller:
    """Each test with it runs through the sync transport and through the async one on both event loops."""
    return Caller(request.param)


@pytest.fixture
def sync_client() -> Iterator[Callable[..., Ollama]]:
    """Make sync clients, for what does not depend on the world; they end with the test."""
    with contextlib.ExitStack() as clients:
        yield lambda *args, **options: clients.enter_context(Ollama(*args, **{"timeout": PATIENCE, **options}))


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands still."""
    return HandClock()


@pytest.fixture
def limits_clock(clock: HandClock) -> Iterator[HandClock]:
    """The clock of every client's limits, standing still: none passes before the test says so.

    Reads and writes still wait in real time: they ask the clock again whenever one limit's length has passed.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deadlines.__init__, "__defaults__", (clock,))
        yield clock
