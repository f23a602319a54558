"""Compacts a conversation of ``/v1/responses``: on a separate route, and for input that ends with a trigger."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import compact, is_list, is_object, objects
from ollama_sdk.testing._routes.backend import require_for_prompt
from ollama_sdk.testing._routes.body import BOOLEAN, STRING, TOOLS, decode
from ollama_sdk.testing._routes.openai.chunks import openai_json
from ollama_sdk.testing._routes.openai.response_events import number, usage_of
from ollama_sdk.testing._routes.openai.response_input import native_messages
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["compact_conversation", "compacted", "is_triggered", "without_trigger"]

_FIELDS = {"model": STRING, "stream": BOOLEAN, "tools": TOOLS}


async def compact_conversation(backend: Backend, request: Request) -> Response:
    """``POST /v1/responses/compact``."""
    body = decode(await request.body(), "openai.ResponsesCompactRequest", _FIELDS, missing="EOF")
    if not body.get("model"):
        raise StatusError(400, "model is required", stage="request")
    if body.get("input") is None:
        raise StatusError(400, "input is required", stage="request")
    item, usage = await compacted(backend, body, "/v1/responses/compact")
    return openai_json(
        {
            "id": f"resp_{number()}",
            "object": "response.compaction",
            "created_at": int(time.time()),
            "output": [item],
            "usage": usage,
        }
    )


def is_triggered(body: Json) -> bool:
    """Whether a request for a response asks for a compacted conversation instead.

    Raises:
        StatusError: 400 for a trigger that is not allowed.
    """
    given = body.get("input")
    triggers = [index for index, item in enumerate(given) if _is_trigger(item)] if is_list(given) else []
    if not triggers:
        return False
    if not body.get("stream"):
        raise _refuse("compaction_trigger requires stream=true")
    if triggers != [len(given or ()) - 1]:
        raise _refuse("compaction_trigger must be the final and only compaction trigger")
    if len(given or ()) == 1:
        raise _refuse("compaction input is empty")
    return True


def without_trigger(body: Json) -> Json:
    """Return a request without the trigger at its end."""
    return {**body, "input": body["input"][:-1]}


async def compacted(backend: Backend, body: Json, path: str) -> tuple[Json, Json]:
    """Return the item that replaces a conversation, and the usage.

    Raises:
        StatusError: 400 for input that is not allowed, 404 for an unknown model.
    """
    given = body.get("input")
    for index, item in enumerate(objects(given) if is_list(given) else ()):
        if _is_trigger(item):
            raise _refuse("compaction_trigger is only valid on POST /v1/responses")
        if any(part.get("type") == "input_image" for part in objects(item.get("content"))):
            raise _refuse(f"input[{index}]: image inputs are not supported by compaction")
    messages = native_messages(body)
    if not messages:
        raise _refuse("compaction input is empty")
    prompt = Prompt(path=path, model=body["model"], messages=messages)
    model = backend.model(prompt.model)
    require_for_prompt(model, prompt, "chat")
    async with backend.answering(prompt, model) as answer:
        summary = "".join([step.text async for step in answer.steps()])
        usage = usage_of(answer)
    last = [message for message in messages if message["role"] == "user"][-1:]
    state = {"type": "ollama_compaction", "version": 1, "summary": summary, "retained": last}
    return {"type": "compaction", "encrypted_content": compact(state)}, usage


def _is_trigger(item: Any) -> bool:
    return is_object(item) and item.get("type") == "compaction_trigger"


def _refuse(text: str) -> StatusError:
    return StatusError(400, text, stage="request")
