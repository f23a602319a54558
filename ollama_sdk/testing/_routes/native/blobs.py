"""Answers the routes that look for and upload blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._server.responses import empty_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["blob_exists", "upload_blob"]

_DIGEST_LENGTH = len("sha256:") + 64


async def blob_exists(backend: Backend, request: Request) -> Response:
    """``HEAD /api/blobs/{digest}``."""
    digest = _decode_digest(request)
    if digest not in backend.blobs:
        raise StatusError(404, f'blob "{digest}" not found')
    return empty_response()


async def upload_blob(backend: Backend, request: Request) -> Response:
    """``POST /api/blobs/{digest}``."""
    digest = _decode_digest(request)
    if digest in backend.blobs:
        return empty_response()
    content = await request.body()
    actual = backend.blobs.digest(content)
    if actual != digest:
        raise StatusError(400, f'digest mismatch, expected "{digest}", got "{actual}"')
    backend.blobs.add(content)
    return empty_response(201)


def _decode_digest(request: Request) -> str:
    digest = str(request.path_params["digest"])
    algorithm, _, digits = digest.replace("-", ":").partition(":")
    if algorithm != "sha256" or len(digest) != _DIGEST_LENGTH or set(digits) - set("0123456789abcdef"):
        raise StatusError(400, "invalid digest format")
    return f"sha256:{digits}"
