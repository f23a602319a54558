"""Answers ``POST /api/pull`` and ``POST /api/push``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from attrs import evolve

from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._routes.body import decode
from ollama_sdk.testing._routes.native.model_fields import MODEL_FIELDS, STORE, parsed_name, required_name
from ollama_sdk.testing._routes.native.progress import progress_response
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.models import EmulatedModel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import Layer

__all__ = ["pull", "pull_items", "push"]

_ITEMS_PER_LAYER = 8


async def pull(backend: Backend, request: Request) -> Response:
    """``POST /api/pull``."""
    body = decode(await request.body(), "api.PullRequest", MODEL_FIELDS)
    return await progress_response(pull_items(backend, parsed_name(body)), stream=body.get("stream", True))


async def push(backend: Backend, request: Request) -> Response:
    """``POST /api/push``."""
    body = decode(await request.body(), "api.PushRequest", MODEL_FIELDS)
    return await progress_response(_push_items(backend, required_name(body)), stream=body.get("stream", True))


async def pull_items(backend: Backend, name: ModelName) -> AsyncGenerator[Json]:
    """Pull a model and return the progress.

    Raises:
        StatusError: 500 if the registry does not have the model or one of its layers.
    """
    registry = backend.registry
    yield {"status": "pulling manifest"}
    if failure := registry.failure(name, "manifest"):
        raise StatusError(500, f"pull model manifest: {failure}")
    offered = registry.offer(name) or backend.models.get(name) or EmulatedModel(name=name)
    model = evolve(offered, modified_at=time.time())
    for layer in model.layers:
        if failure := registry.failure(name, "layer"):
            raise StatusError(500, failure)
        for item in _layer_items("pulling", layer, is_present=layer.digest in backend.blobs):
            yield item
        backend.blobs.note(layer.digest)
    yield {"status": "verifying sha256 digest"}
    yield {"status": "writing manifest"}
    backend.models.put(model)
    yield {"status": "success"}


async def _push_items(backend: Backend, name: str) -> AsyncGenerator[Json]:
    yield {"status": "retrieving manifest"}
    model = backend.models.get(name)
    if model is None:
        yield {"status": "couldn't retrieve manifest"}
        parsed = ModelName.parse(name)
        path = parsed.full.replace(":", "/") if parsed else name
        raise StatusError(500, f"open {STORE}/manifests/{path}: no such file or directory")
    for layer in model.layers:
        for item in _layer_items("pushing", layer, is_present=True):
            yield item
    yield {"status": "pushing manifest"}
    yield {"status": "success"}


def _layer_items(verb: str, layer: Layer, *, is_present: bool) -> Iterator[Json]:
    item: Json = {"status": f"{verb} {layer.digest.removeprefix('sha256:')[:12]}", "digest": layer.digest}
    item["total"] = layer.size
    count = 1 if is_present else _ITEMS_PER_LAYER
    for number in range(1, count + 1):
        yield {**item, "completed": layer.size * number // count}
