"""Every call that streams, with the reply that was recorded from a real server."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ollama_sdk.testing import RecordedExchange

from .loopback import END, chunked

CAPTURES = Path(__file__).parent.parent / "document" / "captures"
NDJSON = "application/x-ndjson"
SSE = "text/event-stream"

_MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]


class Route(NamedTuple):
    """One method that streams, with the recording of a stream that ended well."""

    method: str
    arguments: dict[str, Any]
    capture: str
    content_type: str

    def call(self, client: Any, **options: Any) -> Any:
        """Call the method on a client."""
        method = client
        for name in self.method.split("."):
            method = getattr(method, name)
        return method("m", **self.arguments, **options)


ROUTES = {
    route.method: route
    for route in (
        Route("generate", {"prompt": "x"}, "018-generate-stream", NDJSON),
        Route("chat", {"messages": _MESSAGES}, "045-chat-stream", NDJSON),
        Route("pull", {}, "190-pull-stream", NDJSON),
        Route("push", {}, "187-push-stream", NDJSON),
        Route("create", {"from_": "n"}, "125-create-files-stream", NDJSON),
        Route("v1.chat.completions.create", {"messages": _MESSAGES}, "207-v1-chat-stream", SSE),
        Route("v1.completions.create", {"prompt": "x"}, "230-v1-completions-stream", SSE),
        Route("v1.responses.create", {"input": "x"}, "238-v1-responses-stream", SSE),
        Route("v1.messages.create", {"messages": _MESSAGES, "max_tokens": 9}, "248-v1-messages-stream", SSE),
    )
}


@cache
def capture(name: str) -> bytes:
    """The body of a recorded response."""
    (path,) = CAPTURES.glob(f"{name}*.json")
    return RecordedExchange.from_json(path.read_text(encoding="utf-8")).body


def items_of(body: bytes) -> list[bytes]:
    """The items of a recorded stream, each with its separator."""
    separator = b"\n\n" if b"data: " in body else b"\n"
    return [item + separator for item in body.strip().split(separator)]


def streamed(route: Route, body: bytes, end: bytes = END) -> bytes:
    """The whole response of a stream, in one chunk."""
    return chunked(route.content_type, body) + end


def chat_item(text: str = "Hi", **fields: Any) -> bytes:
    """One line of a streamed chat."""
    item = {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": text},
        "done": False,
    }
    return json.dumps(item | fields).encode() + b"\n"


LAST = chat_item("", done=True, done_reason="stop")


def drain(stream: Any) -> tuple[list[Any], Exception | None]:
    """Every item of a stream, and what it raised after them."""
    items = []
    try:
        for item in stream:
            items.append(item)  # noqa: PERF402 - the items before the error are the point
    except Exception as exc:  # noqa: BLE001 - the caller looks at it
        return items, exc
    return items, None
