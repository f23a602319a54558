"""Answers the routes of ollama.com, as a server that is signed out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._routes.backend import SIGNIN_URL
from ollama_sdk.testing._server.responses import empty_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["balance", "me", "signout", "usage", "web_fetch", "web_search"]

_USAGE_QUERY = {"range": {"24h", "7d", "30d"}, "scope": {"self", "team"}, "group_by": {"model"}}


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


async def usage(backend: Backend, request: Request) -> Response:
    """``GET /api/usage``."""
    query = request.query_params
    for name, values in _USAGE_QUERY.items():
        if name in query and (len(query.getlist(name)) > 1 or query[name] not in values):
            raise StatusError(400, f"invalid {name}")
    for name in query:
        if name not in _USAGE_QUERY:
            raise StatusError(400, f"unknown parameter {name}")
    backend.refuse_cloud("usage is unavailable")


async def balance(backend: Backend, request: Request) -> Response:
    """``GET /api/balance``."""
    for name in request.query_params:
        raise StatusError(400, f"unknown parameter {name}")
    backend.refuse_cloud("balance is unavailable")
