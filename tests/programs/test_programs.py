"""Programs that people build on work with the emulator as with Ollama: unmodified, in an environment of their own.

`make test-programs` installs them and runs this.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from ollama_sdk.testing import Emulator

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parents[1] / ".venv-programs"
PATIENCE = 300  # seconds; the first import of such a program takes its time
PROGRAMS = {
    "npm-ollama": ["with_npm_ollama.mjs", str(ENVIRONMENT)],
    "langchain-ollama": ["with_langchain.py"],
    "litellm": ["with_litellm.py"],
    "llama-index": ["with_llama_index.py"],
    "pydantic-ai": ["with_pydantic_ai.py"],
    "openai-agents, chat completions": ["with_openai_agents.py", "chat"],
    "openai-agents, responses": ["with_openai_agents.py", "responses"],
    "haystack": ["with_haystack.py"],
}

pytestmark = pytest.mark.skipif(not ENVIRONMENT.exists(), reason="make test-programs installs the programs")


@cache
def _run(name):
    """Run a program against an emulator of its own; return what it reports and the paths that it called."""
    script, *arguments = PROGRAMS[name]
    python = script.endswith(".py")
    program = str(ENVIRONMENT / "bin" / "python") if python else shutil.which("node")
    if program is None or not (python or (ENVIRONMENT / "node_modules").exists()):
        pytest.skip("node or npm is not installed")
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools"])
        server.models.add("all-minilm", capabilities=["embedding"], embedding_length=8)
        server.reply("Hello", " there", when="sky")
        # Nothing of the machine's settings, and no proxy or telemetry.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(ENVIRONMENT),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            "OPENAI_API_KEY": "none",
        }
        done = subprocess.run(
            [program, str(HERE / script), server.url, *arguments],
            capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1]), [request.path for request in server.requests]


@pytest.fixture(params=PROGRAMS)
def found(request):
    return _run(request.param)[0]


def test_it_chats(found):
    assert found["text"] == "Hello there"


def test_it_streams_piece_by_piece(found):
    assert [piece for piece in found["pieces"] if piece] == ["Hello", " there"]


def test_it_calls_tools_and_sends_results_back(found):
    assert found["call"] == ["get_weather", {"city": "alpha"}]
    assert found["after_call"].startswith("This is llama3.2")


def test_it_gets_structured_output(found):
    assert set(found["structured"]) == {"name", "age"}
    assert isinstance(found["structured"]["age"], int)


def test_it_embeds(found):
    assert [len(vector) for vector in found["vectors"]] == [8, 8]
    assert found["vectors"][0] != found["vectors"][1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_emulator_has_every_route_that_it_calls(name):
    assert set(_run(name)[1]) <= {
        "/api/chat", "/api/embed", "/api/embeddings", "/api/show", "/api/tags", "/v1/chat/completions", "/v1/embeddings",
        "/v1/models", "/v1/responses",
    }  # fmt: skip
