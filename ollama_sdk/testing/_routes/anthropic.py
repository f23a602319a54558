"""``/v1/messages``: one answer in Anthropic's form, whole or as a sequence of named events."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.decode import decode
from ollama_sdk.testing._model.json import Json, compact, is_list, is_object, objects, text_of
from ollama_sdk.testing._server.backend import Backend, require, require_thinking, require_voice
from ollama_sdk.testing._server.http import Refusal, Stream, anthropic_error, json_response, named_event
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.answers import Answer, Step
    from ollama_sdk.testing.models import Model

__all__ = ["Anthropic"]

_FIELDS = {
    "model": "s", "max_tokens": "i", "messages": "m", "stream": "b", "temperature": "n", "top_p": "n", "top_k": "i",
    "stop_sequences": "p", "tools": "t", "tool_choice": "o", "thinking": "o", "metadata": "o",
}  # fmt: skip
_OPTIONS = {
    "max_tokens": "num_predict", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k",
    "stop_sequences": "stop",
}  # fmt: skip
_NO_CACHE = {"cache-control": "no-cache", "connection": "keep-alive"}
_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens"}


class Anthropic:
    """Handlers over one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def messages(self, request: Request) -> Response:
        """``POST /v1/messages``."""
        body = decode(await request.body(), "anthropic.MessagesRequest", _FIELDS, missing="EOF")
        if not body.get("model"):
            raise Refusal(400, "model is required", stage="request")
        if body.get("max_tokens", 0) <= 0:
            raise Refusal(400, "max_tokens is required and must be positive", stage="request")
        if not body.get("messages"):
            raise Refusal(400, "messages is required", stage="request")
        think = {"enabled": True, "adaptive": True, "disabled": False}.get(body.get("thinking", {}).get("type"))
        prompt = Prompt(
            path="/v1/messages",
            model=body["model"],
            messages=_messages(body),
            tools=[_native_tool(tool) for tool in body.get("tools", ())],
            think=think,
            options={native: body[key] for key, native in _OPTIONS.items() if key in body},
        )
        model = self._backend.model(prompt.model)
        require_voice(model, prompt.model, "chat")
        require_thinking(model, prompt.model, think)
        if prompt.tools:
            require(model, "tools")
        if body.get("stream"):
            events = self._events(prompt, model)
            return Stream(events, media_type="text/event-stream", dialect=anthropic_error, headers=_NO_CACHE)
        async with self._backend.answering(prompt, model) as answer:
            steps = [step async for step in answer.steps()]
            return json_response(_whole(prompt.model, steps, answer), media_type="application/json")

    async def _events(self, prompt: Prompt, model: Model) -> AsyncGenerator[bytes]:
        async with self._backend.answering(prompt, model) as answer:
            blocks = _Blocks()
            begun = False
            async for step in answer.steps():
                if not begun:
                    begun = True
                    yield named_event({"type": "message_start", "message": _start(prompt.model, answer)})
                for event in blocks.events(step):
                    yield named_event(event)
                if step.last:
                    usage = {"input_tokens": answer.prompt_tokens, "output_tokens": answer.tokens}
                    delta = {"stop_reason": _stop_reason(answer)}
                    yield named_event({"type": "message_delta", "delta": delta, "usage": usage})
                    yield named_event({"type": "message_stop"})


class _Blocks:
    """The content blocks of a stream: at most one is open at a time."""

    def __init__(self) -> None:
        self._index = 0
        self._open: str | None = None

    def events(self, step: Step) -> Iterator[Json]:
        """The events of one step."""
        if step.thinking:
            yield from self._begin("thinking", {"type": "thinking", "thinking": ""})
            yield self._delta({"type": "thinking_delta", "thinking": step.thinking})
        if step.text:
            yield from self._begin("text", {"type": "text", "text": ""})
            yield self._delta({"type": "text_delta", "text": step.text})
        for _, identity, call in step.calls:
            block: Json = {"type": "tool_use", "id": identity, "name": call.name, "input": {}}
            yield from self._begin(identity, block)
            arguments = compact(dict(call.arguments))
            yield self._delta({"type": "input_json_delta", "partial_json": arguments})
        if step.last:
            yield from self._end()

    def _begin(self, kind: str, block: Json) -> Iterator[Json]:
        if self._open == kind:
            return
        yield from self._end()
        self._open = kind
        yield {"type": "content_block_start", "index": self._index, "content_block": block}

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _end(self) -> Iterator[Json]:
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
            self._index += 1
            self._open = None


def _start(model: str, answer: Answer) -> Json:
    return {**_envelope(model), "content": [], "usage": {"input_tokens": answer.prompt_tokens, "output_tokens": 0}}


def _envelope(model: str) -> Json:
    return {"id": f"msg_{secrets.token_hex(12)}", "type": "message", "role": "assistant", "model": model}


def _whole(model: str, steps: list[Step], answer: Answer) -> Json:
    content: list[Json] = []
    if thinking := "".join(step.thinking for step in steps):
        content.append({"type": "thinking", "thinking": thinking})
    if text := "".join(step.text for step in steps):
        content.append({"type": "text", "text": text})
    content += [
        {"type": "tool_use", "id": identity, "name": call.name, "input": dict(call.arguments)}
        for step in steps
        for _, identity, call in step.calls
    ]
    usage = {"input_tokens": answer.prompt_tokens, "output_tokens": answer.tokens}
    return {**_envelope(model), "content": content, "stop_reason": _stop_reason(answer), "usage": usage}


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if answer.called else _STOP_REASONS[answer.done_reason]


def _native_tool(tool: Json) -> Json:
    function = {"name": tool.get("name", ""), "parameters": tool.get("input_schema") or {"type": "object"}}
    return {"type": "function", "function": {**function, "description": tool.get("description", "")}}


def _messages(body: Json) -> list[Json]:
    system = body.get("system")
    text = system if isinstance(system, str) else _text(system)
    first = [{"role": "system", "content": text}] if text else []
    return [*first, *(native for message in body["messages"] for native in _native_messages(message))]


def _native_messages(message: Json) -> Iterator[Json]:
    """One message as Ollama's own: a tool's result becomes a message of its own."""
    role, content = message.get("role", "user"), message.get("content")
    if not is_list(content):
        yield {"role": role, "content": text_of(content)}
        return
    blocks = objects(content)
    for block in blocks:
        if block.get("type") == "tool_result":
            result = block.get("content")
            text = result if isinstance(result, str) else _text(result)
            yield {"role": "tool", "content": text, "tool_call_id": block.get("tool_use_id", "")}
    native: Json = {"role": role, "content": _text(blocks)}
    images = [_image(block) for block in blocks if block.get("type") == "image"]
    calls = [
        {"function": {"name": block.get("name", ""), "arguments": block.get("input", {})}}
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    native |= {key: value for key, value in (("images", images), ("tool_calls", calls)) if value}
    if native["content"] or len(native) > len(("role", "content")):
        yield native


def _image(block: Json) -> str:
    source = block.get("source")
    if not is_object(source) or source.get("type") != "base64":
        raise Refusal(400, "invalid image source: only base64 images are supported", stage="request")
    return text_of(source.get("data"))


def _text(blocks: Any) -> str:
    return "".join(text_of(block.get("text")) for block in objects(blocks) if block.get("type") == "text")
