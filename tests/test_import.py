"""Importing the package costs next to nothing; modules are loaded when a call needs them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import ollama_sdk
from ollama_sdk import types
from ollama_sdk.testing import Emulator, ScriptedToolCall

# Each step runs in one fresh interpreter after the ones before it, and reports the modules that it loaded.
STEPS = {
    "import": "import ollama_sdk",
    "errors": "from ollama_sdk import ConfigurationError, NotFoundError",
    "types": "from ollama_sdk import types",
    "httpx": "import httpx",
    "client": "from ollama_sdk import Ollama; client = Ollama(sys.argv[1])",
    "chat": "client.chat('llama3.2', [{'role': 'user', 'content': 'Hi'}])",
    "stream": "list(client.chat('llama3.2', [{'role': 'user', 'content': 'Hi'}], stream=True))",
    "tools": "client.chat('llama3.2', [{'role': 'user', 'content': 'Add'}])",
    "embed": "client.embed('all-minilm', 'Hi')",
    "raw": "client.with_raw_response.version()",
    "close": "client.close()",
    "async client": "from ollama_sdk import AsyncOllama; AsyncOllama()",
    "model": "types.Message",
}
# httpx and what it loads when it is used; what it would load beside it only because it is installed here is hidden.
PARSER = {"httptools", "_cython_3_3_0", "cython_runtime"}
HTTPX = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna"}
HIDDEN = {"click", "h2", "pygments", "rich", "socksio", "trio", "zstandard", "brotli", "brotlicffi"}
MODELS = "ollama_sdk._generated.models."


def _script():
    hide = f"sys.modules.update(dict.fromkeys({HIDDEN}))"
    lines = ["import sys, json", hide, "known = set(sys.modules)", "report = {}"]
    for name, code in STEPS.items():
        lines += [code, f"report[{name!r}] = sorted(set(sys.modules) - known)", "known = set(sys.modules)"]
    return "\n".join([*lines, "print(json.dumps(report))"])


@pytest.fixture(scope="module")
def loaded():
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools"])
        server.models.add("all-minilm", capabilities=["embedding"])
        server.reply("Hello", " there")
        server.reply(tool_calls=[ScriptedToolCall("add", {"a": 1})], when="Add")
        command = [sys.executable, "-c", _script(), server.url]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    return {name: set(modules) for name, modules in json.loads(done.stdout).items()}


def packages(modules):
    return {module.partition(".")[0] for module in modules}


def third_party(modules):
    return packages(modules) - sys.stdlib_module_names - {"ollama_sdk", "encodings"}


def own(modules):
    return {module for module in modules if module.startswith("ollama_sdk")}


def models(modules):
    return {module.removeprefix(MODELS) for module in modules if module.startswith(MODELS)}


def test_import_loads_two_modules_and_no_dependency(loaded):
    assert own(loaded["import"]) == {"ollama_sdk", "ollama_sdk._version"}
    assert not third_party(loaded["import"])
    assert not packages(loaded["import"]) & {"asyncio", "ssl", "json", "logging"}
    assert len(loaded["import"]) < 40


def test_errors_load_without_httpx(loaded):
    assert own(loaded["errors"]) == {"ollama_sdk.errors"}
    assert not third_party(loaded["errors"])


def test_the_types_load_no_model_until_one_is_named(loaded):
    assert not third_party(loaded["types"])
    assert not models(loaded["types"])
    assert models(loaded["model"]) == set()  # the chats have loaded it already


def test_a_client_loads_no_model_no_policy_and_no_other_client(loaded):
    assert not models(loaded["client"])
    unneeded = (
        "async_client",
        "params",
        "reliability",
        "testing",
        "_metrics",
        "explain",
        "advice",
        "_files",
        "_coding",
        "_bytes",
        "streaming._stream",
        "_call.streamed",
        "discriminator",
        "error_mapping",
        "raw",
        "_httpx2",
        "_outcome",
        "loops",
    )
    assert not [module for module in own(loaded["client"]) if any(part in module for part in unneeded)]
    assert len(own(loaded["client"])) <= 41


def test_beside_httpx_a_client_needs_attrs_and_orjson(loaded):
    assert third_party(set().union(*loaded.values())) <= HTTPX | PARSER | {"attr", "attrs", "orjson"}


def test_a_chat_in_one_piece_loads_nothing_of_streams_and_tasks(loaded):
    needed = own(loaded["client"] | loaded["chat"])
    assert {module for module in needed if "stream" in module} == {
        "ollama_sdk.streaming",
        "ollama_sdk.streaming._marks",
    }
    assert not third_party(loaded["client"] | loaded["chat"]) & {"anyio", "attrs", "h11", "httpcore"}
    assert "ollama_sdk.streaming._stream" in loaded["stream"]


def test_a_chat_loads_the_models_that_occur_in_it(loaded):
    assert models(loaded["chat"]) == {"chat_response", "message"}
    assert models(loaded["stream"]) == set()
    assert models(loaded["tools"]) == {"tool_call", "tool_call_function"}
    assert models(loaded["embed"]) == {"embed_response"}


def test_raw_view_and_async_client_load_when_asked_for(loaded):
    assert own(loaded["raw"]) == {
        "ollama_sdk._call.raw",
        "ollama_sdk._generated.models.version_response",
        "ollama_sdk._generated.raw_sync_client",
        "ollama_sdk._raw_client",
    }
    assert own(loaded["async client"]) == {"ollama_sdk._generated.async_client", "ollama_sdk._transport.aio"}


@pytest.mark.parametrize("name", ["ollama_sdk", "ollama_sdk.types"])
def test_dir_lists_exactly_the_usable_names(name):
    module = __import__(name, fromlist=["_"])
    names = [entry for entry in dir(module) if not entry.startswith("__")]
    assert {"Ollama", "AsyncOllama", "Timeout", "NotFoundError"} <= set(names) or "ChatResponse" in names
    for entry in names:
        assert getattr(module, entry) is not None
    if name == "ollama_sdk":
        assert {"errors", "reliability", "streaming", "testing", "types"} <= set(names)


def test_every_public_module_is_an_attribute():
    names = {path.stem for path in Path(ollama_sdk.__file__).parent.iterdir() if path.suffix == ".py" or path.is_dir()}
    public = {name for name in names if not name.startswith("_")}
    code = f"import ollama_sdk; print([getattr(ollama_sdk, name).__name__ for name in {sorted(public)}])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str([f"ollama_sdk.{name}" for name in sorted(public)])


def test_all_types_can_be_imported_at_once():
    names = {}
    exec("from ollama_sdk.types import *", names)
    assert {"ChatResponse", "MessageParam", "Metrics", "JSONSchema"} <= names.keys()
    assert set(dir(types)) == names.keys() - {"__builtins__"}


@pytest.mark.parametrize("name", ["Olama", "MessagParam", "_private", "ContentFilterFinishReasonError"])
def test_missing_name_is_an_attribute_error(name):
    for module in (ollama_sdk, types):
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)


_ELSEWHERE = {
    "Client": "use Ollama",
    "AsyncClient": "use AsyncOllama",
    "ResponseError": "use APIStatusError, or OllamaError for every error",
    "LengthFinishReasonError": "use ParseError, which parse() raises for a reply that was cut",
    "chat": "a client has it: Ollama().chat",
    "v1": "a client has it: Ollama().v1",
    "list": "use Ollama().list_models()",
    "ListResponse": "use ollama_sdk.types.ModelList",
    "ChatResponse": "use ollama_sdk.types.ChatResponse",
    "MessageParam": "use ollama_sdk.types.MessageParam",
    "RetryScheduled": "use ollama_sdk.reliability.RetryScheduled",
    "Toolbox": "use ollama_sdk.tools.Toolbox",
    "track": "use ollama_sdk.progress.track",
}


@pytest.mark.parametrize("name", _ELSEWHERE)
def test_a_name_of_another_client_says_what_to_use(name):
    import ollama_sdk

    with pytest.raises(AttributeError) as caught:
        getattr(ollama_sdk, name)
    assert str(caught.value) == f"module 'ollama_sdk' has no attribute {name!r}; {_ELSEWHERE[name]}"
    assert (caught.value.name, caught.value.obj) == (name, ollama_sdk)
    assert not hasattr(ollama_sdk, name)
    with pytest.raises(ImportError, match=f"cannot import name '{name}'"):
        exec(f"from ollama_sdk import {name}")


@pytest.mark.parametrize(
    "name", sorted({part for said in _ELSEWHERE.values() for part in said.split() if "ollama_sdk." in part})
)
def test_what_such_an_error_names_is_there(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_a_name_of_python_itself_imports_nothing():
    looks = "import sys, ollama_sdk; hasattr(ollama_sdk, '__wrapped__'); print(*[m for m in sys.modules if 'ollama_sdk' in m])"
    loaded = subprocess.run([sys.executable, "-c", looks], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) <= {"ollama_sdk", "ollama_sdk._version", "ollama_sdk.errors"}


def test_everything_public_can_be_imported_at_once():
    names = {}
    exec("from ollama_sdk import *", names)
    assert {"Ollama", "AsyncOllama", "Timeout", "Stream", "OllamaError", "DecodeError"} <= set(names)
