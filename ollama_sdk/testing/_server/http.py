"""Answers as Ollama's HTTP layer writes them: whole JSON, streams of items, and refusals in three dialects."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive, Scope, Send

    from ollama_sdk.testing._model.json import Json

__all__ = [
    "Dialect",
    "MediaType",
    "Refusal",
    "Stream",
    "anthropic_error",
    "dialect_of",
    "empty",
    "json_response",
    "named_event",
    "native_error",
    "ndjson_item",
    "openai_error",
    "refused",
    "sse_item",
    "text_response",
]

MediaType = Literal["application/json; charset=utf-8", "application/json", "application/x-ndjson", "text/event-stream"]
Stage = Literal["request", "model", "answer"]

# Go's HTTP server counts a body of up to this many bytes and sends longer ones chunked.
_COUNTED_BODY = 2048

_OPENAI_TYPES = {400: "invalid_request_error", 404: "not_found_error"}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


class Refusal(Exception):  # noqa: N818 - what the server does to a request; no user ever catches it
    """The server answers with an error status.

    Attributes:
        stage: What had been looked at by then: the ``request`` alone, the ``model`` too, or was an ``answer`` on its way.
            The server's headers differ by it.
        extra: Further keys beside ``error``, such as ``signin_url``.
    """

    def __init__(self, status: int, message: str, *, stage: Stage = "model", **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.stage = stage
        self.extra = extra


Dialect = Callable[[Refusal], "Json"]


def native_error(refusal: Refusal) -> Json:
    """The error body of ``/api``."""
    return {"error": refusal.message, **refusal.extra}


def openai_error(refusal: Refusal) -> Json:
    """The error body of the OpenAI-compatible routes."""
    kind = _OPENAI_TYPES.get(refusal.status, "api_error")
    return {"error": {"message": refusal.message, "type": kind, "param": None, "code": None}}


def anthropic_error(refusal: Refusal) -> Json:
    """The error body of the Anthropic-compatible routes."""
    error = {"type": _ANTHROPIC_TYPES.get(refusal.status, "api_error"), "message": refusal.message}
    return {"type": "error", "error": error, "request_id": f"req_{secrets.token_hex(12)}"}


def dialect_of(path: str) -> Dialect:
    """How errors of a path are worded."""
    if path.startswith("/v1/messages"):
        return anthropic_error
    return openai_error if path.startswith("/v1/") else native_error


def refused(refusal: Refusal, dialect: Dialect, *, streaming: bool = False) -> Response:
    """A refusal as a response of the given dialect; ``streaming`` when a stream had been asked for."""
    media_type: MediaType = "application/json; charset=utf-8"
    if dialect is not native_error:
        media_type = media_type if refusal.stage == "request" else "application/json"
        return json_response(dialect(refusal), status=refusal.status, media_type=media_type)
    if streaming and refusal.stage == "answer":
        response = json_response(dialect(refusal), status=refusal.status, media_type="application/json")
        return _chunked(response)
    return json_response(dialect(refusal), status=refusal.status)


def json_response(
    content: Any, *, status: int = 200, media_type: MediaType = "application/json; charset=utf-8"
) -> Response:
    """One JSON value, with a length or chunked as Go decides it."""
    response = Response(orjson.dumps(content), status_code=status, headers={"content-type": media_type})
    return _chunked(response) if len(response.body) > _COUNTED_BODY else response


def _chunked(response: Response) -> Response:
    del response.headers["content-length"]
    return response


def text_response(text: str, *, status: int = 200, media_type: str = "text/plain", **headers: str) -> Response:
    """Plain text."""
    return Response(text, status_code=status, headers={"content-type": media_type, **headers})


def empty(status: int = 200, **headers: str) -> Response:
    """No body and no content type."""
    return Response(b"", status_code=status, headers=headers)


def ndjson_item(item: Json) -> bytes:
    """One line of a newline-delimited JSON stream."""
    return orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)


def sse_item(item: Json) -> bytes:
    """One event without a name."""
    return b"data: " + orjson.dumps(item) + b"\n\n"


def named_event(item: Json) -> bytes:
    """One event named after the ``type`` of its data."""
    return b"event: " + cast("str", item["type"]).encode() + b"\ndata: " + orjson.dumps(item) + b"\n\n"


class Stream(Response):
    """Items written one by one, each flushed on its own.

    The status goes out with the first item, so whatever refuses the request before it still becomes an error status.
    """

    def __init__(
        self,
        items: AsyncGenerator[bytes],
        *,
        media_type: MediaType,
        dialect: Dialect = native_error,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(headers={"content-type": media_type, **(headers or {})})
        _chunked(self)
        self._items = items
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the items; ASGI."""
        async with aclosing(self._items):
            try:
                first = await anext(self._items, b"")
            except Refusal as refusal:
                await refused(refusal, self._dialect, streaming=True)(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if first:
                await send({"type": "http.response.body", "body": first, "more_body": True})
            async for item in self._items:
                await send({"type": "http.response.body", "body": item, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
