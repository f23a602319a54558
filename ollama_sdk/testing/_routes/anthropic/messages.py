"""Answers ``POST /v1/messages``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from ollama_sdk.testing._model.json import text_in
from ollama_sdk.testing._routes.anthropic.message_events import MessageEvents, whole_message
from ollama_sdk.testing._routes.anthropic.message_input import native_messages, native_tool
from ollama_sdk.testing._routes.backend import require_for_prompt
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, MESSAGES, NUMBER, OBJECT, STRING, STRINGS, TOOLS, decode
from ollama_sdk.testing._routes.errors import anthropic_error
from ollama_sdk.testing._routes.streaming import NO_CACHE, StreamResponse, named_event
from ollama_sdk.testing._server.responses import json_response
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel

__all__ = ["create_message"]

_FIELDS = {
    "model": STRING,
    "max_tokens": INTEGER,
    "messages": MESSAGES,
    "stream": BOOLEAN,
    "temperature": NUMBER,
    "top_p": NUMBER,
    "top_k": INTEGER,
    "stop_sequences": STRINGS,
    "tools": TOOLS,
    "tool_choice": OBJECT,
    "thinking": OBJECT,
    "metadata": OBJECT,
}
_OPTIONS = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop_sequences": "stop",
}
_THINKING = {"enabled": True, "adaptive": True, "disabled": False}


async def create_message(backend: Backend, request: Request) -> Response:
    """``POST /v1/messages``."""
    body = decode(await request.body(), "anthropic.MessagesRequest", _FIELDS, missing="EOF")
    _check(body)
    prompt = Prompt(
        path="/v1/messages",
        model=body["model"],
        messages=native_messages(body),
        tools=[native_tool(tool) for tool in body.get("tools", ())],
        think=_THINKING.get(text_in(body.get("thinking", {}).get("type"))),
        options={native: body[key] for key, native in _OPTIONS.items() if key in body},
    )
    model = backend.model(prompt.model)
    if "thinking" not in model.capabilities:
        # Unlike the other routes, this one ignores the request to think.
        prompt = evolve(prompt, think=None)
    require_for_prompt(model, prompt, "chat")
    if body.get("stream"):
        events = _stream(backend, prompt, model)
        return StreamResponse(events, media_type="text/event-stream", error_body=anthropic_error, headers=NO_CACHE)
    async with backend.answering(prompt, model) as answer:
        steps = [step async for step in answer.steps()]
        return json_response(whole_message(prompt.model, steps, answer), media_type="application/json")


def _check(body: Json) -> None:
    if not body.get("model"):
        raise StatusError(400, "model is required", stage="request")
    if body.get("max_tokens", 0) <= 0:
        raise StatusError(400, "max_tokens is required and must be positive", stage="request")
    if not body.get("messages"):
        raise StatusError(400, "messages is required", stage="request")


async def _stream(backend: Backend, prompt: Prompt, model: EmulatedModel) -> AsyncGenerator[bytes]:
    async with backend.answering(prompt, model) as answer:
        events = MessageEvents(prompt.model)
        begun = False
        async for step in answer.steps():
            if not begun:
                begun = True
                yield named_event(events.opening(answer))
            for event in events.events(step, answer):
                yield named_event(event)
