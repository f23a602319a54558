"""Answers ``POST /api/generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._routes.backend import require, require_for_prompt
from ollama_sdk.testing._routes.body import BOOLEAN, LIST, STRING, STRINGS, decode
from ollama_sdk.testing._routes.native.answering import (
    COMMON_FIELDS,
    NativeRequest,
    answer_prompt,
    check_images,
    head,
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

__all__ = ["generate"]

_FIELDS = {
    **COMMON_FIELDS,
    "prompt": STRING,
    "suffix": STRING,
    "system": STRING,
    "template": STRING,
    "context": LIST,
    "raw": BOOLEAN,
    "images": STRINGS,
}
_EMPTY = {"response": ""}


async def generate(backend: Backend, request: Request) -> Response:
    """``POST /api/generate``."""
    body = decode(await request.body(), "api.GenerateRequest", _FIELDS)
    native = NativeRequest.decode(body)
    images = check_images(body.get("images", ()))
    model = backend.model(native.model)
    text = body.get("prompt", "")
    if not text and native.keep_alive == 0:
        return unload(backend, native, model, _EMPTY)
    raw = body.get("raw", False)
    if raw and any(body.get(key) for key in ("template", "system", "context")):
        raise StatusError(400, "raw mode does not support template, system, or context")
    prompt = native.prompt("/api/generate", _messages(body, images))
    require_for_prompt(model, prompt, "generate")
    if body.get("suffix"):
        require(model, "insert")
    if not text:
        return await load(backend, native, model, _EMPTY)
    if body.get("_debug_render_only"):
        return render(prompt, _EMPTY)
    form = _GenerateItems(native.model, None if raw else body.get("context", []))
    return await answer_prompt(backend, native, form, prompt, model)


def _messages(body: Json, images: list[str]) -> list[Json]:
    user = {"role": "user", "content": body.get("prompt", ""), **({"images": images} if images else {})}
    return [{"role": "system", "content": body["system"]}, user] if body.get("system") else [user]


class _GenerateItems:
    """The items of generate; ``context`` is ``None`` in raw mode, which has none."""

    def __init__(self, model: str, context: list[Any] | None) -> None:
        self.nothing: Json = _EMPTY
        self._model = model
        self._context = context

    def opening(self, answer: Answer) -> Sequence[Json]:
        """A model that thinks begins with an empty item."""
        return [{**head(self._model), **_EMPTY, "done": False}] if answer.thinks else []

    def item(self, step: AnswerStep, answer: Answer) -> Json:
        content: Json = {"response": step.text}
        if step.thinking:
            content["thinking"] = step.thinking
        if step.calls:
            content["tool_calls"] = tool_calls(step)
        made = item(self._model, content, step, answer)
        if not step.last or self._context is None:
            return made
        return {**made, "context": [*self._context, *answer.context]}

    def merged(self, items: list[Json]) -> Json:
        whole = {**items[-1], "response": "".join(item["response"] for item in items)}
        if thinking := "".join(item.get("thinking", "") for item in items):
            whole["thinking"] = thinking
        return whole | merge_lists(items, "tool_calls") | merge_lists(items, "logprobs")
