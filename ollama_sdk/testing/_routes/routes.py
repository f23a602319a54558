"""Maps paths and methods to handlers, and answers requests that no handler matches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route, Router

from ollama_sdk.testing._routes.anthropic.messages import create_message
from ollama_sdk.testing._routes.backend import Backend
from ollama_sdk.testing._routes.errors import error_body_of, error_response
from ollama_sdk.testing._routes.native.blobs import blob_exists, upload_blob
from ollama_sdk.testing._routes.native.chat import chat
from ollama_sdk.testing._routes.native.cloud import me, signout, web_fetch, web_search
from ollama_sdk.testing._routes.native.create import create
from ollama_sdk.testing._routes.native.embed import embed, embeddings
from ollama_sdk.testing._routes.native.generate import generate
from ollama_sdk.testing._routes.native.listing import copy, delete, ps, tags
from ollama_sdk.testing._routes.native.server_info import recommendations, root, status, version
from ollama_sdk.testing._routes.native.show import show
from ollama_sdk.testing._routes.native.transfers import pull, push
from ollama_sdk.testing._routes.openai.chat import chat as openai_chat
from ollama_sdk.testing._routes.openai.completions import completions
from ollama_sdk.testing._routes.openai.embeddings import embeddings as openai_embeddings
from ollama_sdk.testing._routes.openai.models import list_models, retrieve_model
from ollama_sdk.testing._routes.openai.responses import create_response
from ollama_sdk.testing._routes.openai.transcriptions import transcriptions
from ollama_sdk.testing._routes.release import Release
from ollama_sdk.testing._server.access import AccessControl
from ollama_sdk.testing._server.responses import text_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["application"]

Handler = Callable[[Backend, Request], Awaitable["Response"]]

_HANDLERS: Mapping[str, Mapping[str, Handler]] = {
    "/": {"GET": root, "HEAD": root},
    "/api/version": {"GET": version, "HEAD": version},
    "/api/status": {"GET": status},
    "/api/generate": {"POST": generate},
    "/api/chat": {"POST": chat},
    "/api/embed": {"POST": embed},
    "/api/embeddings": {"POST": embeddings},
    "/api/tags": {"GET": tags, "HEAD": tags},
    "/api/ps": {"GET": ps},
    "/api/show": {"POST": show},
    "/api/create": {"POST": create},
    "/api/copy": {"POST": copy},
    "/api/delete": {"DELETE": delete},
    "/api/pull": {"POST": pull},
    "/api/push": {"POST": push},
    "/api/blobs/{digest}": {"HEAD": blob_exists, "POST": upload_blob},
    "/api/me": {"POST": me},
    "/api/signout": {"POST": signout},
    "/api/web_search": {"POST": web_search},
    "/api/web_fetch": {"POST": web_fetch},
    "/api/experimental/web_search": {"POST": web_search},
    "/api/experimental/web_fetch": {"POST": web_fetch},
    "/api/experimental/model-recommendations": {"GET": recommendations},
    "/v1/chat/completions": {"POST": openai_chat},
    "/v1/completions": {"POST": completions},
    "/v1/embeddings": {"POST": openai_embeddings},
    "/v1/models": {"GET": list_models},
    "/v1/models/{model}": {"GET": retrieve_model},
    "/v1/responses": {"POST": create_response},
    "/v1/messages": {"POST": create_message},
    "/v1/audio/transcriptions": {"POST": transcriptions},
}


def application(backend: Backend) -> ASGIApp:
    """Return an ASGI application with every route of the backend's release."""
    release = Release(backend.version)
    served = {
        path: {method: handler for method, handler in handlers.items() if release.serves(method, path)}
        for path, handlers in _HANDLERS.items()
    }
    endpoints = {path: _Endpoint(backend, release, path, handlers) for path, handlers in served.items() if handlers}
    routes = [Route(path, endpoint) for path, endpoint in endpoints.items()]
    allowed = {path: endpoint.allowed for path, endpoint in endpoints.items()}
    return AccessControl(Router(routes, redirect_slashes=False, default=_not_found), allowed)


class _Endpoint:
    """The handlers of one path over one backend."""

    def __init__(self, backend: Backend, release: Release, path: str, handlers: Mapping[str, Handler]) -> None:
        self.allowed = ", ".join(handlers)
        self._backend = backend
        self._release = release
        self._path = path
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, self._release.send(send, scope["method"], self._path))

    async def _answer(self, request: Request) -> Response:
        handler = self._handlers.get(request.method)
        if handler is None:
            return text_response("405 method not allowed", status=405, allow=self.allowed)
        try:
            return await handler(self._backend, await self._release.accept(request, self._path))
        except StatusError as error:
            return error_response(error, error_body_of(self._path))


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    await text_response("404 page not found", status=404)(scope, receive, send)
