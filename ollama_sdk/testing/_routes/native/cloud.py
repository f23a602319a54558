"""Answers the routes that only ollama.com could serve, as a server that is signed out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._routes.backend import SIGNIN_URL
from ollama_sdk.testing._server.responses import empty_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["me", "signout", "web_fetch", "web_search"]


async def me(backend: Backend, _request: Request) -> Response:
    """``POST /api/me``."""
    if backend.cloud == "disabled":
        raise StatusError(503, "account unavailable")
    raise StatusError(401, "unauthorized", signin_url=SIGNIN_URL)


async def signout(_backend: Backend, _request: Request) -> Response:
    """``POST /api/signout``."""
    return empty_response()


async def web_search(backend: Backend, _request: Request) -> Response:
    """``POST /api/web_search``, and the local server's proxy of it."""
    backend.refuse_cloud("web search is unavailable")


async def web_fetch(backend: Backend, _request: Request) -> Response:
    """``POST /api/web_fetch``, and the local server's proxy of it."""
    backend.refuse_cloud("web fetch is unavailable")
