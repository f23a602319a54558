"""An Ollama to test against: starts in milliseconds, needs no model, and fails on command.

Any client of Ollama, OpenAI or Anthropic may talk to it, from threads, asyncio or trio:

    >>> import httpx
    >>> from ollama_sdk.testing import Emulator, Fault
    >>> with Emulator() as server:
    ...     _ = server.models.add("llama3.2", capabilities=["completion", "tools"])
    ...     server.reply("Hello", " there", to="llama3.2")
    ...     server.faults.add(Fault.status(503, retry_after=1), path="/api/chat", times=1)
    ...     ask = {"model": "llama3.2", "stream": False, "messages": [{"role": "user", "content": "Hi"}]}
    ...     answers = [httpx.post(f"{server.url}/api/chat", json=ask) for _ in range(2)]
    >>> [answer.status_code for answer in answers], answers[1].json()["message"]["content"]
    ([503, 200], 'Hello there')
    >>> server.requests[0].json["messages"][0]["content"], server.requests[0].hung_up
    ('Hi', False)

A reply may also be a function of the prompt, call tools, think, or never end; ``Emulator.down`` and ``up`` make the whole
server go and come back; ``Speed``, ``num_parallel`` and ``max_queue`` make it slow and busy.

It needs the extra ``ollama-sdk[testing]``. With it installed, pytest knows the fixtures ``ollama_emulator`` and
``async_ollama_emulator``, and ``python -m ollama_sdk.testing`` runs the emulator by hand.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ollama_sdk.testing.emulator import Emulator
    from ollama_sdk.testing.fault_rules import Faults
    from ollama_sdk.testing.faults import Exchange, Fault
    from ollama_sdk.testing.models import Blobs, Layer, Model, Models, Registry
    from ollama_sdk.testing.requests import RecordedRequest, Requests
    from ollama_sdk.testing.script import Prompt, Reply, Speed, ToolCall

__all__ = [
    "Blobs",
    "Emulator",
    "Exchange",
    "Fault",
    "Faults",
    "Layer",
    "Model",
    "Models",
    "Prompt",
    "RecordedRequest",
    "Registry",
    "Reply",
    "Requests",
    "Speed",
    "ToolCall",
]

_MODULES = {
    **dict.fromkeys(("Blobs", "Layer", "Model", "Models", "Registry"), "models"),
    **dict.fromkeys(("RecordedRequest", "Requests"), "requests"),
    **dict.fromkeys(("Prompt", "Reply", "Speed", "ToolCall"), "script"),
    "Emulator": "emulator",
    **dict.fromkeys(("Exchange", "Fault"), "faults"),
    "Faults": "fault_rules",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used, so that pytest may know the fixtures where the extra is not installed."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ollama_sdk"):
            raise
        raise ImportError(f"{__name__} needs {error.name}: pip install 'ollama-sdk[testing]'") from error
