"""Answers ``POST /v1/responses``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_object, objects
from ollama_sdk.testing._routes.backend import require_for_prompt
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, NUMBER, OBJECT, STRING, TOOLS, decode
from ollama_sdk.testing._routes.errors import openai_error
from ollama_sdk.testing._routes.openai.chunks import openai_json
from ollama_sdk.testing._routes.openai.compaction import compacted, is_triggered, without_trigger
from ollama_sdk.testing._routes.openai.request_parts import options_from
from ollama_sdk.testing._routes.openai.response_events import ResponseEvents
from ollama_sdk.testing._routes.openai.response_input import native_messages
from ollama_sdk.testing._routes.request_values import decode_effort
from ollama_sdk.testing._routes.streaming import NO_CACHE, StreamResponse, named_event
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel

__all__ = ["create_response"]

_FIELDS = {
    "model": STRING,
    "stream": BOOLEAN,
    "instructions": STRING,
    "max_output_tokens": INTEGER,
    "reasoning": OBJECT,
    "temperature": NUMBER,
    "top_p": NUMBER,
    "text": OBJECT,
    "tools": TOOLS,
    "truncation": STRING,
}


async def create_response(backend: Backend, request: Request) -> Response:
    """``POST /v1/responses``."""
    body = decode(await request.body(), "openai.ResponsesRequest", _FIELDS, missing="EOF")
    if is_triggered(body):
        return StreamResponse(
            _compaction(backend, body), media_type="text/event-stream", error_body=openai_error, headers=NO_CACHE
        )
    prompt = Prompt(
        path="/v1/responses",
        model=body.get("model", ""),
        messages=native_messages(body),
        tools=[_native_tool(tool) for tool in _tools(body) if tool.get("type") in {"function", "tool_search"}],
        format=_format(body),
        think=decode_effort(body.get("reasoning", {}).get("effort")),
        options=options_from(body, "max_output_tokens"),
    )
    if not prompt.model:
        raise StatusError(400, "model is required")
    model = backend.model(prompt.model)
    require_for_prompt(model, prompt, "chat")
    events = ResponseEvents(body)
    if body.get("stream"):
        items = _stream(backend, events, prompt, model)
        return StreamResponse(items, media_type="text/event-stream", error_body=openai_error, headers=NO_CACHE)
    async with backend.answering(prompt, model) as answer:
        async for step in answer.steps():
            for _ in events.events(step, answer):
                pass
        return openai_json(events.response(answer))


async def _stream(
    backend: Backend, events: ResponseEvents, prompt: Prompt, model: EmulatedModel
) -> AsyncGenerator[bytes]:
    async with backend.answering(prompt, model) as answer:
        begun = False
        async for step in answer.steps():
            if not begun:
                begun = True
                for event in events.opening():
                    yield named_event(event)
            for event in events.events(step, answer):
                yield named_event(event)


async def _compaction(backend: Backend, body: Json) -> AsyncGenerator[bytes]:
    if not body.get("model"):
        raise StatusError(400, "model is required")
    item, usage = await compacted(backend, without_trigger(body), "/v1/responses")
    for event in ResponseEvents(body).compaction(item, usage):
        yield named_event(event)


def _tools(body: Json) -> list[Json]:
    """Return the tools of a request, and those that a search in its input has found."""
    found = [tool for item in objects(body.get("input")) for tool in objects(item.get("tools"))]
    return [*body.get("tools", ()), *found]


def _native_tool(tool: Json) -> Json:
    if tool["type"] == "tool_search":
        tool = {**tool, "name": "tool_search"}
    function = {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None}
    return {"type": "function", "function": function}


def _format(body: Json) -> Any:
    wanted = body.get("text", {}).get("format")
    return wanted.get("schema") if is_object(wanted) and wanted.get("type") == "json_schema" else None
