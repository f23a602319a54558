"""Sends streams of items: newline-delimited JSON or server-sent events, each item in its own chunk."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response

from ollama_sdk.testing._routes.errors import error_response, native_error
from ollama_sdk.testing._server.responses import chunked
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive, Scope, Send

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.errors import ErrorFormat
    from ollama_sdk.testing._server.responses import MediaType

__all__ = ["NO_CACHE", "StreamResponse", "named_event", "ndjson_item", "ndjson_lines", "sse_item"]

# What Ollama sends with named events.
NO_CACHE = {"cache-control": "no-cache", "connection": "keep-alive"}


def ndjson_item(item: Json) -> bytes:
    """Return one line of newline-delimited JSON."""
    return orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)


async def ndjson_lines(items: AsyncGenerator[Json]) -> AsyncGenerator[bytes]:
    """Return the lines of a stream of newline-delimited JSON."""
    # Closed explicitly: a permit must end with its stream, not when the generator is garbage-collected.
    async with aclosing(items):
        async for item in items:
            yield ndjson_item(item)


def sse_item(item: Json) -> bytes:
    """Return one server-sent event without a name."""
    return b"data: " + orjson.dumps(item) + b"\n\n"


def named_event(item: Json) -> bytes:
    """Return one server-sent event, named after its ``type``."""
    return f"event: {item['type']}\n".encode() + sse_item(item)


class StreamResponse(Response):
    """Items sent one by one.

    The status is sent with the first item, so that an error before it still becomes an error status. A stream without items
    has the Content-Type of the native routes on every route, because Ollama replaces it only when it converts an item.
    """

    def __init__(
        self,
        items: AsyncGenerator[bytes],
        *,
        media_type: MediaType,
        error_body: ErrorFormat = native_error,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(headers={"content-type": media_type, **(headers or {})})
        chunked(self)
        self._items = items
        self._error_body = error_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the items, as an ASGI application."""
        async with aclosing(self._items):
            try:
                first = await anext(self._items, b"")
            except StatusError as error:
                await error_response(error, self._error_body, streaming=True)(scope, receive, send)
                return
            if not first:
                self.headers["content-type"] = "application/x-ndjson"
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if first:
                await send({"type": "http.response.body", "body": first, "more_body": True})
            async for item in self._items:
                await send({"type": "http.response.body", "body": item, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
