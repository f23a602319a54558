"""Answers the routes about the server itself: version, status, recommended models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._server.responses import json_response, text_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["recommendations", "root", "status", "version"]

_RECOMMENDED = (
    {
        "model": "gpt-oss:120b-cloud",
        "description": "Reasoning and tool use",
        "context_length": 131072,
        "max_output_tokens": 131072,
    },
    {"model": "gemma4", "description": "Reasoning and code generation locally", "vram_bytes": 12_000_000_000},
)


async def root(_backend: Backend, _request: Request) -> Response:
    """``GET /``."""
    return text_response("Ollama is running", media_type="text/plain; charset=utf-8")


async def version(backend: Backend, _request: Request) -> Response:
    """``GET /api/version``."""
    return json_response({"version": backend.version})


async def status(backend: Backend, _request: Request) -> Response:
    """``GET /api/status``."""
    disabled = backend.cloud == "disabled"
    return json_response({"cloud": {"disabled": disabled, "source": "env" if disabled else "none"}})


async def recommendations(_backend: Backend, _request: Request) -> Response:
    """``GET /api/experimental/model-recommendations``."""
    return json_response({"recommendations": _RECOMMENDED})
