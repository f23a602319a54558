"""Answers ``POST /api/chat``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ollama_sdk.testing._model.json import object_in
from ollama_sdk.testing._routes.backend import require_for_prompt
from ollama_sdk.testing._routes.body import MESSAGES, OBJECT, STRING, STRINGS, TOOL_CALLS, TOOLS, check_fields, decode
from ollama_sdk.testing._routes.native.answering import (
    COMMON_FIELDS,
    NativeRequest,
    answer_prompt,
    check_images,
    item,
    load,
    merge_lists,
    render,
    tool_calls,
    unload,
)
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep
    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["chat"]

_FIELDS = {**COMMON_FIELDS, "messages": MESSAGES, "tools": TOOLS}
_MESSAGE_FIELDS = {
    "role": STRING,
    "content": STRING,
    "thinking": STRING,
    "images": STRINGS,
    "tool_calls": TOOL_CALLS,
    "tool_name": STRING,
}
_FUNCTION_FIELDS = {"name": STRING, "arguments": OBJECT}
_EMPTY = {"message": {"role": "assistant", "content": ""}}


async def chat(backend: Backend, request: Request) -> Response:
    """``POST /api/chat``."""
    body = decode(await request.body(), "api.ChatRequest", _FIELDS)
    messages: list[Json] = body.get("messages", [])
    for message in messages:
        check_fields(message, _MESSAGE_FIELDS, "ChatRequest.messages")
        for call in message.get("tool_calls") or ():
            check_fields(object_in(call.get("function")), _FUNCTION_FIELDS, "ChatRequest.messages.tool_calls.function")
        check_images(message.get("images") or ())
    native = NativeRequest.decode(body)
    if not native.model:
        raise StatusError(400, "model is required")
    model = backend.model(native.model)
    if not messages and native.keep_alive == 0:
        return unload(backend, native, model, _EMPTY)
    prompt = native.prompt("/api/chat", messages, body.get("tools", ()))
    require_for_prompt(model, prompt, "chat")
    if not messages:
        return await load(backend, native, model, _EMPTY)
    if body.get("_debug_render_only"):
        return render(prompt, _EMPTY)
    return await answer_prompt(backend, native, _ChatItems(native.model), prompt, model)


class _ChatItems:
    """The items of chat."""

    def __init__(self, model: str) -> None:
        self.nothing: Json = {"message": {"role": "", "content": ""}}
        self._model = model

    def opening(self, _: Answer) -> Sequence[Json]:
        return []

    def item(self, step: AnswerStep, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": step.text}
        if step.thinking:
            message["thinking"] = step.thinking
        if step.calls:
            message["tool_calls"] = tool_calls(step)
        return item(self._model, {"message": message}, step, answer)

    def merged(self, items: list[Json]) -> Json:
        messages: list[Json] = [item["message"] for item in items]
        message: Json = {"role": "assistant", "content": "".join(message["content"] for message in messages)}
        if thinking := "".join(message.get("thinking", "") for message in messages):
            message["thinking"] = thinking
        message |= merge_lists(messages, "tool_calls")
        return {**items[-1], "message": message} | merge_lists(items, "logprobs")
