"""Answers ``POST /v1/audio/transcriptions``."""

from __future__ import annotations

from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._routes.backend import require
from ollama_sdk.testing._routes.openai.chunks import openai_json
from ollama_sdk.testing._server.responses import text_response
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["transcriptions"]

_MAX_AUDIO = 25 * 2**20  # bytes


async def transcriptions(backend: Backend, request: Request) -> Response:
    """``POST /v1/audio/transcriptions``."""
    form = _decode_form(request.headers.get("content-type", ""), await request.body())
    audio = form.get("file")
    if audio is None:
        raise StatusError(400, "file is required", stage="request")
    if len(audio) > _MAX_AUDIO:
        raise StatusError(400, "file is too large", stage="request")
    name = form.get("model", b"").decode()
    if not name:
        raise StatusError(400, "model is required", stage="request")
    model = backend.model(name)
    require(model, "audio")
    content = form.get("prompt", b"").decode() or "the recording"
    prompt = Prompt(path="/v1/audio/transcriptions", model=name, messages=[{"role": "user", "content": content}])
    async with backend.answering(prompt, model) as answer:
        text = "".join([step.text async for step in answer.steps()])
    if form.get("response_format") == b"text":
        return text_response(text, media_type="text/plain; charset=utf-8")
    return openai_json({"text": text})


def _decode_form(content_type: str, body: bytes) -> dict[str, bytes]:
    """Return the fields of a multipart form.

    Raises:
        StatusError: 400 if the body is not one.
    """
    if not content_type.startswith("multipart/form-data"):
        text = "failed to parse multipart form: request Content-Type isn't multipart/form-data"
        raise StatusError(400, text, stage="request")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parsed = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if not parsed.is_multipart():
        raise StatusError(400, "failed to parse multipart form: multipart: NextPart: EOF", stage="request")
    fields: dict[str, bytes] = {}
    for part in parsed.iter_parts():
        content: Any = part.get_payload(decode=True)
        fields[str(part.get_param("name", header="content-disposition"))] = content
    return fields
