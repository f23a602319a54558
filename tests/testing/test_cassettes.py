"""Tests with a cassette record it with an option of pytest, and replay it without."""

from __future__ import annotations

from importlib.metadata import entry_points

import httpcore  # httpx imports it late; the inner pytest forgets what it imported first, and httpx does not
import pytest

from ollama_sdk.testing import Emulator
from tests.support.loopback import closed_port

pytest_plugins = ["pytester"]

assert httpcore
PLUGIN = "ollama_sdk.testing.pytest_plugin"
# An installed package registers the plugin by its entry point.
LOADING = [] if any(entry.value == PLUGIN for entry in entry_points(group="pytest11")) else ["-p", PLUGIN]
CHATS = """
import pytest
from ollama_sdk import Ollama

@pytest.mark.ollama_cassette("greeting")
def test_greets():
    with Ollama(api_key="sk-0123456789") as client:
        reply = client.chat("llama3.2", [{"role": "user", "content": "Hi"}])
    assert reply.message.content == "Hello"
"""


@pytest.fixture
def run(pytester):
    """Run the test file; return what came of it."""

    def run(source, *options):
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess("-q", *LOADING, *options)

    return run


@pytest.fixture
def real():
    with Emulator() as server:
        server.models.add("llama3.2")
        server.reply("Hello")
        yield server


def _record(run, real, source=CHATS, mode="all"):
    return run(source, f"--ollama-record={mode}", f"--ollama-upstream={real.url}")


def test_cassette_is_recorded_and_replayed_without_a_server(run, real, pytester):
    _record(run, real).assert_outcomes(passed=1)
    (file,) = pytester.path.glob("cassettes/greeting/*.json")
    assert "sk-0123456789" not in file.read_text()
    real.down()
    run(CHATS).assert_outcomes(passed=1)


def test_missing_cassette_says_how_to_record_it(run):
    result = run(CHATS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no cassette *greeting: record it with pytest --ollama-record=once*"])


def test_once_records_only_what_is_missing(run, real):
    _record(run, real, mode="once").assert_outcomes(passed=1)
    before = len(real.requests)
    _record(run, real, mode="once").assert_outcomes(passed=1)
    assert len(real.requests) == before


def test_request_without_a_recording_fails_the_test(run, real):
    _record(run, real).assert_outcomes(passed=1)
    result = run("""
        import contextlib
        import pytest
        from ollama_sdk import Ollama, OllamaError

        @pytest.mark.ollama_cassette("greeting")
        def test_hides():
            with Ollama() as client, contextlib.suppress(OllamaError):
                client.chat("llama3.2", [{"role": "user", "content": "Bye"}])
    """)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(['*body.messages*content is "Bye", recorded "Hi"*'])


def test_each_recording_answers_one_request(run, real):
    _record(run, real).assert_outcomes(passed=1)
    twice = CHATS.replace("        reply", "      for _ in range(2):\n        reply")
    result = run(twice)
    result.stdout.fnmatch_lines(["*no recording answers POST /api/chat again: it was recorded once*"])
    run(twice.replace('"greeting"', '"greeting", repeat=True')).assert_outcomes(passed=1)


def test_failed_recording_keeps_the_old_cassette(run, real, pytester):
    _record(run, real).assert_outcomes(passed=1)
    result = run(CHATS, "--ollama-record=all", f"--ollama-upstream=127.0.0.1:{closed_port()}")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*the recorder got no reply from http://127.0.0.1:*"])
    assert [path.name for path in pytester.path.glob("cassettes/*")] == ["greeting"]
    run(CHATS).assert_outcomes(passed=1)


def test_recording_again_replaces_the_cassette(run, real, pytester):
    for _ in range(2):
        _record(run, real).assert_outcomes(passed=1)
    assert len(list(pytester.path.glob("cassettes/greeting/*.json"))) == 1


def test_server_to_record_is_that_of_ollama_host(run, real, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", real.url)
    run(CHATS, "--ollama-record=all").assert_outcomes(passed=1)


def test_fixture_alone_names_its_cassette_after_the_test(run, real, pytester):
    source = """
        import httpx
        import pytest

        @pytest.mark.parametrize("name", ["llama3.2", "no/thing"])
        def test_shows(ollama_cassette, name):
            httpx.post(f"{ollama_cassette.url}/api/show", json={"model": name})
            assert len(ollama_cassette.requests) == 1
    """
    _record(run, real, source).assert_outcomes(passed=2)
    names = {path.name for path in pytester.path.glob("cassettes/*")}
    assert names == {"test_shows-llama3.2", "test_shows-no-thing"}
    run(source).assert_outcomes(passed=2)


def test_cassette_serves_async_tests(run, real):
    source = """
        import pytest
        from ollama_sdk import AsyncOllama

        @pytest.mark.anyio
        @pytest.mark.ollama_cassette
        async def test_lists():
            async with AsyncOllama() as client:
                assert [model.model for model in (await client.list_models()).models] == ["llama3.2:latest"]
    """
    _record(run, real, source).assert_outcomes(passed=2)
    run(source).assert_outcomes(passed=2)


@pytest.mark.parametrize("arguments", ['"a", "b"', "nam='a'"])
def test_wrong_marker_is_an_error(run, arguments):
    result = run(CHATS.replace('"greeting"', arguments))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ollama_cassette takes a name, timing and repeat*"])
