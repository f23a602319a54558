"""Builds error responses in the form of each interface."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from ollama_sdk.testing._server.responses import chunked, json_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._server.responses import MediaType

__all__ = ["ErrorFormat", "anthropic_error", "error_body_of", "error_response", "native_error", "openai_error"]

ErrorFormat = Callable[[StatusError], "Json"]

_OPENAI_TYPES = {400: "invalid_request_error", 404: "not_found_error"}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def native_error(error: StatusError) -> Json:
    """Return the error body of ``/api``."""
    return {"error": error.message, **error.extra}


def openai_error(error: StatusError) -> Json:
    """Return the error body of the OpenAI-compatible routes."""
    kind = _OPENAI_TYPES.get(error.status, "api_error")
    return {"error": {"message": error.message, "type": kind, "param": None, "code": None}}


def anthropic_error(error: StatusError) -> Json:
    """Return the error body of the Anthropic-compatible routes."""
    details = {"type": _ANTHROPIC_TYPES.get(error.status, "api_error"), "message": error.message}
    return {"type": "error", "error": details, "request_id": f"req_{secrets.token_hex(12)}"}


def error_body_of(path: str) -> ErrorFormat:
    """Return the form of error bodies of a path."""
    if path.startswith("/v1/messages"):
        return anthropic_error
    return openai_error if path.startswith("/v1/") and path != "/v1/systemone" else native_error


def error_response(error: StatusError, body: ErrorFormat, *, streaming: bool = False) -> Response:
    """Return an error as a response; ``streaming`` is whether the request asked for a stream."""
    if error.native:
        body = native_error
    media_type: MediaType = "application/json; charset=utf-8"
    if body is not native_error and error.stage != "request":
        media_type = "application/json"
    if body is native_error and streaming and error.stage == "answer":
        return chunked(json_response(body(error), status=error.status, media_type="application/json"))
    return json_response(body(error), status=error.status, media_type=media_type)
