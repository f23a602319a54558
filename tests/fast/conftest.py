"""What other tests promise is promised on the fast transport too: here every client has it that brings no other."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import httpx
import pytest

for _folder in ("client", "reliability"):
    if (_path := str(Path(__file__).parents[1] / _folder)) not in sys.path:
        sys.path.insert(0, _path)

import worlds  # noqa: E402
from loopback import Loopback  # noqa: E402
from reliability_kit import Caller, HandClock  # noqa: E402

from ollama_sdk import AsyncOllama, Ollama  # noqa: E402
from ollama_sdk.fast import AsyncFastTransport, FastTransport  # noqa: E402

_WORLDS = ("sync", "asyncio", "trio")


def _with(transport, plain):
    """The constructor of a client, which gets ``transport`` unless its test brings something else."""

    def init(self, *args, **options):
        if not (options.get("transport") or options.get("http_client")):
            options["transport"] = transport()
        plain(self, *args, **options)

    return init


@pytest.fixture(scope="module", autouse=True)
def _fast():
    """Clients have the fast transport, and what tests of single policies wrap is one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ollama, "__init__", _with(FastTransport, Ollama.__init__))
        patch.setattr(AsyncOllama, "__init__", _with(AsyncFastTransport, AsyncOllama.__init__))
        patch.setattr(httpx, "HTTPTransport", FastTransport)
        patch.setattr(httpx, "AsyncHTTPTransport", AsyncFastTransport)
        yield


def pytest_generate_tests(metafunc):
    """A module may say in which worlds its tests run: ``WORLDS``."""
    if "world" in metafunc.fixturenames:
        metafunc.parametrize("world", getattr(metafunc.module, "WORLDS", _WORLDS), indirect=True)


@pytest.fixture
def world(request):
    with worlds.world(request.param) as world:
        yield world


@pytest.fixture(params=_WORLDS)
def caller(request):
    return Caller(request.param)


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def serve():
    with contextlib.ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(Loopback(*scripts, **options))


@pytest.fixture
def sync_client():
    with contextlib.ExitStack() as clients:
        yield lambda *args, **options: clients.enter_context(Ollama(*args, **{"timeout": 5, **options}))
