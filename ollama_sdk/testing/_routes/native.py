"""The routes under ``/api`` that ask a model: generate, chat, embed and embeddings."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.decode import base64_complaint, check_fields, decode, decode_options, keep_alive_seconds
from ollama_sdk.testing._model.json import Json, is_list
from ollama_sdk.testing._server.backend import (
    Backend,
    check_format,
    check_length,
    checked_logprobs,
    checked_think,
    require,
    require_thinking,
    require_voice,
    timestamp,
)
from ollama_sdk.testing._server.http import Refusal, Stream, json_response, ndjson_item
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.answers import Answer, Step
    from ollama_sdk.testing.models import Model

__all__ = ["Native"]

_COMMON = {
    "model": "s", "stream": "b", "options": "o", "truncate": "b", "shift": "b", "logprobs": "b", "top_logprobs": "i",
    "_debug_render_only": "b",
}  # fmt: skip
_GENERATE = {
    **_COMMON, "prompt": "s", "suffix": "s", "system": "s", "template": "s", "context": "l", "raw": "b", "images": "p",
}  # fmt: skip
_CHAT = {**_COMMON, "messages": "m", "tools": "t"}
_MESSAGE = {"role": "s", "content": "s", "thinking": "s", "images": "p", "tool_calls": "l", "tool_name": "s"}
_EMBED = {"model": "s", "truncate": "b", "dimensions": "i", "options": "o"}
_EMBEDDINGS = {"model": "s", "prompt": "s", "options": "o"}
_NOT_IMPLEMENTED = 501
_TRY_PULLING = 'model "{}" not found, try pulling it first'


class Native:
    """Handlers over one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def generate(self, request: Request) -> Response:
        """``POST /api/generate``."""
        body = decode(await request.body(), "api.GenerateRequest", _GENERATE)
        asked = _Asked(body, _images(body.get("images", ())))
        model = self._backend.model(asked.model)
        text = body.get("prompt", "")
        if not text and asked.keep_alive == 0:
            return self._unload(asked, model, {"response": ""})
        if body.get("raw") and any(body.get(key) for key in ("template", "system", "context")):
            raise Refusal(400, "raw mode does not support template, system, or context")
        require_voice(model, asked.model, "generate")
        require_thinking(model, asked.model, asked.think)
        if body.get("suffix"):
            require(model, "insert")
        prompt = asked.prompt("/api/generate", _generate_messages(body))
        if not text:
            return await self._load(asked, model, {"response": ""})
        if body.get("_debug_render_only"):
            return _rendered(prompt, {"response": ""})
        context: list[Any] | None = None if body.get("raw") else body.get("context", [])
        return await self._answer(_Generate(asked.model, context), prompt, model, asked)

    async def chat(self, request: Request) -> Response:
        """``POST /api/chat``."""
        body = decode(await request.body(), "api.ChatRequest", _CHAT)
        messages = [_message(message) for message in body.get("messages", ())]
        asked = _Asked(body, None)
        if not asked.model:
            raise Refusal(400, "model is required")
        model = self._backend.model(asked.model)
        silence = {"message": {"role": "assistant", "content": ""}}
        if not messages and asked.keep_alive == 0:
            return self._unload(asked, model, silence)
        require_voice(model, asked.model, "chat")
        require_thinking(model, asked.model, asked.think)
        if body.get("tools"):
            require(model, "tools")
        prompt = asked.prompt("/api/chat", messages)
        if not messages:
            return await self._load(asked, model, silence)
        if body.get("_debug_render_only"):
            return _rendered(prompt, silence)
        return await self._answer(_Chat(asked.model), prompt, model, asked)

    async def embed(self, request: Request) -> Response:
        """``POST /api/embed``."""
        body = decode(await request.body(), "api.EmbedRequest", _EMBED)
        keep_alive = keep_alive_seconds(body.get("keep_alive"))
        texts = _texts(body.get("input"))
        name = body.get("model", "")
        model = self._backend.model(name, missing=_TRY_PULLING)
        decode_options(body.get("options", {}))
        if not texts:
            return json_response({"model": name, "embeddings": []})
        vectors, tokens = await self._backend.embedded(
            model, texts, dimensions=body.get("dimensions"), keep_alive=keep_alive
        )
        counters = {"total_duration": 2_000_000, "load_duration": 1_000_000, "prompt_eval_count": tokens}
        return json_response({"model": name, "embeddings": vectors, **counters})

    async def embeddings(self, request: Request) -> Response:
        """``POST /api/embeddings``."""
        body = decode(await request.body(), "api.EmbeddingRequest", _EMBEDDINGS)
        keep_alive = keep_alive_seconds(body.get("keep_alive"))
        if not body.get("model"):
            raise Refusal(400, "model is required")
        model = self._backend.model(body["model"], missing=_TRY_PULLING)
        if not body.get("prompt"):
            return json_response({"embedding": []})
        try:
            vectors, _ = await self._backend.embedded(model, [body["prompt"]], keep_alive=keep_alive)
        except Refusal as refusal:
            # The older route knows no other status for a model that makes no vectors.
            raise Refusal(500 if refusal.status == _NOT_IMPLEMENTED else refusal.status, refusal.message) from refusal
        return json_response({"embedding": vectors[0]})

    def _unload(self, asked: _Asked, model: Model, silence: Json) -> Response:
        self._backend.scheduler.unload(model)
        return json_response(_head(asked.model) | silence | {"done": True, "done_reason": "unload"})

    async def _load(self, asked: _Asked, model: Model, silence: Json) -> Response:
        speed = model.speed or self._backend.speed
        async with self._backend.scheduler.turn(model, speed, keep_alive=asked.keep_alive):
            return json_response(_head(asked.model) | silence | {"done": True, "done_reason": "load"})

    async def _answer(self, form: _Chat | _Generate, prompt: Prompt, model: Model, asked: _Asked) -> Response:
        items = self._items(form, prompt, model, asked)
        if asked.stream:
            return Stream(_lines(items), media_type="application/x-ndjson")
        return json_response(form.merged([item async for item in items]))

    async def _items(
        self, form: _Chat | _Generate, prompt: Prompt, model: Model, asked: _Asked
    ) -> AsyncGenerator[Json]:
        async with self._backend.answering(prompt, model, keep_alive=asked.keep_alive) as answer:
            check_format(prompt.format)
            check_length(prompt, model, truncate=asked.truncate)
            for item in form.opening(answer):
                yield item
            async for step in answer.steps():
                yield form.item(step, answer)


async def _lines(items: AsyncGenerator[Json]) -> AsyncGenerator[bytes]:
    # Closed by hand: a model's turn must end with its stream, not when the garbage collector comes by.
    async with aclosing(items):
        async for item in items:
            yield ndjson_item(item)


class _Asked:
    """The fields that generate and chat share, checked in the server's order."""

    def __init__(self, body: Json, images: list[str] | None) -> None:
        self.model: str = body.get("model", "")
        self.stream: bool = body.get("stream", True)
        self.truncate: bool = body.get("truncate", True)
        self.keep_alive = keep_alive_seconds(body.get("keep_alive"))
        self.think = checked_think(body.get("think"))
        self._top_logprobs = checked_logprobs(body)
        self._body = body
        self._images = images

    def prompt(self, path: str, messages: list[Json]) -> Prompt:
        """The request in the form that scripts see."""
        if self._images:
            messages[-1]["images"] = self._images
        return Prompt(
            path=path,
            model=self.model,
            messages=messages,
            tools=self._body.get("tools", ()),
            format=self._body.get("format") or None,
            think=self.think,
            options=decode_options(self._body.get("options", {})),
            top_logprobs=self._top_logprobs,
        )


class _Chat:
    """Items of ``/api/chat``."""

    def __init__(self, model: str) -> None:
        self._model = model

    def opening(self, answer: Answer) -> tuple[Json, ...]:  # noqa: ARG002 - generate has one
        """Items before the first step."""
        return ()

    def item(self, step: Step, answer: Answer) -> Json:
        """The item of a step."""
        message: Json = {"role": "assistant", "content": step.text}
        if step.thinking:
            message["thinking"] = step.thinking
        if step.calls:
            message["tool_calls"] = _calls(step)
        return _item(self._model, {"message": message}, step, answer)

    def merged(self, items: list[Json]) -> Json:
        """All items as one."""
        whole = items[-1]
        messages = [item["message"] for item in items]
        message: Json = {"role": "assistant", "content": "".join(message["content"] for message in messages)}
        message |= _joined(messages)
        return _with_logprobs(whole | {"message": message}, items)


class _Generate:
    """Items of ``/api/generate``."""

    def __init__(self, model: str, context: list[Any] | None) -> None:
        self._model = model
        self._context = context

    def opening(self, answer: Answer) -> tuple[Json, ...]:
        """Items before the first step: an empty one where a model thinks."""
        return (_head(self._model) | {"response": "", "done": False},) if answer.thinks else ()

    def item(self, step: Step, answer: Answer) -> Json:
        """The item of a step."""
        said: Json = {"response": step.text}
        if step.thinking:
            said["thinking"] = step.thinking
        if step.calls:
            said["tool_calls"] = _calls(step)
        item = _item(self._model, said, step, answer)
        if not step.last or self._context is None:
            return item
        return {**item, "context": [*self._context, *answer.context]}

    def merged(self, items: list[Json]) -> Json:
        """All items as one."""
        text = "".join(item["response"] for item in items)
        return _with_logprobs(items[-1] | {"response": text} | _joined(items), items)


def _item(model: str, said: Json, step: Step, answer: Answer) -> Json:
    item = {"model": model, "created_at": timestamp(), **said, "done": step.last}
    if step.logprobs:
        item["logprobs"] = step.logprobs
    if step.last:
        item["done_reason"] = answer.done_reason
        item |= answer.metrics()
    return item


def _joined(parts: list[Json]) -> Json:
    """Thinking and tool calls of several items, where there are any."""
    joined: Json = {}
    if thinking := "".join(part.get("thinking", "") for part in parts):
        joined["thinking"] = thinking
    if calls := [call for part in parts for call in part.get("tool_calls", ())]:
        joined["tool_calls"] = calls
    return joined


def _with_logprobs(whole: Json, items: list[Json]) -> Json:
    logprobs = [entry for item in items for entry in item.get("logprobs", ())]
    return whole | {"logprobs": logprobs} if logprobs else whole


def _calls(step: Step) -> list[Json]:
    return [
        {"id": identity, "function": {"index": index, "name": call.name, "arguments": dict(call.arguments)}}
        for index, identity, call in step.calls
    ]


def _head(model: str) -> Json:
    return {"model": model, "created_at": timestamp()}


def _rendered(prompt: Prompt, silence: Json) -> Response:
    text = "".join(f"<|{message.get('role')}|>{message.get('content', '')}\n" for message in prompt.messages)
    return json_response(
        _head(prompt.model) | silence | {"done": False, "_debug_info": {"rendered_template": f"{text}<|assistant|>"}}
    )


def _message(message: Json) -> Json:
    check_fields(message, _MESSAGE, "ChatRequest.messages")
    _images(message.get("images") or ())
    return dict(message)


def _images(images: Any) -> list[str]:
    for image in images:
        complaint = base64_complaint(image) if isinstance(image, str) else "illegal base64 data at input byte 0"
        if complaint:
            raise Refusal(400, complaint, stage="request")
    return list(images)


def _generate_messages(body: Mapping[str, Any]) -> list[Json]:
    system = [{"role": "system", "content": body["system"]}] if body.get("system") else []
    return [*system, {"role": "user", "content": body.get("prompt", "")}]


def _texts(given: Any) -> list[str]:
    """The texts to embed (400 when they are none)."""
    if given is None:
        return []
    if isinstance(given, str):
        return [given] if given else []
    if is_list(given) and all(isinstance(text, str) for text in given):
        return given
    raise Refusal(400, "invalid input type")
