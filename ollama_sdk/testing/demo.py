"""Demonstrates the SDK: ``python -m ollama_sdk.testing.demo`` streams, chats twice at once, embeds and lists models."""

# ruff: noqa: T201 - a demo prints
from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ollama_sdk import APIConnectionError, APITimeoutError, AsyncOllama, Ollama, OllamaError

if TYPE_CHECKING:
    from collections.abc import Generator

    from ollama_sdk.types import Metrics, OptionsParam

_VERSION_TIMEOUT = 2.0  # seconds
_OPTIONS: OptionsParam = {"num_predict": 128}  # tokens; short, for slow machines
_QUESTIONS = ("Name one colour.", "Name one animal.")
_TEXTS = ("The sky is blue.", "Grass is green.")


def main() -> int:
    """Run the demo; return the exit status."""
    try:
        with _server() as client:
            return _run(client)
    except (OllamaError, ImportError) as error:
        print(f"\n{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130


@contextmanager
def _server() -> Generator[Ollama]:
    """Return a client for the server at ``OLLAMA_HOST`` or the default address, or for an emulator if there is none."""
    with Ollama() as client:
        try:
            version = client.version(timeout=_VERSION_TIMEOUT).version
        except (APIConnectionError, APITimeoutError):
            where = "OLLAMA_HOST" if os.environ.get("OLLAMA_HOST") else "the default address"
            print(f"No server at {client.base_url} ({where}).")
        else:
            print(f"Server: Ollama {version} at {client.base_url}")
            yield client
            return

    from ollama_sdk.testing import Emulator, Speed  # a live server needs no extra

    with Emulator(speed=Speed(time_to_first_token=0.2, tokens_per_second=20)) as server, Ollama(server.url) as client:
        server.models.add("llama3.2", capabilities=["completion"])
        server.models.add("all-minilm", capabilities=["embedding"])
        print(f"Server: an embedded emulator at {server.url}; its answers are made up.")
        yield client


def _run(client: Ollama) -> int:
    model = _model_for("completion", client)
    if model is None:
        print("No model here can chat: `ollama pull llama3.2` gets one that can.")
        return 1
    metrics = _stream(client, model)
    asyncio.run(_chat_twice_at_once(str(client.base_url), model))
    _embed(client)
    _list(client)
    _show_speed(metrics)
    return 0


def _model_for(capability: str, client: Ollama) -> str | None:
    """Return the first local model with a capability; servers before 0.6.4 report none, so that any model is taken."""
    for listed in client.list_models().models:
        if listed.remote_host:
            continue
        shown = client.show(listed.model)
        if shown.capabilities is None or capability in shown.capabilities:
            return listed.model
    return None


def _stream(client: Ollama, model: str) -> Metrics | None:
    """Show one chat token by token; return the counters of its last part."""
    _title(f"Streaming from {model}")
    question = "Why is the sky blue? Answer in one sentence."
    metrics = None
    with client.chat(
        model, [{"role": "user", "content": question}], think=False, options=_OPTIONS, stream=True
    ) as stream:
        for part in stream:
            print(part.message.content, end="", flush=True)
            metrics = part.metrics
    print()
    return metrics


async def _chat_twice_at_once(host: str, model: str) -> None:
    """Show two concurrent chats of one client."""
    _title("Two chats at once")
    async with AsyncOllama(host) as client:
        chats = [
            client.chat(model, [{"role": "user", "content": text}], think=False, options=_OPTIONS)
            for text in _QUESTIONS
        ]
        for question, reply in zip(_QUESTIONS, await asyncio.gather(*chats), strict=True):
            print(f"{question} {reply.message.content}")


def _embed(client: Ollama) -> None:
    """Show the vectors of two texts."""
    _title("Embeddings")
    model = _model_for("embedding", client)
    if model is None:
        print("No model here can embed: `ollama pull all-minilm` gets one that can.")
        return
    vectors = client.embed(model, _TEXTS).embeddings
    for text, vector in zip(_TEXTS, vectors, strict=True):
        print(f"{text} {len(vector)} numbers, the first is {vector[0]:.4f}")


def _list(client: Ollama) -> None:
    """Show the models on the server."""
    _title("Models")
    for model in client.list_models().models:
        size = "size unknown" if model.size is None else f"{model.size / 1e6:.0f} MB"
        print(f"{model.model}  {size}")


def _show_speed(metrics: Metrics | None) -> None:
    _title("Speed of the first answer")
    if metrics is None or metrics.tokens_per_second is None:
        print("unknown: the server sent no counters")
    else:
        print(f"{metrics.tokens} tokens, {metrics.tokens_per_second:.1f} tokens per second")


def _title(text: str) -> None:
    print(f"\n{text}")


if __name__ == "__main__":
    sys.exit(main())
