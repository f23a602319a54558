"""Provides pytest fixtures: an emulator for each test, and cassettes, which are recorded replies of a real server."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from ollama_sdk.testing.emulator import Emulator
    from ollama_sdk.testing.recorder import Recorder, Replay

__all__ = ["async_ollama_emulator", "ollama_cassette", "ollama_emulator"]

_MARKER = "ollama_cassette"
_FOLDER = "cassettes"
_Options = dict[str, bool]
_MODES = ("none", "once", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that decide whether cassettes are recorded."""
    group = parser.getgroup("ollama", "cassettes of Ollama servers")
    group.addoption(
        "--ollama-record",
        choices=_MODES,
        default="none",
        help="record cassettes: none (the default), once (those that are missing), or all (again)",
    )
    group.addoption(
        "--ollama-upstream",
        metavar="URL",
        help="the server to record from; by default OLLAMA_HOST, else port 11434 here",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(name, timing=False, repeat=False): OLLAMA_HOST is a server that replays cassettes/NAME beside the test's"
        " file, or records it with --ollama-record; by default NAME is that of the test. timing: with the recorded pauses."
        " repeat: the last reply to equal requests answers all further ones.",
    )


@pytest.fixture
def ollama_emulator() -> Generator[Emulator]:
    """Return a running :class:`~ollama_sdk.testing.Emulator` without models; it stops when the test ends."""
    from ollama_sdk.testing import Emulator  # imported here, because the extra may be missing if no test uses it

    with Emulator() as server:
        yield server


@pytest.fixture
def async_ollama_emulator(ollama_emulator: Emulator) -> Emulator:
    """Return the same for async tests.

    The emulator has its own thread, so the fixture needs no event loop and works with anyio, pytest-asyncio and pytest-trio in
    each of their modes.
    """
    return ollama_emulator


@pytest.fixture
def ollama_cassette(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Generator[Recorder | Replay]:
    """Return a server that replays the test's cassette, or records it; ``OLLAMA_HOST`` is set to its address.

    The test errors if it sends a request that the cassette does not answer, or that could not be recorded.
    """
    name, options = _arguments(request)
    folder = request.path.parent / _FOLDER / name
    mode = request.config.getoption("--ollama-record")
    records = mode == "all" or (mode == "once" and not any(folder.glob("*.json")))
    upstream = request.config.getoption("--ollama-upstream") or os.environ.get("OLLAMA_HOST", "")
    with _recording(folder, upstream) if records else _replaying(folder, options) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


@contextmanager
def _replaying(folder: Path, options: _Options) -> Generator[Replay]:
    from ollama_sdk.testing import Replay

    try:
        replay = Replay(folder, timing=options.get("timing", False), repeat=options.get("repeat", False))
    except FileNotFoundError:
        text = f"there is no cassette {folder}: record it with pytest --ollama-record=once while a server runs"
        pytest.fail(text, pytrace=False)
    with replay:
        yield replay
    _fail_for(replay)


@contextmanager
def _recording(folder: Path, upstream: str) -> Generator[Recorder]:
    """Record to a temporary folder, and replace the cassette after every exchange was recorded."""
    from ollama_sdk.testing import Recorder

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as unfinished:
        with Recorder(upstream, unfinished) as recorder:
            yield recorder
        _fail_for(recorder)
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.json"):
            old.unlink()
        for new in Path(unfinished).glob("*.json"):
            new.replace(folder / new.name)


def _fail_for(server: Recorder | Replay) -> None:
    if server.failures:
        pytest.fail("\n".join(server.failures), pytrace=False)


def _arguments(request: pytest.FixtureRequest) -> tuple[str, _Options]:
    """Return the name of a test's cassette and the options of its replay."""
    marker: pytest.Mark | None = request.node.get_closest_marker(_MARKER)
    own_name = re.sub(r"[^\w.-]+", "-", request.node.name).strip("-")
    if marker is None:
        return own_name, {}
    known = {"name", "timing", "repeat"}
    if len(marker.args) > 1 or not set(marker.kwargs) <= known:
        pytest.fail(f"{_MARKER} takes a name, timing and repeat: {marker.args} {marker.kwargs}", pytrace=False)
    name: str = marker.kwargs.get("name") or (marker.args[0] if marker.args else own_name)
    return name, {key: bool(value) for key, value in marker.kwargs.items() if key != "name"}


@pytest.fixture(autouse=True)
def _ollama_cassette_of_marker(request: pytest.FixtureRequest) -> None:
    """Apply the marker to tests that do not request the fixture."""
    if request.node.get_closest_marker(_MARKER):
        request.getfixturevalue("ollama_cassette")
