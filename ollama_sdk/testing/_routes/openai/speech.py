"""Answers ``POST /v1/audio/speech`` with a WAV file that is sent while it is generated."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from ollama_sdk.testing._routes.body import STRING, decode
from ollama_sdk.testing._routes.errors import openai_error
from ollama_sdk.testing._routes.streaming import StreamResponse
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel

__all__ = ["speech"]

_FIELDS = {"model": STRING, "input": STRING, "voice": STRING}
_VOICES = ("Freya", "Harper", "Sterling", "Toby")
_MAX_CHARACTERS = 4096
_RATE = 24_000  # samples a second
_UNKNOWN_SIZE = 0xFFFFFFFF  # of a file whose end is not made yet
_WORD_SECONDS = 0.05


async def speech(backend: Backend, request: Request) -> Response:
    """``POST /v1/audio/speech``; any model speaks, with a tone for each word."""
    body = decode(await request.body(), "openai.SpeechRequest", _FIELDS)
    text = body.get("input", "")
    if not body.get("model"):
        raise StatusError(400, "model is required", stage="request")
    if not text:
        raise StatusError(400, "input is required", stage="request")
    if len(text) > _MAX_CHARACTERS:
        raise StatusError(400, f"input must not exceed {_MAX_CHARACTERS} characters", stage="request")
    if body.get("voice", _VOICES[0]) not in _VOICES:
        raise StatusError(400, f'unknown voice "{body["voice"]}"', stage="request")
    model = backend.model(body["model"])
    prompt = Prompt(path="/v1/audio/speech", model=body["model"], messages=[{"role": "user", "content": text}])
    return StreamResponse(_sound(backend, prompt, model), media_type="audio/wav", error_body=openai_error)


async def _sound(backend: Backend, prompt: Prompt, model: EmulatedModel) -> AsyncGenerator[bytes]:
    async with backend.answering(prompt, model) as answer:
        yield _header()
        async for step in answer.steps():
            if step.text:
                yield _tone(len(step.text))


def _header() -> bytes:
    """Return the head of a WAV file of unknown length: 16-bit PCM, one channel."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN_SIZE, b"WAVE") + form + struct.pack("<4sI", b"data", _UNKNOWN_SIZE)


def _tone(letters: int) -> bytes:
    samples = range(int(_RATE * _WORD_SECONDS))
    pitch = 2 * math.pi * (200 + 20 * letters) / _RATE
    return b"".join(struct.pack("<h", int(8_000 * math.sin(pitch * sample))) for sample in samples)
