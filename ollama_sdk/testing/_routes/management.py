"""The routes under ``/api`` that manage models and blobs, and those that only ollama.com could fulfil."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve

from ollama_sdk.testing._model.decode import decode
from ollama_sdk.testing._model.json import Json, is_list
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._server.backend import SIGNIN_URL, Backend
from ollama_sdk.testing._server.http import Refusal, Stream, empty, json_response, ndjson_item, text_response
from ollama_sdk.testing.models import Layer, Model

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Management"]

_NAMED = {"model": "s", "name": "s", "stream": "b", "insecure": "b", "username": "s", "password": "s"}
_SHOW = {"model": "s", "name": "s", "system": "s", "template": "s", "verbose": "b", "options": "o"}
_COPY = {"source": "s", "destination": "s"}
_CREATE = {
    "model": "s", "name": "s", "stream": "b", "quantize": "s", "quantization": "s", "from": "s", "files": "o",
    "adapters": "o", "template": "s", "system": "s", "parameters": "o", "messages": "m", "info": "o",
}  # fmt: skip
_QUANTIZATIONS = ("F32", "F16", "Q4_K_S", "Q4_K_M", "Q8_0")
_PULL_STEPS = 8
_STORE = "/var/lib/ollama/models"
_DIGEST_LENGTH = len("sha256:") + 64
_BLOCKS = 2
_PARTS = ("attn_k", "attn_norm", "attn_output", "attn_q", "attn_v", "ffn_down", "ffn_gate", "ffn_norm", "ffn_up")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RECOMMENDED = (
    {
        "model": "gpt-oss:120b-cloud",
        "description": "Reasoning and tool use",
        "context_length": 131072,
        "max_output_tokens": 131072,
    },
    {"model": "gemma4", "description": "Reasoning and code generation locally", "vram_bytes": 12_000_000_000},
)


class Management:
    """Handlers over one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def root(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /``."""
        return text_response("Ollama is running", media_type="text/plain; charset=utf-8")

    async def version(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /api/version``."""
        return json_response({"version": self._backend.version})

    async def status(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /api/status``."""
        disabled = self._backend.cloud == "disabled"
        return json_response({"cloud": {"disabled": disabled, "source": "env" if disabled else "none"}})

    async def tags(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /api/tags``."""
        return json_response({"models": [_listed(model) for model in self._backend.models]})

    async def ps(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /api/ps``."""
        loaded = self._backend.scheduler.loaded()
        return json_response({"models": [_running(model, until, context) for model, until, context in loaded]})

    async def show(self, request: Request) -> Response:
        """``POST /api/show``."""
        body = decode(await request.body(), "api.ShowRequest", _SHOW)
        name = _required(body)
        parsed = ModelName.parse(name)
        missing = f"model '{parsed.short}' not found" if parsed else ""
        model = self._backend.model(name, missing=missing)
        return json_response(_shown(model, body))

    async def copy(self, request: Request) -> Response:
        """``POST /api/copy``."""
        body = decode(await request.body(), "api.CopyRequest", _COPY)
        source, destination = (ModelName.parse(body.get(key, "")) for key in _COPY)
        if source is None:
            raise Refusal(400, f'source "{body.get("source", "")}" is invalid')
        if destination is None:
            raise Refusal(400, f'destination "{body.get("destination", "")}" is invalid')
        model = self._backend.models.get(source)
        if model is None:
            raise Refusal(404, f'model "{body["source"]}" not found')
        self._backend.models.copy(model, destination)
        return empty()

    async def delete(self, request: Request) -> Response:
        """``DELETE /api/delete``."""
        body = decode(await request.body(), "api.DeleteRequest", _NAMED)
        name = _required(body)
        if ModelName.parse(name) is None:
            raise Refusal(400, f'name "{name}" is invalid')
        model = self._backend.models.get(name)
        if model is None:
            raise Refusal(404, f"model '{name}' not found")
        self._backend.models.remove(name)
        self._backend.scheduler.unload(model)
        return empty()

    async def pull(self, request: Request) -> Response:
        """``POST /api/pull``."""
        body = decode(await request.body(), "api.PullRequest", _NAMED)
        return await _progress(self._pulling(_valid(body)), body)

    async def push(self, request: Request) -> Response:
        """``POST /api/push``."""
        body = decode(await request.body(), "api.PushRequest", _NAMED)
        return await _progress(self._pushing(_required(body)), body)

    async def create(self, request: Request) -> Response:
        """``POST /api/create``."""
        body = decode(await request.body(), "api.CreateRequest", _CREATE)
        return await _progress(self._creating(_valid(body), body), body)

    async def blob_exists(self, request: Request) -> Response:
        """``HEAD /api/blobs/{digest}``."""
        digest = _digest(request)
        if digest not in self._backend.blobs:
            raise Refusal(404, f'blob "{digest}" not found')
        return empty()

    async def upload_blob(self, request: Request) -> Response:
        """``POST /api/blobs/{digest}``."""
        digest = _digest(request)
        if digest in self._backend.blobs:
            return empty()
        content = await request.body()
        got = self._backend.blobs.digest(content)
        if got != digest:
            raise Refusal(400, f'digest mismatch, expected "{digest}", got "{got}"')
        self._backend.blobs.add(content)
        return empty(201)

    async def me(self, request: Request) -> Response:  # noqa: ARG002
        """``POST /api/me``."""
        if self._backend.cloud == "disabled":
            raise Refusal(503, "account unavailable")
        raise Refusal(401, "unauthorized", signin_url=SIGNIN_URL)

    async def signout(self, request: Request) -> Response:  # noqa: ARG002
        """``POST /api/signout``."""
        return empty()

    async def web_search(self, request: Request) -> Response:  # noqa: ARG002
        """``POST /api/web_search`` and the local server's proxy of it."""
        return self._cloud_only("web search is unavailable")

    async def web_fetch(self, request: Request) -> Response:  # noqa: ARG002
        """``POST /api/web_fetch`` and the local server's proxy of it."""
        return self._cloud_only("web fetch is unavailable")

    async def recommendations(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /api/experimental/model-recommendations``."""
        return json_response({"recommendations": _RECOMMENDED})

    def _cloud_only(self, what: str) -> Response:
        self._backend.refuse_cloud(what)
        raise AssertionError("refuse_cloud always refuses")

    async def _pulling(self, name: ModelName) -> AsyncGenerator[Json]:
        registry = self._backend.registry
        yield {"status": "pulling manifest"}
        if failure := registry.failure(name, "manifest"):
            raise Refusal(500, f"pull model manifest: {failure}")
        model = registry.offer(name)
        for layer in model.layers:
            if failure := registry.failure(name, "layer"):
                raise Refusal(500, failure)
            for item in _transfer("pulling", layer, present=layer.digest in self._backend.blobs):
                yield item
            self._backend.blobs.note(layer.digest)
        yield {"status": "verifying sha256 digest"}
        yield {"status": "writing manifest"}
        self._backend.models.put(model)
        yield {"status": "success"}

    async def _pushing(self, name: str) -> AsyncGenerator[Json]:
        yield {"status": "retrieving manifest"}
        model = self._backend.models.get(name)
        if model is None:
            yield {"status": "couldn't retrieve manifest"}
            parsed = ModelName.parse(name)
            path = parsed.full.replace(":", "/") if parsed else name
            raise Refusal(500, f"open {_STORE}/manifests/{path}: no such file or directory")
        for layer in model.layers:
            for item in _transfer("pushing", layer, present=True):
                yield item
        yield {"status": "pushing manifest"}
        yield {"status": "success"}

    async def _creating(self, name: ModelName, body: Json) -> AsyncGenerator[Json]:
        quantize: str = (body.get("quantize") or body.get("quantization") or "").upper()
        if quantize and quantize not in _QUANTIZATIONS:
            supported = ", ".join(_QUANTIZATIONS)
            raise Refusal(
                500, f"unsupported quantization type {quantize} - supported types are {supported}", stage="answer"
            )
        if body.get("from"):
            base = self._backend.models.get(body["from"])
            if base is None:
                async for item in self._base(body["from"]):
                    yield item
                base = cast("Model", self._backend.models.get(body["from"]))
            model = evolve(base, parent=base.name.short)
        elif body.get("files"):
            for item in self._imported(body["files"]):
                yield item
            model = Model(name=name, layers=tuple(Layer(digest, 1024) for digest in body["files"].values()))
        else:
            raise Refusal(400, "neither 'from' or 'files' was specified", stage="answer")
        changed = _changed(model, name, body, quantize)
        for item in _layer_items(changed, known=set(model.layers) if body.get("from") else set(), quantize=quantize):
            yield item
        for layer in changed.layers:
            self._backend.blobs.note(layer.digest)
        yield {"status": "writing manifest"}
        self._backend.models.put(changed)
        yield {"status": "success"}

    async def _base(self, name: str) -> AsyncGenerator[Json]:
        parsed = ModelName.parse(name)
        if parsed is None:
            raise Refusal(400, "invalid model name", stage="answer")
        async for item in self._pulling(parsed):
            if item["status"] != "success":
                yield item

    def _imported(self, files: Mapping[str, Any]) -> Iterator[Json]:
        yield {"status": "parsing GGUF"}
        for digest in files.values():
            if digest not in self._backend.blobs:
                path = f"{_STORE}/blobs/{str(digest).replace(':', '-')}"
                raise Refusal(500, f"open {path}: no such file or directory")
            content = self._backend.blobs.get(digest)
            if content is not None and not content.startswith(b"GGUF"):
                raise Refusal(500, "supplied file was not in GGUF format")
        yield {"status": "verifying conversion"}


async def _progress(items: AsyncGenerator[Json], body: Json) -> Response:
    """Progress as it comes, or only how it ended."""
    if body.get("stream", True):
        return Stream(_lines(items), media_type="application/x-ndjson")
    try:
        last = [item async for item in items][-1]
    except Refusal as refusal:
        return json_response({"error": refusal.message}, status=refusal.status, media_type="application/json")
    return json_response(last, media_type="application/json")


async def _lines(items: AsyncGenerator[Json]) -> AsyncGenerator[bytes]:
    """Lines of progress; a failure after the first of them can only be one more line."""
    begun = False
    try:
        async for item in items:
            yield ndjson_item(item)
            begun = True
    except Refusal as refusal:
        if not begun:
            raise
        yield ndjson_item({"error": refusal.message})


def _transfer(verb: str, layer: Layer, *, present: bool) -> Iterator[Json]:
    item: Json = {"status": f"{verb} {layer.digest.removeprefix('sha256:')[:12]}", "digest": layer.digest}
    item["total"] = layer.size
    steps = 1 if present else _PULL_STEPS
    for step in range(1, steps + 1):
        yield {**item, "completed": layer.size * step // steps}


def _layer_items(model: Model, known: set[Layer], quantize: str) -> Iterator[Json]:
    if quantize:
        yield {"status": "verifying conversion"}
    for layer in model.layers:
        what = "using existing layer" if layer in known else "creating new layer"
        yield {"status": f"{what} {layer.digest}"}


def _changed(model: Model, name: ModelName, body: Json, quantize: str) -> Model:
    changes: Json = {"name": name, "modified_at": time.time()}
    for key in ("template", "system"):
        if body.get(key):
            changes[key] = body[key]
    if body.get("license"):
        changes["license"] = body["license"] if isinstance(body["license"], str) else "\n".join(body["license"])
    if body.get("parameters"):
        changes["parameters"] = {**model.parameters, **body["parameters"]}
    if body.get("messages"):
        changes["messages"] = tuple(body["messages"])
    layers = list(model.layers)
    if quantize:
        changes["quantization_level"] = quantize
        layers[0] = Layer.of(f"{layers[0].digest} as {quantize}", layers[0].size // 2)
    layers += [Layer.of(f"{key}: {changes[key]}") for key in ("template", "system", "license") if key in changes]
    return evolve(model, layers=tuple(layers), **changes)


def _required(body: Json) -> str:
    name = body.get("model") or body.get("name") or ""
    if not name:
        raise Refusal(400, "model is required")
    return name


def _valid(body: Json) -> ModelName:
    parsed = ModelName.parse(body.get("model") or body.get("name") or "")
    if parsed is None:
        raise Refusal(400, "invalid model name", stage="request")
    return parsed


def _digest(request: Request) -> str:
    digest = str(request.path_params["digest"])
    algorithm, _, digits = digest.replace("-", ":").partition(":")
    if algorithm != "sha256" or len(digest) != _DIGEST_LENGTH or set(digits) - set("0123456789abcdef"):
        raise Refusal(400, "invalid digest format")
    return f"sha256:{digits}"


def _details(model: Model) -> Json:
    return {
        "parent_model": model.parent,
        "format": "gguf",
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization_level,
    }


def _listed(model: Model) -> Json:
    lengths = {"context_length": model.context_length, "embedding_length": model.embedding_length}
    return {
        "name": model.name.short,
        "model": model.name.short,
        "modified_at": _moment(model.modified_at),
        "size": model.size,
        "digest": model.digest,
        "details": _details(model) | lengths,
        "capabilities": list(model.capabilities),
    }


def _running(model: Model, until: float, context: int) -> Json:
    return {
        "name": model.name.short,
        "model": model.name.short,
        "size": model.size,
        "digest": model.digest,
        "details": _details(model),
        "expires_at": _moment(until),
        "size_vram": model.size,
        "context_length": context,
    }


def _shown(model: Model, body: Json) -> Json:
    system = body.get("system") or model.system
    template = body.get("template") or model.template
    parameters = "\n".join(f"{key:<30} {_quoted(value)}" for key, value in _pairs(model.parameters))
    shown: Json = {
        "license": model.license,
        "modelfile": _modelfile(model, system, template),
        "parameters": parameters,
        "template": template,
        "system": system,
        "details": _details(model),
        "messages": [dict(message) for message in model.messages],
    }
    shown = {key: value for key, value in shown.items() if value}
    return shown | {
        "model_info": _model_info(model),
        "tensors": _tensors(model.embedding_length),
        "capabilities": list(model.capabilities),
        "modified_at": _moment(model.modified_at),
    }


def _modelfile(model: Model, system: str, template: str) -> str:
    lines = [
        '# Modelfile generated by "ollama show"',
        "# To build a new Modelfile based on this, replace FROM with:",
        f"# FROM {model.name.short}",
        "",
        f"FROM {_STORE}/blobs/{model.layers[0].digest.replace(':', '-')}",
        f"TEMPLATE {json.dumps(template)}",
    ]
    if system:
        lines.append(f"SYSTEM {json.dumps(system)}")
    lines += [f"PARAMETER {key} {value}" for key, value in _pairs(model.parameters)]
    if model.license:
        lines.append(f"LICENSE {json.dumps(model.license)}")
    return "\n".join(lines) + "\n"


def _tensors(width: int) -> list[Json]:
    names = ["output", "output_norm", "token_embd"]
    names += [f"blk.{block}.{part}" for block in range(_BLOCKS) for part in _PARTS]
    return [_tensor(name, width) for name in names]


def _tensor(name: str, width: int) -> Json:
    is_norm = name.endswith("norm")
    shape = [width] if is_norm else [width, width]
    return {"name": f"{name}.weight", "type": "F32" if is_norm else "F16", "shape": shape}


def _model_info(model: Model) -> Json:
    family = model.family
    return {
        "general.architecture": family,
        "general.file_type": 1,
        "general.parameter_count": 1_200_000_000,
        "general.quantization_version": 2,
        f"{family}.block_count": _BLOCKS,
        f"{family}.context_length": model.context_length,
        f"{family}.embedding_length": model.embedding_length,
        "tokenizer.ggml.merges": None,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.token_type": None,
        "tokenizer.ggml.tokens": None,
    }


def _pairs(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in parameters.items():
        for single in value if is_list(value) else [value]:
            yield key, single


def _quoted(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else str(value)


def _moment(seconds: float) -> str:
    """A time as Go writes it; unlike ``datetime.fromtimestamp``, good for the years of "for ever"."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
