"""Answers ``POST /v1/embeddings``."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

from ollama_sdk.testing._model.json import is_list
from ollama_sdk.testing._routes.backend import TRY_PULLING
from ollama_sdk.testing._routes.body import INTEGER, STRING, decode
from ollama_sdk.testing._routes.openai.chunks import openai_json
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["embeddings"]

_FIELDS = {"model": STRING, "dimensions": INTEGER, "encoding_format": STRING}


async def embeddings(backend: Backend, request: Request) -> Response:
    """``POST /v1/embeddings``."""
    body = decode(await request.body(), "openai.EmbedRequest", _FIELDS, missing="EOF")
    encoding: str = body.get("encoding_format", "")
    if encoding.lower() not in {"", "float", "base64"}:
        text = f"Invalid value for 'encoding_format' = {encoding}. Supported values: ['float', 'base64']."
        raise StatusError(400, text, stage="request")
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not texts or not is_list(texts):
        raise StatusError(400, "invalid input", stage="request")
    if not all(isinstance(text, str) for text in texts):
        raise StatusError(400, "invalid input type")
    name = body.get("model", "")
    model = backend.model(name, missing=TRY_PULLING)
    vectors, tokens = await backend.embed(model, texts, dimensions=body.get("dimensions"))
    encode = _encode_base64 if encoding.lower() == "base64" else list[float]
    data = [
        {"object": "embedding", "embedding": encode(vector), "index": index} for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return openai_json({"object": "list", "data": data, "model": name, "usage": usage})


def _encode_base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
