"""Completion in notebooks: jedi reads live objects, and gives up on a whole object when one property confuses it."""

from __future__ import annotations

import jedi
import pytest

from ollama_sdk import AsyncOllama, AsyncStream, Ollama, Stream, errors, reliability, types
from ollama_sdk.testing import Emulator


def completed(code, **names):
    return {completion.name for completion in jedi.Interpreter(code, [names]).complete()}


@pytest.mark.parametrize("module", [errors, reliability, types])
def test_public_objects_complete(module):
    for name in dir(module):
        kind = getattr(module, name)
        properties = isinstance(kind, type) and {n for n in dir(kind) if isinstance(getattr(kind, n), property)}
        if properties:
            assert properties <= completed("thing.", thing=kind.__new__(kind)), name


@pytest.mark.parametrize("make", [Ollama, AsyncOllama])
def test_client_completes_methods_groups_and_replies(make):
    client = make()
    assert {"chat", "v1", "with_options", "with_raw_response", "base_url"} <= completed("client.", client=client)
    assert {"chat", "completions", "models"} <= completed("client.v1.", client=client)
    assert "create" in completed("client.v1.chat.completions.", client=client)
    assert {"chat", "v1"} <= completed("client.with_raw_response.", client=client)
    assert "retry=" in completed("make(re", make=make)


@pytest.mark.parametrize("kind", [Stream, AsyncStream])
def test_stream_completes_and_its_state_is_text(kind):
    stream = object.__new__(kind)
    assert {"state", "pause", "resume", "cancel", "collect"} <= completed("stream.", stream=stream)
    assert "upper" in completed("stream.state.", stream=stream)


def test_live_reply_completes():
    with Emulator() as server, Ollama(server.url) as client:
        server.models.add("llama3.2", capabilities=["completion"])
        server.reply("Hello")
        reply = client.chat("llama3.2", [{"role": "user", "content": "Hi"}])
    assert {"message", "metrics", "eval_count"} <= completed("reply.", reply=reply)
    assert "content" in completed("reply.message.", reply=reply)
    assert "tokens_per_second" in completed("reply.metrics.", reply=reply)
