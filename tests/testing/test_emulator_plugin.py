"""The fixtures of the pytest plugin, the command line, and what importing costs."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path

import httpx
import pytest

from ollama_sdk.testing import Emulator

pytest_plugins = ["pytester"]

PLUGIN = "ollama_sdk.testing.pytest_plugin"
USES_FIXTURES = """
import httpx
import pytest

def test_sync(ollama_emulator):
    ollama_emulator.models.add("llama3.2")
    assert httpx.get(f"{ollama_emulator.url}/api/tags").json()["models"]

@pytest.mark.anyio
async def test_async(async_ollama_emulator):
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{async_ollama_emulator.url}/api/tags")).json() == {"models": []}
"""


def test_the_fixtures_serve_a_suite_of_a_user(pytester):
    pytester.makepyfile(USES_FIXTURES)
    # Where the package is installed, its entry point has registered the plugin already.
    installed = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
    result = pytester.runpytest_inprocess("-q", *([] if installed else ["-p", PLUGIN]))
    result.assert_outcomes(passed=3)


def test_pytest_knows_the_fixtures_without_loading_a_server():
    code = (
        "import sys, ollama_sdk.testing.pytest_plugin as p; print('starlette' in sys.modules, 'uvicorn' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False False\n"
    )


def test_a_missing_extra_is_named():
    code = "import sys; sys.modules['uvicorn'] = None; sys.modules['uvicorn.config'] = None\nfrom ollama_sdk.testing import Emulator"
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'ollama-sdk[testing]'" in failed.stderr


def test_the_command_line_says_plainly_that_a_port_is_taken():
    with Emulator() as server:
        command = [sys.executable, "-m", "ollama_sdk.testing", "--port", str(httpx.URL(server.url).port)]
        failed = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"Cannot listen at {server.url}: ")
    assert failed.stderr.count("\n") == 1


def test_the_command_line_serves_and_logs_a_line_a_request():
    command = [sys.executable, "-m", "ollama_sdk.testing", "--port", "0", "--model", "mine"]
    # Whoever started the tests in the background may have had Ctrl-C ignored, which children inherit.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd(), preexec_fn=listening) as process:  # noqa: PLW1509 - it only sets a signal
        first = process.stdout.readline()
        url = first.split()[0]
        assert "mine:latest" in first
        httpx.post(f"{url}/api/generate", json={"model": "mine", "prompt": "x", "stream": False})
        assert process.stdout.readline().startswith("POST /api/generate mine: 200, 1 items, ")
        with pytest.raises(httpx.HTTPStatusError):
            httpx.get(f"{url}/nothing").raise_for_status()
        assert process.stdout.readline().startswith("GET /nothing: 404")
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "stopped\n"
    assert process.returncode == 0
