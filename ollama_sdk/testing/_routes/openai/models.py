"""Answers ``GET /v1/models`` and ``GET /v1/models/{model}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._routes.openai.chunks import openai_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel

__all__ = ["list_models", "retrieve_model"]


async def list_models(backend: Backend, _request: Request) -> Response:
    """``GET /v1/models``."""
    return openai_json({"object": "list", "data": [_entry(model.name.short, model) for model in backend.models]})


async def retrieve_model(backend: Backend, request: Request) -> Response:
    """``GET /v1/models/{model}``; a name with a slash does not match the route, also if the slash is escaped."""
    name = str(request.path_params["model"])
    parsed = ModelName.parse(name)
    model = backend.model(name, missing=f"model '{parsed.short}' not found" if parsed else "")
    return openai_json(_entry(name, model))


def _entry(identity: str, model: EmulatedModel) -> Json:
    created, owner = int(model.modified_at), model.name.namespace
    return {"id": identity, "object": "model", "created": created, "owned_by": owner}
