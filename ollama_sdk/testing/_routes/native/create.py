"""Answers ``POST /api/create``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ollama_sdk.testing._model.json import is_list
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.templates import template_error
from ollama_sdk.testing._routes.body import BOOLEAN, JSON_NAMES, MESSAGES, OBJECT, STRING, STRING_MAP, decode
from ollama_sdk.testing._routes.native.model_fields import STORE, parsed_name
from ollama_sdk.testing._routes.native.progress import progress_response
from ollama_sdk.testing._routes.native.transfers import pull_items
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.models import EmulatedModel, Layer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import Blobs

__all__ = ["create"]

_FIELDS = {
    "model": STRING,
    "name": STRING,
    "stream": BOOLEAN,
    "quantize": STRING,
    "quantization": STRING,
    "from": STRING,
    "files": STRING_MAP,
    "adapters": STRING_MAP,
    "template": STRING,
    "system": STRING,
    "parameters": OBJECT,
    "messages": MESSAGES,
    "info": OBJECT,
}
_QUANTIZATIONS = ("F32", "F16", "Q4_K_S", "Q4_K_M", "Q8_0")
_IMPORTED_SIZE = 1024


async def create(backend: Backend, request: Request) -> Response:
    """``POST /api/create``."""
    body = decode(await request.body(), "api.CreateRequest", _FIELDS)
    if error := template_error(body.get("template", "")):
        raise StatusError(400, f"template error: {error}")
    return await progress_response(_items(backend, parsed_name(body), body), stream=body.get("stream", True))


async def _items(backend: Backend, name: ModelName, body: Json) -> AsyncGenerator[Json]:
    quantization = _quantization(body)
    if body.get("from"):
        parent = ModelName.parse(body["from"])
        if parent is None:
            raise StatusError(400, "invalid model name", stage="answer")
        if backend.models.get(parent) is None:
            async for item in pull_items(backend, parent):
                if item["status"] != "success":
                    yield item
        base = _parent_model(backend, parent)
        known = set(base.layers)
    elif body.get("files"):
        for item in _import_items(backend.blobs, body["files"]):
            yield item
        base = EmulatedModel(
            name=name, layers=tuple(Layer(digest, _IMPORTED_SIZE) for digest in body["files"].values())
        )
        known = set[Layer]()
    else:
        raise StatusError(400, "neither 'from' or 'files' was specified", stage="answer")
    model = _with_changes(base, name, body, quantization)
    if quantization:
        yield {"status": "verifying conversion"}
    for layer in model.layers:
        yield {"status": f"{'using existing' if layer in known else 'creating new'} layer {layer.digest}"}
        backend.blobs.note(layer.digest)
    yield {"status": "writing manifest"}
    backend.models.put(model)
    yield {"status": "success"}


def _quantization(body: Json) -> str:
    quantization: str = (body.get("quantize") or body.get("quantization") or "").upper()
    if quantization and quantization not in _QUANTIZATIONS:
        supported = ", ".join(_QUANTIZATIONS)
        text = f"unsupported quantization type {quantization} - supported types are {supported}"
        raise StatusError(500, text, stage="answer")
    return quantization


def _parent_model(backend: Backend, name: ModelName) -> EmulatedModel:
    found = backend.models.get(name)
    if found is None:
        raise StatusError(404, f"model '{name.short}' not found")
    return evolve(found, parent=found.name.short)


def _import_items(blobs: Blobs, files: Mapping[str, str]) -> Iterator[Json]:
    yield {"status": "parsing GGUF"}
    for digest in files.values():
        if digest not in blobs:
            path = f"{STORE}/blobs/{digest.replace(':', '-')}"
            raise StatusError(500, f"open {path}: no such file or directory")
        content = blobs.get(digest)
        if content is not None and not content.startswith(b"GGUF"):
            raise StatusError(500, "supplied file was not in GGUF format")
    yield {"status": "verifying conversion"}


def _license(given: Any) -> str:
    texts = given if is_list(given) else [given]
    for text in texts:
        if not isinstance(text, str):
            raise StatusError(500, f"json: cannot unmarshal {JSON_NAMES[type(text)]} into Go value of type []string")
    return "\n".join(texts)


def _with_changes(model: EmulatedModel, name: ModelName, body: Json, quantization: str) -> EmulatedModel:
    changes: Json = {key: body[key] for key in ("template", "system") if body.get(key)}
    if body.get("license"):
        changes["license"] = _license(body["license"])
    layers = list(model.layers)
    if quantization:
        layers[0] = Layer.of(f"{layers[0].digest} as {quantization}", layers[0].size // 2)
    layers += [Layer.of(f"{key}: {changes[key]}") for key in ("template", "system", "license") if key in changes]
    return evolve(
        model,
        name=name,
        modified_at=time.time(),
        layers=tuple(layers),
        quantization_level=quantization or model.quantization_level,
        parameters={**model.parameters, **(body.get("parameters") or {})},
        messages=tuple(body.get("messages") or model.messages),
        **changes,
    )
