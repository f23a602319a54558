"""The demo names its server, shows each feature, and ends with one line on errors."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from ollama_sdk.testing import Emulator, Fault, Speed, demo
from tests.support.loopback import PATIENCE

COMMAND = [sys.executable, "-m", "ollama_sdk.testing.demo"]


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch):
    with Emulator() as server:
        server.models.add("all-minilm", capabilities=["embedding"])
        server.models.add("llama3.2", capabilities=["completion"])
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def _accept_interrupts() -> None:
    """Undo an ignored SIGINT: shells start background jobs so, and child processes inherit it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(server: Emulator):
    environment = {**os.environ, "OLLAMA_HOST": server.url, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        COMMAND,
        preexec_fn=_accept_interrupts,  # noqa: PLW1509 - it only sets a signal
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(text: bytes, process: subprocess.Popen[bytes]) -> None:
    shown = b""
    while text not in shown:
        readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
        piece = os.read(process.stdout.fileno(), 1000) if readable else b""
        assert piece, f"the demo ended after {shown!r}"
        shown += piece


def test_demo_runs_on_the_server_at_ollama_host(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    emulator.reply("Blue", " light", " scatters.", to="llama3.2", when="sky")
    assert demo.main() == 0
    shown = capsys.readouterr().out
    assert f"Ollama {emulator.version} at {emulator.url}" in shown.splitlines()[0]
    assert "Streaming from llama3.2:latest\nBlue light scatters.\n" in shown
    assert "Name one colour. This is llama3.2" in shown
    assert "Name one animal. This is llama3.2" in shown
    assert "The sky is blue. 384 numbers" in shown
    assert "all-minilm:latest  17 MB" in shown
    assert shown.endswith("tokens per second\n")


def test_demo_starts_an_emulator_without_a_server(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    emulator.down()
    assert demo.main() == 0
    first, second, *_, last = capsys.readouterr().out.splitlines()
    assert first == f"No server at {emulator.url} (OLLAMA_HOST)."
    assert "embedded emulator at http://127.0.0.1:" in second
    assert emulator.url not in second
    assert last.endswith("tokens per second")


def test_demo_tries_the_default_address(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    with demo._server() as client:
        said = capsys.readouterr().out
    assert "http://127.0.0.1:11434" in said.splitlines()[0]
    assert str(client.base_url) in said


def test_demo_shows_tokens_as_they_arrive(emulator: Emulator):
    emulator.faults.add(Fault.stall(after=1), path="/api/chat")
    emulator.reply("Blue", " light", " scatters.", to="llama3.2")
    with started(emulator) as process:
        read_until(b"Blue", process)
        process.kill()


def test_demo_chats_run_concurrently(emulator: Emulator):
    emulator.speed = Speed(time_to_first_token=1)
    assert demo.main() == 0
    _, first, second = [request for request in emulator.requests if request.path == "/api/chat"]
    assert second.started_at < first.finished_at
    assert first.started_at < second.finished_at


def test_demo_reports_that_no_model_can_chat(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    emulator.models.remove("llama3.2")
    assert demo.main() == 1
    assert "No model here can chat: `ollama pull llama3.2`" in capsys.readouterr().out


def test_demo_reports_that_no_model_can_embed(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    emulator.models.remove("all-minilm")
    assert demo.main() == 0
    assert "No model here can embed: `ollama pull all-minilm`" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/show", "/api/chat", "/api/embed"])
def test_demo_reports_a_server_error_in_one_line(emulator: Emulator, path: str, capsys: pytest.CaptureFixture[str]):
    emulator.faults.add(Fault.status(500, message="out of\nmemory"), path=path)
    assert demo.main() == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("InternalServerError: ")
    assert f"{emulator.url}{path} answered 500: out of memory" in line


def test_demo_shows_the_text_before_a_stream_error(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    emulator.reply("Blue", " light", " scatters.", to="llama3.2")
    emulator.faults.add(Fault.runner_dies(after=2), path="/api/chat")
    assert demo.main() == 1
    said = capsys.readouterr()
    assert said.out.endswith("\nBlue light")
    assert said.err.strip().startswith("ReplyFailedError: ")
    assert len(said.err.strip().splitlines()) == 1


def test_demo_ends_quietly_on_interrupt(emulator: Emulator):
    emulator.faults.add(Fault.stall(after=1), path="/api/chat")
    with started(emulator) as process:
        read_until(b"This", process)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE)
    assert complaints == b""
    assert process.returncode == 130
