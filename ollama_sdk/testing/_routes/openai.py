"""The OpenAI-compatible routes but for Responses: chat, completions, embeddings, models and transcriptions."""

from __future__ import annotations

import base64
import secrets
import struct
import time
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

import orjson

from ollama_sdk.testing._model.decode import decode
from ollama_sdk.testing._model.json import Json, compact, is_list, is_object, objects, text_of
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._server.backend import (
    Backend,
    checked_effort,
    checked_logprobs,
    require,
    require_thinking,
    require_voice,
)
from ollama_sdk.testing._server.http import Refusal, Stream, json_response, openai_error, sse_item, text_response
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.answers import Answer, Step
    from ollama_sdk.testing.models import Model

__all__ = ["OpenAI", "image_data", "options_from", "parsed_arguments"]

_CHAT = {
    "model": "s", "messages": "m", "stream": "b", "stream_options": "o", "max_tokens": "i", "seed": "i",
    "temperature": "n", "frequency_penalty": "n", "presence_penalty": "n", "top_p": "n", "response_format": "o",
    "tools": "t", "reasoning": "o", "reasoning_effort": "s", "logprobs": "b", "top_logprobs": "i",
}  # fmt: skip
_COMPLETION = {
    "model": "s", "prompt": "s", "stream": "b", "stream_options": "o", "max_tokens": "i", "seed": "i",
    "temperature": "n", "frequency_penalty": "n", "presence_penalty": "n", "top_p": "n", "suffix": "s",
    "logprobs": "i",
}  # fmt: skip
_EMBED = {"model": "s", "dimensions": "i", "encoding_format": "s"}
_FINGERPRINT = "fp_ollama"
_PLAIN_OPTIONS = ("seed", "temperature", "frequency_penalty", "presence_penalty", "top_p")
_LARGEST_ID = 1000
_TRY_PULLING = 'model "{}" not found, try pulling it first'
_MOST_AUDIO = 25 * 2**20


class OpenAI:
    """Handlers over one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def chat(self, request: Request) -> Response:
        """``POST /v1/chat/completions``."""
        body = decode(await request.body(), "openai.ChatCompletionRequest", _CHAT, missing="EOF")
        if not body.get("messages"):
            raise Refusal(400, "[] is too short - 'messages'", stage="request")
        messages = [_native_message(message) for message in body["messages"]]
        think = checked_effort(body.get("reasoning_effort") or body.get("reasoning", {}).get("effort"))
        prompt = Prompt(
            path="/v1/chat/completions",
            model=body.get("model", ""),
            messages=messages,
            tools=body.get("tools", ()),
            format=_format(body.get("response_format")),
            think=think,
            options=options_from(body, "max_tokens"),
            top_logprobs=checked_logprobs(body),
        )
        if not prompt.model:
            raise Refusal(400, "model is required")
        model = self._backend.model(prompt.model)
        require_voice(model, prompt.model, "chat")
        require_thinking(model, prompt.model, think)
        if prompt.tools:
            require(model, "tools")
        return await self._answer(_Chat(prompt.model, _usage_wanted(body)), prompt, model, body)

    async def completions(self, request: Request) -> Response:
        """``POST /v1/completions``."""
        body = decode(await request.body(), "openai.CompletionRequest", _COMPLETION, missing="EOF")
        alternatives: int = body.get("logprobs", 0)
        prompt = Prompt(
            path="/v1/completions",
            model=body.get("model", ""),
            messages=[{"role": "user", "content": body.get("prompt", "")}],
            options=options_from(body, "max_tokens"),
            top_logprobs=checked_logprobs({"logprobs": True, "top_logprobs": alternatives})
            if alternatives > 0
            else None,
        )
        model = self._backend.model(prompt.model)
        require_voice(model, prompt.model, "generate")
        if body.get("suffix"):
            require(model, "insert")
        return await self._answer(_Completion(prompt.model, _usage_wanted(body)), prompt, model, body)

    async def embeddings(self, request: Request) -> Response:
        """``POST /v1/embeddings``."""
        body = decode(await request.body(), "openai.EmbedRequest", _EMBED, missing="EOF")
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not texts or not is_list(texts):
            raise Refusal(400, "invalid input", stage="request")
        if not all(isinstance(text, str) for text in texts):
            raise Refusal(400, "invalid input type")
        name = body.get("model", "")
        model = self._backend.model(name, missing=_TRY_PULLING)
        vectors, tokens = await self._backend.embedded(model, texts, dimensions=body.get("dimensions"))
        encode = _base64_floats if body.get("encoding_format") == "base64" else list[float]
        data = [
            {"object": "embedding", "embedding": encode(vector), "index": index} for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _json({"object": "list", "data": data, "model": name, "usage": usage})

    async def models(self, request: Request) -> Response:  # noqa: ARG002
        """``GET /v1/models``."""
        data = [_model_entry(model.name.short, model) for model in self._backend.models]
        return _json({"object": "list", "data": data})

    async def retrieve_model(self, request: Request) -> Response:
        """``GET /v1/models/{model}``."""
        name = str(request.path_params["model"])
        parsed = ModelName.parse(name)
        model = self._backend.model(name, missing=f"model '{parsed.short}' not found" if parsed else "")
        return _json(_model_entry(name, model))

    async def transcriptions(self, request: Request) -> Response:
        """``POST /v1/audio/transcriptions``."""
        form = _form(request.headers.get("content-type", ""), await request.body())
        audio = form.get("file")
        if audio is None:
            raise Refusal(400, "file is required", stage="request")
        if len(audio) > _MOST_AUDIO:
            raise Refusal(400, "file is too large", stage="request")
        name = form.get("model", b"").decode()
        if not name:
            raise Refusal(400, "model is required", stage="request")
        model = self._backend.model(name)
        require(model, "audio")
        asked = form.get("prompt", b"").decode() or "the recording"
        prompt = Prompt(path="/v1/audio/transcriptions", model=name, messages=[{"role": "user", "content": asked}])
        async with self._backend.answering(prompt, model) as answer:
            text = "".join([step.text async for step in answer.steps()])
        if form.get("response_format") == b"text":
            return text_response(text, media_type="text/plain; charset=utf-8")
        return _json({"text": text})

    async def _answer(self, form: _Chat | _Completion, prompt: Prompt, model: Model, body: Json) -> Response:
        if body.get("stream"):
            return Stream(self._chunks(form, prompt, model), media_type="text/event-stream", dialect=openai_error)
        async with self._backend.answering(prompt, model) as answer:
            steps = [step async for step in answer.steps()]
            return _json(form.whole(steps, answer))

    async def _chunks(self, form: _Chat | _Completion, prompt: Prompt, model: Model) -> AsyncGenerator[bytes]:
        async with self._backend.answering(prompt, model) as answer:
            async for step in answer.steps():
                if not step.last:
                    yield sse_item(form.chunk(step, answer))
                    continue
                end = b"data: [DONE]\n\n"
                if form.usage:
                    yield sse_item(form.chunk(step, answer))
                    yield sse_item(form.usage_chunk(answer)) + end
                else:
                    yield sse_item(form.chunk(step, answer)) + end


class _Chat:
    """``chat.completion`` and its chunks."""

    def __init__(self, model: str, usage: bool) -> None:
        self.usage = usage
        self._head = _head("chatcmpl", model)
        self._begun = False

    def chunk(self, step: Step, answer: Answer) -> Json:
        """One step."""
        delta: Json = {} if self._begun or step.last else {"role": "assistant"}
        self._begun = True
        if not step.last or step.calls:
            delta["content"] = step.text
        if step.thinking:
            delta["reasoning"] = step.thinking
        if step.calls:
            delta["tool_calls"] = _calls(step)
        choice: Json = {"index": 0, "delta": delta, "finish_reason": _finish(answer) if step.last else None}
        if step.logprobs:
            choice["logprobs"] = {"content": step.logprobs}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def usage_chunk(self, answer: Answer) -> Json:
        """The counters, in a chunk of their own."""
        return {**self._head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(answer)}

    def whole(self, steps: list[Step], answer: Answer) -> Json:
        """The answer in one piece."""
        message: Json = {"role": "assistant", "content": "".join(step.text for step in steps)}
        if thinking := "".join(step.thinking for step in steps):
            message["reasoning"] = thinking
        if calls := [call for step in steps for call in _calls(step)]:
            message["tool_calls"] = calls
        choice: Json = {"index": 0, "message": message, "finish_reason": _finish(answer) if answer.finished else None}
        if logprobs := [entry for step in steps for entry in step.logprobs]:
            choice["logprobs"] = {"content": logprobs}
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}


class _Completion:
    """``text_completion`` and its chunks."""

    def __init__(self, model: str, usage: bool) -> None:
        self.usage = usage
        self._head = {**_head("cmpl", model), "object": "text_completion"}

    def chunk(self, step: Step, answer: Answer) -> Json:
        """One step."""
        choice: Json = {"text": step.text, "index": 0, "finish_reason": answer.done_reason if step.last else None}
        if step.logprobs:
            choice["logprobs"] = {"content": step.logprobs}
        chunk = {**self._head, "choices": [choice]}
        if self.usage:
            chunk["usage"] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return chunk

    def usage_chunk(self, answer: Answer) -> Json:
        """The counters, in a chunk of their own."""
        return {**self._head, "choices": [], "usage": _usage(answer)}

    def whole(self, steps: list[Step], answer: Answer) -> Json:
        """The answer in one piece."""
        text = "".join(step.text for step in steps)
        choice: Json = {"text": text, "index": 0, "finish_reason": answer.done_reason if answer.finished else None}
        if logprobs := [entry for step in steps for entry in step.logprobs]:
            choice["logprobs"] = {"content": logprobs}
        return {**self._head, "choices": [choice], "usage": _usage(answer)}


def _json(content: Any) -> Response:
    return json_response(content, media_type="application/json")


def _head(kind: str, model: str) -> Json:
    identity = f"{kind}-{secrets.randbelow(_LARGEST_ID)}"
    return {"id": identity, "created": int(time.time()), "model": model, "system_fingerprint": _FINGERPRINT}


def _usage(answer: Answer) -> Json:
    prompt, spoken = answer.prompt_tokens, answer.tokens
    return {"prompt_tokens": prompt, "completion_tokens": spoken, "total_tokens": prompt + spoken}


def _usage_wanted(body: Json) -> bool:
    return bool(body.get("stream_options", {}).get("include_usage"))


def _finish(answer: Answer) -> str:
    return "tool_calls" if answer.called else answer.done_reason


def _calls(step: Step) -> list[Json]:
    return [
        {
            "id": identity,
            "index": index,
            "type": "function",
            "function": {"name": call.name, "arguments": compact(dict(call.arguments))},
        }
        for index, identity, call in step.calls
    ]


def _model_entry(identity: str, model: Model) -> Json:
    owner = model.name.namespace
    return {"id": identity, "object": "model", "created": int(model.modified_at), "owned_by": owner}


def _base64_floats(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def options_from(body: Mapping[str, Any], limit: str) -> Json:
    """Model options from a request that has them beside its messages; ``limit`` is what it calls ``num_predict``."""
    options = {key: body[key] for key in _PLAIN_OPTIONS if key in body}
    if limit in body:
        options["num_predict"] = body[limit]
    stop = body.get("stop")
    if stop:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    return options


def _format(wanted: Any) -> Any:
    if not is_object(wanted):
        return None
    if wanted.get("type") == "json_object":
        return "json"
    schema = wanted.get("json_schema")
    return schema.get("schema") if wanted.get("type") == "json_schema" and is_object(schema) else None


def image_data(url: Any) -> str:
    """The base64 text of a ``data:`` URL.

    Raises:
        Refusal: 400 for any other kind of URL.
    """
    if not isinstance(url, str) or not url.startswith("data:"):
        message = "image URLs are not currently supported, please use base64 encoded data instead"
        raise Refusal(400, message, stage="request")
    head, comma, data = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise Refusal(400, "invalid image input", stage="request")
    return data


def parsed_arguments(text: Any) -> Json:
    """The arguments of a tool call, which OpenAI's routes hold as JSON text (400 when it is none)."""
    try:
        value: Any = orjson.loads(text) if text else None
    except ValueError:
        raise Refusal(400, "invalid tool call arguments", stage="request") from None
    return value if is_object(value) else {}


def _native_message(message: Json) -> Json:
    native = {"role": message.get("role", ""), "content": ""}
    native |= {key: message[key] for key in ("name", "tool_call_id") if message.get(key)}
    if message.get("tool_calls"):
        native["tool_calls"] = [_native_call(call) for call in objects(message["tool_calls"])]
    content = message.get("content")
    if isinstance(content, str):
        return {**native, "content": content}
    if content is None and message.get("tool_calls"):
        return native
    if not is_list(content):
        name = "<nil>" if content is None else type(content).__name__
        raise Refusal(400, f"invalid message content type: {name}", stage="request")
    parts = objects(content)
    if len(parts) < len(content):
        raise Refusal(400, "invalid message format", stage="request")
    images = [image_data(_url(part)) for part in parts if part.get("type") == "image_url"]
    text = "".join(text_of(part.get("text")) for part in parts if part.get("type") == "text")
    return {**native, "content": text, **({"images": images} if images else {})}


def _url(part: Json) -> Any:
    image = part.get("image_url")
    return image.get("url") if is_object(image) else image


def _native_call(call: Json) -> Json:
    function = call.get("function")
    function = function if is_object(function) else {}
    return {"function": {"name": function.get("name", ""), "arguments": parsed_arguments(function.get("arguments"))}}


def _form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a multipart form."""
    if not content_type.startswith("multipart/form-data"):
        message = "failed to parse multipart form: request Content-Type isn't multipart/form-data"
        raise Refusal(400, message, stage="request")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parsed = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if not parsed.is_multipart():
        raise Refusal(400, "failed to parse multipart form: multipart: NextPart: EOF", stage="request")
    fields: dict[str, bytes] = {}
    for part in parsed.iter_parts():
        content: Any = part.get_payload(decode=True)
        fields[str(part.get_param("name", header="content-disposition"))] = content
    return fields
