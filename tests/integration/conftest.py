"""Finds the live server before the first test, and fails a run that tests too little."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from ollama_sdk import APIConnectionError, APITimeoutError, NotFoundError, Ollama, OllamaError
from tests.integration.live import FLAVOURS, HOW_TO_START, Caller, Flavour, Server, find_server, missing_route_skips

# A text model on the oldest supported server passes more; a run that only skips must fail.
MIN_PASSES = 60

_server = pytest.StashKey[Server]()
_partial = pytest.StashKey[bool]()
_too_few = pytest.StashKey[str]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Find the server, or end the run."""
    try:
        session.config.stash[_server] = find_server()
    except (APIConnectionError, APITimeoutError) as error:
        pytest.exit(HOW_TO_START.format(reason=error), returncode=1)
    except (LookupError, OllamaError) as error:
        pytest.exit(str(error), returncode=1)


def pytest_report_header(config: pytest.Config) -> str:
    """Show the server in the header."""
    return f"server: {config.stash[_server]}"


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Record that only some tests were selected."""
    items[0].config.stash[_partial] = True


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run if too few tests passed."""
    config = session.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    whole = not config.stash.get(_partial, False) and not any("::" in arg or ".py" in arg for arg in config.args)
    passes = len(reporter.stats.get("passed", ())) if reporter else MIN_PASSES
    if exitstatus == pytest.ExitCode.OK and whole and passes < MIN_PASSES:
        config.stash[_too_few] = f"only {passes} tests passed, at least {MIN_PASSES} must: the others were skipped"
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show why the run failed."""
    if _too_few in config.stash:
        terminalreporter.write_line(f"FAILED: {config.stash[_too_few]}", red=True)


@pytest.fixture
def server(pytestconfig: pytest.Config) -> Server:
    """The live server."""
    return pytestconfig.stash[_server]


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each test runs with the sync client, and with the async one on both event loops."""
    return request.param


@pytest.fixture
def caller(server: Server, flavour: Flavour) -> Caller:
    """Calls the live server."""
    return Caller(server.url, flavour)


@pytest.fixture
def new_name(server: Server) -> Iterator[Callable[[], str]]:
    """Makes unique model names; the models are deleted after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"sdk-test-{uuid.uuid4().hex[:12]}")
        return made[-1]

    yield make
    with Ollama(server.url) as client:
        for name in made:
            try:
                client.delete(name)
            except NotFoundError:
                continue


@pytest.fixture
def copied(server: Server, new_name: Callable[[], str]) -> str:
    """A copy of the test model, deleted after the test."""
    name = new_name()
    with Ollama(server.url) as client, missing_route_skips("copy"):
        client.copy(server.model, name)
    return name


@pytest.fixture
def pullable() -> str:
    """The model that may be pulled; skips the test unless ``OLLAMA_TEST_PULL`` names one."""
    name = os.environ.get("OLLAMA_TEST_PULL")
    if not name:
        pytest.skip("pull and push talk to a registry: OLLAMA_TEST_PULL names a model that may be pulled")
    return name
