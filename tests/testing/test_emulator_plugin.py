"""The pytest plugin and the command line work, and importing them needs no extra."""

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


def test_fixtures_work_in_a_test_suite(pytester):
    pytester.makepyfile(USES_FIXTURES)
    # An installed package registers the plugin by its entry point.
    installed = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
    result = pytester.runpytest_inprocess("-q", *([] if installed else ["-p", PLUGIN]))
    result.assert_outcomes(passed=3)


def test_plugin_imports_no_server():
    code = (
        "import sys, ollama_sdk.testing.pytest_plugin as p; print('starlette' in sys.modules, 'uvicorn' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False False\n"
    )


def test_import_error_names_the_missing_extra():
    code = "import sys; sys.modules['uvicorn'] = None; sys.modules['uvicorn.config'] = None\nfrom ollama_sdk.testing import Emulator"
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'ollama-sdk[testing]'" in failed.stderr


def test_command_line_reports_a_port_in_use():
    with Emulator() as server:
        command = [sys.executable, "-m", "ollama_sdk.testing", "--port", str(httpx.URL(server.url).port)]
        failed = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith(f"Cannot listen at {server.url}: ")
    assert failed.stderr.count("\n") == 1


def test_command_line_logs_one_line_per_request():
    command = [sys.executable, "-m", "ollama_sdk.testing", "--port", "0", "--model", "mine"]
    # A shell starts background jobs with SIGINT ignored, and child processes inherit that.
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
