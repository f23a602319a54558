"""An Ollama emulator for tests: it starts in milliseconds, needs no model, and injects faults.

It works with any client of Ollama, OpenAI or Anthropic, from threads, asyncio or trio:

    >>> import httpx
    >>> from ollama_sdk.testing import Emulator, Fault
    >>> with Emulator() as server:
    ...     _ = server.models.add("llama3.2", capabilities=["completion", "tools"])
    ...     server.reply("Hello", " there", to="llama3.2")
    ...     server.faults.add(Fault.status(503, retry_after=1), path="/api/chat", times=1)
    ...     body = {"model": "llama3.2", "stream": False, "messages": [{"role": "user", "content": "Hi"}]}
    ...     answers = [httpx.post(f"{server.url}/api/chat", json=body) for _ in range(2)]
    >>> [answer.status_code for answer in answers], answers[1].json()["message"]["content"]
    ([503, 200], 'Hello there')
    >>> server.requests[0].json["messages"][0]["content"], server.requests[0].hung_up
    ('Hi', False)

A reply can also be a function of the prompt, call tools, think, or never end. ``Emulator.down`` and ``up`` stop and restart the
whole server; ``Speed``, ``num_parallel`` and ``max_queue`` make it slow and busy.

It needs the extra ``ollama-sdk[testing]``. With it installed, pytest has the fixtures ``ollama_emulator`` and
``async_ollama_emulator``, and ``python -m ollama_sdk.testing`` runs the emulator from the command line.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ollama_sdk.testing._fault_rules import Faults
    from ollama_sdk.testing.emulator import Emulator
    from ollama_sdk.testing.faults import Fault, Interception
    from ollama_sdk.testing.models import Blobs, EmulatedModel, Layer, Models, Registry
    from ollama_sdk.testing.recorder import Recorder, Replay
    from ollama_sdk.testing.recording import RecordedChunk, RecordedExchange, RecordingFolder, read_recordings
    from ollama_sdk.testing.requests import RecordedRequest, Requests
    from ollama_sdk.testing.script import Prompt, ScriptedReply, ScriptedToolCall, Speed

__all__ = [
    "Blobs",
    "EmulatedModel",
    "Emulator",
    "Fault",
    "Faults",
    "Interception",
    "Layer",
    "Models",
    "Prompt",
    "RecordedChunk",
    "RecordedExchange",
    "RecordedRequest",
    "Recorder",
    "RecordingFolder",
    "Registry",
    "Replay",
    "Requests",
    "ScriptedReply",
    "ScriptedToolCall",
    "Speed",
    "read_recordings",
]

_MODULES = {
    **dict.fromkeys(("Blobs", "EmulatedModel", "Layer", "Models", "Registry"), "models"),
    **dict.fromkeys(("RecordedRequest", "Requests"), "requests"),
    **dict.fromkeys(("Prompt", "ScriptedReply", "ScriptedToolCall", "Speed"), "script"),
    **dict.fromkeys(("Fault", "Interception"), "faults"),
    **dict.fromkeys(("Recorder", "Replay"), "recorder"),
    **dict.fromkeys(("RecordedChunk", "RecordedExchange", "RecordingFolder", "read_recordings"), "recording"),
    "Emulator": "emulator",
    "Faults": "_fault_rules",
}


def __getattr__(name: str) -> Any:
    """Import a name at its first use, so that the pytest plugin loads without the extra."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ollama_sdk"):
            raise
        raise ImportError(f"{__name__} needs {error.name}: pip install 'ollama-sdk[testing]'") from error
