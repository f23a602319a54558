"""Answers the routes that list, copy and delete models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._routes.body import STRING, decode
from ollama_sdk.testing._routes.native.model_fields import MODEL_FIELDS, RUNNER, details, required_name
from ollama_sdk.testing._routes.timestamps import format_time
from ollama_sdk.testing._server.responses import empty_response, json_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel

__all__ = ["copy", "delete", "ps", "tags"]

_COPY_FIELDS = {"source": STRING, "destination": STRING}


async def tags(backend: Backend, _request: Request) -> Response:
    """``GET /api/tags``."""
    return json_response({"models": [_listed(model) for model in backend.models]})


async def ps(backend: Backend, _request: Request) -> Response:
    """``GET /api/ps``."""
    running = [_running(model, expires_at, context) for model, expires_at, context in backend.scheduler.loaded()]
    return json_response({"models": running})


async def copy(backend: Backend, request: Request) -> Response:
    """``POST /api/copy``."""
    body = decode(await request.body(), "api.CopyRequest", _COPY_FIELDS)
    source, destination = (ModelName.parse(body.get(key, "")) for key in _COPY_FIELDS)
    if source is None:
        raise StatusError(400, f'source "{body.get("source", "")}" is invalid')
    if destination is None:
        raise StatusError(400, f'destination "{body.get("destination", "")}" is invalid')
    model = backend.models.get(source)
    if model is None:
        raise StatusError(404, f'model "{body["source"]}" not found')
    backend.models.copy(model, destination)
    return empty_response()


async def delete(backend: Backend, request: Request) -> Response:
    """``DELETE /api/delete``."""
    body = decode(await request.body(), "api.DeleteRequest", MODEL_FIELDS)
    name = required_name(body)
    if ModelName.parse(name) is None:
        raise StatusError(400, f'name "{name}" is invalid')
    model = backend.models.get(name)
    if model is None:
        raise StatusError(404, f"model '{name}' not found")
    backend.models.remove(name)
    backend.scheduler.unload(model)
    return empty_response()


def _listed(model: EmulatedModel) -> Json:
    more = {"context_length": model.context_length, "embedding_length": model.embedding_length, "runner": RUNNER}
    return {
        "name": model.name.short,
        "model": model.name.short,
        "modified_at": format_time(model.modified_at),
        "size": model.size,
        "digest": model.digest,
        "details": details(model) | more,
        "capabilities": list(model.capabilities),
    }


def _running(model: EmulatedModel, expires_at: float, context: int) -> Json:
    return {
        "name": model.name.short,
        "model": model.name.short,
        "size": model.size,
        "digest": model.digest,
        "details": details(model),
        "expires_at": format_time(expires_at),
        "size_vram": model.size,
        "context_length": context,
        "runner": RUNNER,
    }
