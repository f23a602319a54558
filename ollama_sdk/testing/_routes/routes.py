"""Which handler answers which path, and what everyone else hears."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route, Router

from ollama_sdk.testing._routes.anthropic import Anthropic
from ollama_sdk.testing._routes.management import Management
from ollama_sdk.testing._routes.native import Native
from ollama_sdk.testing._routes.openai import OpenAI
from ollama_sdk.testing._routes.responses import Responses
from ollama_sdk.testing._server.gate import Gate
from ollama_sdk.testing._server.http import Dialect, Refusal, dialect_of, refused, text_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ollama_sdk.testing._server.backend import Backend

__all__ = ["application"]

Handler = Callable[[Request], Awaitable["Response"]]


def application(backend: Backend) -> ASGIApp:
    """Every route over one backend."""
    table = _table(backend)
    routes = [Route(path, _Endpoint(handlers, dialect_of(path))) for path, handlers in table.items()]
    allowed = {path: _allowed(handlers) for path, handlers in table.items()}
    return Gate(Router(routes, redirect_slashes=False, default=_not_found), allowed)


def _table(backend: Backend) -> dict[str, dict[str, Handler]]:
    native, management = Native(backend), Management(backend)
    openai, responses, anthropic = OpenAI(backend), Responses(backend), Anthropic(backend)
    return {
        "/": {"GET": management.root, "HEAD": management.root},
        "/api/version": {"GET": management.version, "HEAD": management.version},
        "/api/status": {"GET": management.status},
        "/api/generate": {"POST": native.generate},
        "/api/chat": {"POST": native.chat},
        "/api/embed": {"POST": native.embed},
        "/api/embeddings": {"POST": native.embeddings},
        "/api/tags": {"GET": management.tags, "HEAD": management.tags},
        "/api/ps": {"GET": management.ps},
        "/api/show": {"POST": management.show},
        "/api/create": {"POST": management.create},
        "/api/copy": {"POST": management.copy},
        "/api/delete": {"DELETE": management.delete},
        "/api/pull": {"POST": management.pull},
        "/api/push": {"POST": management.push},
        "/api/blobs/{digest}": {"HEAD": management.blob_exists, "POST": management.upload_blob},
        "/api/me": {"POST": management.me},
        "/api/signout": {"POST": management.signout},
        "/api/web_search": {"POST": management.web_search},
        "/api/web_fetch": {"POST": management.web_fetch},
        "/api/experimental/web_search": {"POST": management.web_search},
        "/api/experimental/web_fetch": {"POST": management.web_fetch},
        "/api/experimental/model-recommendations": {"GET": management.recommendations},
        "/v1/chat/completions": {"POST": openai.chat},
        "/v1/completions": {"POST": openai.completions},
        "/v1/embeddings": {"POST": openai.embeddings},
        "/v1/models": {"GET": openai.models},
        "/v1/models/{model:path}": {"GET": openai.retrieve_model},
        "/v1/responses": {"POST": responses.create},
        "/v1/messages": {"POST": anthropic.messages},
        "/v1/audio/transcriptions": {"POST": openai.transcriptions},
    }


def _allowed(handlers: Mapping[str, Handler]) -> str:
    return ", ".join(handlers)


class _Endpoint:
    """The handlers of one path, by method."""

    def __init__(self, handlers: Mapping[str, Handler], dialect: Dialect) -> None:
        self._handlers = handlers
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response(Request(scope, receive))
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            return text_response("405 method not allowed", status=405, allow=_allowed(self._handlers))
        try:
            return await handler(request)
        except Refusal as refusal:
            return refused(refusal, self._dialect)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await text_response("404 page not found", status=404)(scope, receive, send)
