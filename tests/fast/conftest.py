"""Runs other tests on the fast transport: each client here has it, unless the test names another transport."""

from __future__ import annotations

import httpx
import pytest

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk.fast import AsyncFastTransport, FastTransport
from tests.support import worlds


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
        metafunc.parametrize("world", getattr(metafunc.module, "WORLDS", worlds.KINDS), indirect=True)


@pytest.fixture
def world(request):
    with worlds.world(request.param) as world:
        yield world
