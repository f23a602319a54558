"""A web service that asks a model, as gunicorn and uvicorn serve one; both clients have called before a worker forks.

It answers each request with the text of the model, which :func:`echoes` makes the text of the prompt.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from ollama_sdk import AsyncOllama, Ollama

from .loopback import Connection, Loopback, whole

client = Ollama()
async_client = AsyncOllama()


def echoes(connection: Connection) -> None:
    """A server's script: each prompt is the reply to itself."""
    while True:
        prompt = connection.request().json["prompt"]
        connection.send(whole(json.dumps({"model": "m", "response": prompt, "done": True}).encode()))


def echo_server() -> Loopback:
    """A server that gives each prompt back."""
    return Loopback(echoes)


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer with what the model says to the path, on the sync client."""
    reply = client.generate("m", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Process", str(os.getpid()))])
    return [reply.response.encode()]


async def asgi(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Answer with what the model says to the path, on the async client."""
    if scope["type"] == "lifespan":
        return
    reply = await async_client.generate("m", scope["path"])
    headers = [(b"content-type", b"text/plain"), (b"x-process", str(os.getpid()).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": reply.response.encode()})


def warm_up() -> None:
    """Call once with each client, so that each keeps a connection."""
    client.generate("m", "warm")
    asyncio.run(_warm_up())


async def _warm_up() -> None:
    await async_client.generate("m", "warm")


if os.environ.get("WARM_UP"):
    warm_up()
