"""Frames whole response bodies as Ollama does: with a length or chunked, with its content types."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from starlette.responses import Response

__all__ = ["MediaType", "chunked", "empty_response", "json_response", "text_response"]

MediaType = Literal[
    "application/json; charset=utf-8", "application/json", "application/x-ndjson", "text/event-stream", "audio/wav"
]

# Go's HTTP server sends a length with bodies of up to this many bytes; longer ones are chunked.
_LONGEST_COUNTED_BODY = 2048


def json_response(
    content: Any, *, status: int = 200, media_type: MediaType = "application/json; charset=utf-8"
) -> Response:
    """Return a response with one JSON value."""
    response = Response(orjson.dumps(content), status_code=status, headers={"content-type": media_type})
    return chunked(response) if len(response.body) > _LONGEST_COUNTED_BODY else response


def chunked(response: Response) -> Response:
    """Remove the length, so that the body is sent chunked."""
    del response.headers["content-length"]
    return response


def text_response(text: str, *, status: int = 200, media_type: str = "text/plain", **headers: str) -> Response:
    """Return a response with plain text."""
    return Response(text, status_code=status, headers={"content-type": media_type, **headers})


def empty_response(status: int = 200, **headers: str) -> Response:
    """Return a response without body and content type."""
    return Response(b"", status_code=status, headers=headers)
