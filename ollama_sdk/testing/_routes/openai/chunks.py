"""Answers prompts as OpenAI does: in one piece, or as chunks that end with ``[DONE]``."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

from ollama_sdk.testing._routes.errors import openai_error
from ollama_sdk.testing._routes.streaming import StreamResponse, sse_item
from ollama_sdk.testing._server.responses import json_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel
    from ollama_sdk.testing.script import Prompt

__all__ = ["ChunkForm", "answer_prompt", "head", "logprobs_of", "openai_json", "usage_of", "wants_usage"]

_LARGEST_ID = 1000
_DONE = b"data: [DONE]\n\n"
# Ollama converts the reply with Go's zero values, whose time is in the year 1, when it gave up before the first item.
_NOTHING = {"model": "", "created": -62_135_596_800}


class ChunkForm(Protocol):
    """The form that a route gives to an answer.

    Attributes:
        usage: Whether a chunk with the usage follows the last one.
    """

    usage: bool

    def chunk(self, step: AnswerStep, answer: Answer) -> Json:
        """Return the chunk of a step."""
        ...

    def usage_chunk(self, answer: Answer) -> Json:
        """Return the chunk with the usage."""
        ...

    def whole(self, steps: Sequence[AnswerStep], answer: Answer) -> Json:
        """Return the answer in one piece."""
        ...


async def answer_prompt(
    backend: Backend, form: ChunkForm, prompt: Prompt, model: EmulatedModel, *, stream: bool
) -> Response:
    """Answer a prompt, as a stream or in one piece."""
    if stream:
        chunks = _chunks(backend, form, prompt, model)
        return StreamResponse(chunks, media_type="text/event-stream", error_body=openai_error)
    async with backend.answering(prompt, model) as answer:
        steps = [step async for step in answer.steps()]
        return openai_json(form.whole(steps, answer) | ({} if steps else _NOTHING))


async def _chunks(backend: Backend, form: ChunkForm, prompt: Prompt, model: EmulatedModel) -> AsyncGenerator[bytes]:
    async with backend.answering(prompt, model) as answer:
        async for step in answer.steps():
            chunk = sse_item(form.chunk(step, answer))
            if step.last and form.usage:
                yield chunk
                chunk = sse_item(form.usage_chunk(answer))
            yield chunk + _DONE if step.last else chunk


def openai_json(content: Any) -> Response:
    """Return a response with one JSON value and OpenAI's content type."""
    return json_response(content, media_type="application/json")


def head(kind: str, model: str) -> Json:
    """Return the fields that an answer and all of its chunks have in common."""
    identity = f"{kind}-{secrets.randbelow(_LARGEST_ID)}"
    return {"id": identity, "created": int(time.time()), "model": model, "system_fingerprint": "fp_ollama"}


def usage_of(answer: Answer) -> Json:
    """Return the token counts."""
    prompt, completion = answer.usage
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def wants_usage(body: Json) -> bool:
    """Whether a streamed answer ends with the usage."""
    return bool(body.get("stream_options", {}).get("include_usage"))


def logprobs_of(steps: Sequence[AnswerStep]) -> Json:
    """Return the log-probabilities of some steps under their key; nothing without them."""
    entries = [entry for step in steps for entry in step.logprobs]
    return {"logprobs": {"content": entries}} if entries else {}
