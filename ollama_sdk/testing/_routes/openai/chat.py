"""Answers ``POST /v1/chat/completions``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import compact, is_list, is_object, object_in, objects
from ollama_sdk.testing._routes.backend import require_for_prompt
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, MESSAGES, OBJECT, STRING, TOOLS, decode
from ollama_sdk.testing._routes.openai.chunks import answer_prompt, head, logprobs_of, usage_of, wants_usage
from ollama_sdk.testing._routes.openai.request_parts import (
    SAMPLING_FIELDS,
    decode_arguments,
    decode_image,
    options_from,
)
from ollama_sdk.testing._routes.request_values import decode_effort, decode_logprobs
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep
    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["chat"]

_FIELDS = {
    **SAMPLING_FIELDS,
    "messages": MESSAGES,
    "response_format": OBJECT,
    "tools": TOOLS,
    "reasoning": OBJECT,
    "reasoning_effort": STRING,
    "logprobs": BOOLEAN,
    "top_logprobs": INTEGER,
}


async def chat(backend: Backend, request: Request) -> Response:
    """``POST /v1/chat/completions``."""
    body = decode(await request.body(), "openai.ChatCompletionRequest", _FIELDS, missing="EOF")
    if not body.get("messages"):
        raise StatusError(400, "[] is too short - 'messages'", stage="request")
    prompt = Prompt(
        path="/v1/chat/completions",
        model=body.get("model", ""),
        messages=[_native_message(message) for message in body["messages"]],
        tools=body.get("tools", ()),
        format=_format(body.get("response_format")),
        think=decode_effort(body.get("reasoning_effort") or body.get("reasoning", {}).get("effort")),
        options=options_from(body, "max_tokens"),
        top_logprobs=decode_logprobs(body),
    )
    if not prompt.model:
        raise StatusError(400, "model is required")
    model = backend.model(prompt.model)
    require_for_prompt(model, prompt, "chat")
    form = _ChatChunks(prompt.model, usage=wants_usage(body))
    return await answer_prompt(backend, form, prompt, model, stream=body.get("stream", False))


class _ChatChunks:
    """A ``chat.completion`` and its chunks."""

    def __init__(self, model: str, *, usage: bool) -> None:
        self.usage = usage
        self._head = head("chatcmpl", model)
        self._begun = False

    def chunk(self, step: AnswerStep, answer: Answer) -> Json:
        delta: Json = {} if self._begun or step.last else {"role": "assistant"}
        self._begun = True
        if not step.last or step.calls:
            delta["content"] = step.text
        if step.thinking:
            delta["reasoning"] = step.thinking
        if step.calls:
            delta["tool_calls"] = _tool_calls(step)
        choice = {"index": 0, "delta": delta, "finish_reason": _finish_reason(answer) if step.last else None}
        return self._chunk([choice | logprobs_of([step])])

    def usage_chunk(self, answer: Answer) -> Json:
        return {**self._chunk([]), "usage": usage_of(answer)}

    def _chunk(self, choices: list[Json]) -> Json:
        return {**self._head, "object": "chat.completion.chunk", "choices": choices}

    def whole(self, steps: Sequence[AnswerStep], answer: Answer) -> Json:
        message: Json = {"role": "assistant" if steps else "", "content": "".join(step.text for step in steps)}
        if thinking := "".join(step.thinking for step in steps):
            message["reasoning"] = thinking
        if calls := [call for step in steps for call in _tool_calls(step)]:
            message["tool_calls"] = calls
        finish_reason = _finish_reason(answer) if answer.finished else None
        choice = {"index": 0, "message": message, "finish_reason": finish_reason} | logprobs_of(steps)
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage_of(answer)}


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.called else answer.done_reason


def _tool_calls(step: AnswerStep) -> list[Json]:
    return [
        {
            "id": identity,
            "index": index,
            "type": "function",
            "function": {"name": call.name, "arguments": compact(dict(call.arguments))},
        }
        for index, identity, call in step.calls
    ]


def _format(wanted: Any) -> Any:
    if not is_object(wanted):
        return None
    if wanted.get("type") == "json_object":
        return "json"
    return object_in(wanted.get("json_schema")).get("schema") if wanted.get("type") == "json_schema" else None


def _native_message(message: Json) -> Json:
    """Return a message as ``/api/chat`` has it."""
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
        raise StatusError(400, f"invalid message content type: {name}", stage="request")
    return native | _native_content(content)


def _native_content(content: list[Any]) -> Json:
    """Return the text and the images of content parts."""
    text = ""
    images: list[str] = []
    for part in content:
        kind = part.get("type") if is_object(part) else None
        if kind == "text" and isinstance(part.get("text"), str):
            text += part["text"]
        elif kind == "image_url":
            images.append(decode_image(_image_url(part)))
        else:
            raise StatusError(400, "invalid message format", stage="request")
    return {"content": text, **({"images": images} if images else {})}


def _image_url(part: Json) -> Any:
    image = part.get("image_url")
    return image.get("url") if is_object(image) else image


def _native_call(call: Json) -> Json:
    function = object_in(call.get("function"))
    return {"function": {"name": function.get("name", ""), "arguments": decode_arguments(function.get("arguments"))}}
