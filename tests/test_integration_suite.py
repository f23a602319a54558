"""The suite for live servers passes on capable servers, names what it skips, and fails if it tests too little."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ollama_sdk import Ollama
from ollama_sdk.testing import Emulator, Fault, Interception, ScriptedReply, ScriptedToolCall
from tests.integration.live import QUESTION

pytestmark = pytest.mark.slow  # each runs a suite of hundreds of tests

ROOT = Path(__file__).parent.parent
NEWER_THAN_0_5 = [
    "/api/status", "/api/me", "/api/signout", "/api/experimental/*", "/v1/responses", "/v1/messages", "/v1/audio/*",
]  # fmt: skip
# These plugins slow down start-up, and the suite does not need them.
PLAIN = [f"-pno:{plugin}" for plugin in ("cacheprovider", "hypothesispytest", "schemathesis")]
NO_ROUTE = Fault.status(404, body=b"404 page not found", headers={"content-type": "text/plain"})


# What a model of random weights says, one after the other: it calls tools only where some are offered.
WILD = [
    ScriptedReply(pieces=["}"] * 3, finished=False),
    ScriptedReply(pieces=[], finished=False),
    ScriptedReply(pieces=[]),
    ScriptedReply(tool_calls=[ScriptedToolCall("launch", {})]),
    ScriptedReply(pieces=['{"x":', " 1}"]),
    ScriptedReply(pieces=["[1]"]),
    ScriptedReply(pieces=[], thinking=["hm"]),
    ScriptedReply(pieces=[" ", "\n"]),
    ScriptedReply(tool_calls=[ScriptedToolCall("get_weather", {"nonsense": 5})]),
    ScriptedReply(pieces=["x"] * 50),
    ScriptedReply(pieces=["ok"]),
]


def run_suite(url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OLLAMA_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests/integration", "-rs", *PLAIN],
        cwd=ROOT,
        env={**ours, "OLLAMA_HOST": url, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def counted(output: str, what: str) -> int:
    found = re.search(rf"(\d+) {what}", output.splitlines()[-1])
    return int(found[1]) if found else 0


@pytest.fixture
def emulator():
    with Emulator() as server:
        yield server


def without_capabilities() -> Fault:
    """Remove capabilities from answers, as servers before 0.6.4 have none."""

    def remove(value):
        if isinstance(value, dict):
            return {key: remove(item) for key, item in value.items() if key != "capabilities"}
        return [remove(item) for item in value] if isinstance(value, list) else value

    async def act(interception: Interception) -> None:
        messages = []

        async def keep(message) -> None:
            messages.append(message)

        await interception.proceed(keep)
        start, *parts = messages
        body = b"".join(part.get("body", b"") for part in parts)
        if start["status"] == 200:
            body = json.dumps(remove(json.loads(body))).encode()
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await interception.send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await interception.send({"type": "http.response.body", "body": body})

    return Fault("capabilities are unknown", act)


def test_suite_passes_with_capable_models(emulator: Emulator):
    emulator.models.add("able", capabilities=["completion", "tools", "thinking", "vision", "insert", "audio"])
    emulator.models.add("vectors", capabilities=["embedding"])
    emulator.registry.remove("sdk-test/there-is-no-such-model")
    run = run_suite(emulator.url, OLLAMA_TEST_PULL="pulled")
    assert run.returncode == 0, run.stdout
    assert counted(run.stdout, "passed") > 300
    assert set(re.findall(r"able:latest has the capability '(\w+)'", run.stdout)) == {"tools", "insert", "thinking"}
    assert counted(run.stdout, "skipped") == 9


def test_suite_deletes_its_models(emulator: Emulator):
    emulator.models.add("plain")
    run = run_suite(emulator.url)
    assert run.returncode == 0, run.stdout
    assert [model.name.short for model in emulator.models] == ["plain:latest"]
    assert "plain:latest has no capability 'vision'" in run.stdout
    assert "OLLAMA_TEST_EMBED_MODEL" in run.stdout
    assert "OLLAMA_TEST_PULL" in run.stdout


def test_suite_names_what_a_model_does_that_does_not_cooperate(emulator: Emulator):
    emulator.models.add("wild", capabilities=["completion", "tools", "thinking"])
    emulator.models.add("tame", capabilities=["embedding"])
    emulator.reply("}", "}", finished=False, when=QUESTION)
    emulator.reply(tool_calls=[ScriptedToolCall("launch", {})], when="weather")
    emulator.reply("no", " format", when=lambda prompt: prompt.format is not None)
    run = run_suite(emulator.url)
    assert run.returncode == 0, run.stdout
    assert "the server gave up on the model in v1.messages.create, as it does when one repeats itself" in run.stdout
    assert "the model did not say JSON, though format= asked for it: 'no format'" in run.stdout
    assert "wild:latest called a tool that was not offered: 'launch'" in run.stdout
    assert "failed" not in run.stdout.splitlines()[-1]


def test_suite_fails_for_nothing_that_a_model_says(emulator: Emulator):
    emulator.models.add("wild", capabilities=["completion", "tools", "thinking", "vision", "insert", "audio"])
    emulator.models.add("vectors", capabilities=["embedding"])
    replies = itertools.cycle(WILD)
    emulator.reply(lambda prompt: next(reply for reply in replies if prompt.tools or not reply.tool_calls))
    run = run_suite(emulator.url)
    assert run.returncode == 0, run.stdout
    assert counted(run.stdout, "skipped") > 40


def test_suite_passes_where_two_names_share_weights(emulator: Emulator):
    emulator.models.add("plain")
    with Ollama(emulator.url) as client:
        client.copy("plain", "another")
        client.generate("another", "Hi")
    run = run_suite(emulator.url, OLLAMA_TEST_MODEL="plain:latest")
    assert run.returncode == 0, run.stdout


def test_suite_passes_on_the_oldest_supported_server():
    with Emulator(version="0.5.0") as server:
        server.models.add("vectors", capabilities=["embedding"])
        server.models.add("plain", capabilities=["completion", "tools"])
        for path in NEWER_THAN_0_5:
            server.faults.add(NO_ROUTE, path=path)
        for path in ("/api/show", "/api/tags"):
            server.faults.add(without_capabilities(), path=path)
        run = run_suite(server.url)
        assert run.returncode == 0, run.stdout
        assert "this server has no route for v1.responses.create" in run.stdout
        assert "logprobs came with Ollama 0.12.11; this is 0.5.0" in run.stdout
        assert {model.name.short for model in server.models} == {"plain:latest", "vectors:latest"}


def test_suite_fails_if_nearly_everything_is_skipped(emulator: Emulator):
    emulator.models.add("plain")
    known = {"/api/version", "/api/tags", "/api/show"}
    emulator.faults.add(NO_ROUTE, when=lambda request: request.path not in known and request.method != "HEAD")
    run = run_suite(emulator.url)
    assert run.returncode == 1, run.stdout
    assert "at least 60 must" in run.stdout


def test_suite_fails_at_once_without_a_server(emulator: Emulator):
    emulator.down()
    run = run_suite(emulator.url)
    assert run.returncode == 1
    assert "ollama serve" in run.stderr
    assert emulator.url in run.stderr
    assert "passed" not in run.stdout


def test_suite_fails_at_once_without_a_model(emulator: Emulator):
    emulator.models.add("vectors", capabilities=["embedding"])
    run = run_suite(emulator.url)
    assert run.returncode == 1
    assert "ollama pull" in run.stderr


def test_suite_names_a_chosen_model_that_is_missing(emulator: Emulator):
    emulator.models.add("plain")
    run = run_suite(emulator.url, OLLAMA_TEST_MODEL="missing")
    assert run.returncode == 1
    assert "missing" in run.stderr
