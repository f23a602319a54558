"""Builds the stream items that faults send, in the form of each path's stream."""

from __future__ import annotations

from typing import Any

import orjson

from ollama_sdk.testing._routes.errors import error_body_of
from ollama_sdk.testing._routes.streaming import sse_item
from ollama_sdk.testing._server.status_error import StatusError

__all__ = ["RUNNER_DIED", "error_item", "huge_item", "runner_death_item"]

RUNNER_DIED = "an error was encountered while running the model: unexpected EOF"


def error_item(path: str, message: str) -> bytes:
    """Return an item that holds an error."""
    body = error_body_of(path)(StatusError(500, message))
    if path.startswith("/v1/messages"):
        return b"event: error\n" + sse_item(body)
    return sse_item(body) if path.startswith("/v1/") else orjson.dumps(body) + b"\n"


def runner_death_item(path: str) -> bytes:
    """Return the last item that Ollama sends after a model's runner has died; empty if it sends none."""
    if path.startswith(("/v1/responses", "/v1/messages")):
        return b""
    if not path.startswith("/v1/"):
        return error_item(path, RUNNER_DIED)
    is_chat = path.startswith("/v1/chat")
    choice: dict[str, Any] = {"index": 0, "finish_reason": None}
    choice |= {"delta": {"content": ""}} if is_chat else {"text": ""}
    kind = "chat.completion.chunk" if is_chat else "text_completion"
    chunk = {"id": "chatcmpl-0", "object": kind, "created": 0, "model": "", "system_fingerprint": "fp_ollama"}
    return sse_item({**chunk, "choices": [choice]})


def huge_item(path: str, size: int) -> bytes:
    """Return one item of ``size`` bytes."""
    if path.startswith("/v1/"):
        head, tail = b'data: {"choices":[{"index":0,"delta":{"content":"', b'"}}]}\n\n'
    elif path == "/api/generate":
        head, tail = b'{"done":false,"response":"', b'"}\n'
    else:
        head, tail = b'{"done":false,"message":{"role":"assistant","content":"', b'"}}\n'
    return head + b"a" * max(size - len(head) - len(tail), 0) + tail
