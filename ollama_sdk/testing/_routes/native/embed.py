"""Answers ``POST /api/embed`` and the older ``POST /api/embeddings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list
from ollama_sdk.testing._model.tokens import token_count
from ollama_sdk.testing._routes.backend import TRY_PULLING
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, OBJECT, STRING, decode
from ollama_sdk.testing._routes.request_values import decode_options, keep_alive_seconds
from ollama_sdk.testing._server.responses import json_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["embed", "embeddings"]

_EMBED_FIELDS = {"model": STRING, "truncate": BOOLEAN, "dimensions": INTEGER, "options": OBJECT}
_EMBEDDINGS_FIELDS = {"model": STRING, "prompt": STRING, "options": OBJECT}
_NOT_IMPLEMENTED = 501


async def embed(backend: Backend, request: Request) -> Response:
    """``POST /api/embed``."""
    body = decode(await request.body(), "api.EmbedRequest", _EMBED_FIELDS)
    keep_alive = keep_alive_seconds(body.get("keep_alive"))
    texts = _decode_input(body.get("input"))
    name = body.get("model", "")
    model = backend.model(name, missing=TRY_PULLING)
    decode_options(body.get("options", {}))
    if not texts:
        return json_response({"model": name, "embeddings": []})
    if not body.get("truncate", True) and any(token_count(text) > model.context_length for text in texts):
        raise StatusError(400, "the input length exceeds the context length")
    vectors, tokens = await backend.embed(model, texts, dimensions=body.get("dimensions"), keep_alive=keep_alive)
    counters = {"total_duration": 2_000_000, "load_duration": 1_000_000, "prompt_eval_count": tokens}
    return json_response({"model": name, "embeddings": vectors, **counters})


async def embeddings(backend: Backend, request: Request) -> Response:
    """``POST /api/embeddings``."""
    body = decode(await request.body(), "api.EmbeddingRequest", _EMBEDDINGS_FIELDS)
    keep_alive = keep_alive_seconds(body.get("keep_alive"))
    if not body.get("model"):
        raise StatusError(400, "model is required")
    model = backend.model(body["model"], missing=TRY_PULLING)
    if not body.get("prompt"):
        return json_response({"embedding": []})
    try:
        vectors, _ = await backend.embed(model, [body["prompt"]], keep_alive=keep_alive)
    except StatusError as error:
        # The older route answers 500 where the newer one answers 501.
        raise StatusError(500 if error.status == _NOT_IMPLEMENTED else error.status, error.message) from error
    return json_response({"embedding": vectors[0]})


def _decode_input(given: Any) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str):
        return [given] if given else []
    if is_list(given) and all(isinstance(text, str) for text in given):
        return given
    raise StatusError(400, "invalid input type")
