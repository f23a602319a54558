"""The promises of the clients' own tests, kept on the fast transport too: their worlds with another transport in them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

_CLIENT_TESTS = str(Path(__file__).parent.parent / "client")
if _CLIENT_TESTS not in sys.path:
    sys.path.insert(0, _CLIENT_TESTS)
_SUITE = ("streams", "bad_endings", "closing", "control", "timeouts", "failures")
pytest.register_assert_rewrite(*(f"test_{name}" for name in _SUITE))

import worlds  # noqa: E402
from loopback import Loopback  # noqa: E402

from ollama_sdk import Ollama  # noqa: E402
from ollama_sdk.fast import AsyncFastTransport, FastTransport  # noqa: E402


class _FastWorld(worlds.World):
    """A world whose clients use the fast transport, unless a test brings its own."""

    @contextlib.contextmanager
    def client(self, host, **options):
        if not {"transport", "http_client"} & set(options):
            options["transport"] = FastTransport() if self.kind == "sync" else AsyncFastTransport()
        with super().client(host, **options) as client:
            yield client


@pytest.fixture
def serve():
    with contextlib.ExitStack() as servers:
        yield lambda *scripts, **options: servers.enter_context(Loopback(*scripts, **options))


@pytest.fixture(params=["sync", "asyncio", "trio"])
def world(request):
    with worlds.world(request.param) as plain:
        yield _FastWorld(plain.kind, plain._portal)


@pytest.fixture
def sync_client():
    with contextlib.ExitStack() as clients:

        def make(*args, **options):
            return clients.enter_context(Ollama(*args, **{"timeout": 5, "transport": FastTransport(), **options}))

        yield make
