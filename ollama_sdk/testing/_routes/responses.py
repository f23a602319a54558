"""``/v1/responses``: one answer as an object, or as a numbered sequence of named events."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.decode import decode
from ollama_sdk.testing._model.json import Json, compact, is_list, is_object, objects, text_of
from ollama_sdk.testing._routes.openai import image_data, options_from, parsed_arguments
from ollama_sdk.testing._server.backend import Backend, checked_effort, require, require_thinking, require_voice
from ollama_sdk.testing._server.http import Refusal, Stream, json_response, named_event, openai_error
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._routes.answers import Answer, Step
    from ollama_sdk.testing.models import Model
    from ollama_sdk.testing.script import ToolCall

__all__ = ["Responses"]

_FIELDS = {
    "model": "s", "stream": "b", "instructions": "s", "max_output_tokens": "i", "reasoning": "o", "temperature": "n",
    "top_p": "n", "text": "o", "tools": "t", "truncation": "s",
}  # fmt: skip
_NO_CACHE = {"cache-control": "no-cache", "connection": "keep-alive"}
_TEXT_PARTS = frozenset({"input_text", "output_text", "text", "summary_text"})


class Responses:
    """Handlers over one backend."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def create(self, request: Request) -> Response:
        """``POST /v1/responses``."""
        body = decode(await request.body(), "openai.ResponsesRequest", _FIELDS, missing="EOF")
        think = checked_effort(body.get("reasoning", {}).get("effort"))
        prompt = Prompt(
            path="/v1/responses",
            model=body.get("model", ""),
            messages=_messages(body),
            tools=[_native_tool(tool) for tool in body.get("tools", ()) if tool.get("type") == "function"],
            format=_format(body),
            think=think,
            options=options_from(body, "max_output_tokens"),
        )
        if not prompt.model:
            raise Refusal(400, "model is required")
        model = self._backend.model(prompt.model)
        require_voice(model, prompt.model, "chat")
        require_thinking(model, prompt.model, think)
        if prompt.tools:
            require(model, "tools")
        form = _Form(body)
        if body.get("stream"):
            events = self._events(form, prompt, model)
            return Stream(events, media_type="text/event-stream", dialect=openai_error, headers=_NO_CACHE)
        async with self._backend.answering(prompt, model) as answer:
            async for step in answer.steps():
                for _ in form.events(step, answer):
                    pass
            return json_response(form.response(answer), media_type="application/json")

    async def _events(self, form: _Form, prompt: Prompt, model: Model) -> AsyncGenerator[bytes]:
        async with self._backend.answering(prompt, model) as answer:
            steps = answer.steps()
            opened = False
            async for step in steps:
                if not opened:
                    opened = True
                    for event in form.opening():
                        yield named_event(event)
                for event in form.events(step, answer):
                    yield named_event(event)


class _Form:
    """The events of one answer; each also moves the output forward that the finished object shows."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._id = f"resp_{_number()}"
        self._created = int(time.time())
        self._sequence = 0
        self._output: list[Json] = []
        self._open: Json = {}
        self._text = ""

    def opening(self) -> Iterator[Json]:
        """What comes before the first word."""
        response = self._object(None, "in_progress")
        yield self._event("response.created", response=response)
        yield self._event("response.in_progress", response=response)

    def events(self, step: Step, answer: Answer) -> Iterator[Json]:
        """The events of one step."""
        if step.thinking:
            yield from self._begin("reasoning")
            yield self._delta("response.reasoning_summary_text", step.thinking, summary_index=0)
        if step.text:
            yield from self._begin("message")
            yield self._delta("response.output_text", step.text, content_index=0, logprobs=[])
        if step.calls or step.last:
            yield from self._end()
        for index, identity, call in step.calls:
            yield from self._call(index, identity, call)
        if step.last:
            yield self._event("response.completed", response=self.response(answer))

    def response(self, answer: Answer) -> Json:
        """The finished object."""
        return self._object(answer, "completed")

    def _begin(self, kind: str) -> Iterator[Json]:
        if self._open.get("type") == kind:
            return
        yield from self._end()
        if kind == "reasoning":
            self._open = {"id": f"rs_{_number()}", "type": kind, "summary": []}
        else:
            self._open = {"id": f"msg_{_number()}", "type": kind, "status": "in_progress", "role": "assistant"}
            self._open["content"] = []
        self._text = ""
        yield self._event("response.output_item.added", output_index=len(self._output), item=self._open)
        if kind == "message":
            yield self._event("response.content_part.added", **self._place(content_index=0), part=_part(""))

    def _delta(self, name: str, text: str, **place: Any) -> Json:
        self._text += text
        return self._event(f"{name}.delta", **self._place(**place), delta=text)

    def _end(self) -> Iterator[Json]:
        if not self._open:
            return
        if self._open["type"] == "reasoning":
            place = self._place(summary_index=0)
            yield self._event("response.reasoning_summary_text.done", **place, text=self._text)
            summary = [{"type": "summary_text", "text": self._text}]
            item = {**self._open, "summary": summary, "encrypted_content": self._text}
        else:
            place = self._place(content_index=0)
            yield self._event("response.output_text.done", **place, text=self._text, logprobs=[])
            yield self._event("response.content_part.done", **place, part=_part(self._text))
            item = {**self._open, "status": "completed", "content": [_part(self._text)]}
        yield self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._open = {}

    def _call(self, index: int, identity: str, call: ToolCall) -> Iterator[Json]:
        arguments = compact(dict(call.arguments))
        item: Json = {"id": f"fc_{_number()}_{index}", "type": "function_call", "status": "in_progress"}
        item |= {"call_id": identity, "name": call.name, "arguments": ""}
        self._open = item
        yield self._event("response.output_item.added", output_index=len(self._output), item=item)
        place = self._place()
        yield self._event("response.function_call_arguments.delta", **place, delta=arguments)
        yield self._event("response.function_call_arguments.done", **place, arguments=arguments)
        done = {**item, "status": "completed", "arguments": arguments}
        yield self._event("response.output_item.done", output_index=len(self._output), item=done)
        self._output.append(done)
        self._open = {}

    def _place(self, **more: Any) -> Json:
        return {"item_id": self._open["id"], "output_index": len(self._output), **more}

    def _event(self, kind: str, **data: Any) -> Json:
        event = {**data, "sequence_number": self._sequence, "type": kind}
        self._sequence += 1
        return event

    def _object(self, answer: Answer | None, status: str) -> Json:
        body = self._body
        reasoning = body.get("reasoning", {})
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "completed_at": None if answer is None else int(time.time()),
            "status": status,
            "incomplete_details": None,
            "model": body.get("model", ""),
            "previous_response_id": None,
            "instructions": body.get("instructions"),
            "output": list(self._output),
            "error": None,
            "tools": [_echoed_tool(tool) for tool in body.get("tools", ())],
            "tool_choice": "auto",
            "truncation": body.get("truncation") or "disabled",
            "parallel_tool_calls": True,
            "text": {"format": body.get("text", {}).get("format") or {"type": "text"}},
            "top_p": body.get("top_p", 1),
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": body.get("temperature", 1),
            "reasoning": _echoed_reasoning(reasoning) if reasoning.get("effort") else None,
            "usage": None if answer is None else _usage(answer),
            "max_output_tokens": body.get("max_output_tokens"),
            "max_tool_calls": None,
            "store": False,
            "background": False,
            "service_tier": "default",
            "metadata": {},
            "safety_identifier": None,
            "prompt_cache_key": None,
        }


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _number() -> str:
    return f"{secrets.randbelow(10**6):06d}"


def _usage(answer: Answer) -> Json:
    prompt, spoken = answer.prompt_tokens, answer.tokens
    return {
        "input_tokens": prompt,
        "output_tokens": spoken,
        "total_tokens": prompt + spoken,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def _echoed_tool(tool: Json) -> Json:
    return {key: tool.get(key) for key in ("type", "name", "description", "strict", "parameters")}


def _echoed_reasoning(reasoning: Json) -> Json:
    return {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")}


def _native_tool(tool: Json) -> Json:
    function = {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None}
    return {"type": "function", "function": function}


def _format(body: Json) -> Any:
    wanted = body.get("text", {}).get("format")
    return wanted.get("schema") if is_object(wanted) and wanted.get("type") == "json_schema" else None


def _messages(body: Json) -> list[Json]:
    given = body.get("input")
    system = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    if isinstance(given, str):
        return [*system, {"role": "user", "content": given}]
    if not is_list(given):
        raise Refusal(400, "input must be a string or array", stage="request")
    return [*system, *(_message(item) for item in given)]


def _message(item: Any) -> Json:
    if not is_object(item):
        raise Refusal(400, "invalid input item", stage="request")
    kind = item.get("type", "message")
    if kind == "function_call":
        call = {"name": item.get("name", ""), "arguments": parsed_arguments(item.get("arguments"))}
        return {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}
    if kind == "function_call_output":
        return {"role": "tool", "content": str(item.get("output", "")), "tool_call_id": item.get("call_id", "")}
    if kind == "reasoning":
        return {"role": "assistant", "content": "", "thinking": _texts(item.get("summary"))}
    role = "system" if item.get("role") == "developer" else item.get("role", "user")
    content = item.get("content")
    if not is_list(content):
        return {"role": role, "content": text_of(content)}
    parts = objects(content)
    images = [image_data(part.get("image_url")) for part in parts if part.get("type") == "input_image"]
    return {"role": role, "content": _texts(parts), **({"images": images} if images else {})}


def _texts(parts: Any) -> str:
    return "".join(text_of(part.get("text")) for part in objects(parts) if part.get("type") in _TEXT_PARTS)
