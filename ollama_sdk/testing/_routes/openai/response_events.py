"""Builds the numbered events of ``/v1/responses``, and the response object at their end."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import compact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep
    from ollama_sdk.testing.script import ScriptedToolCall

__all__ = ["ResponseEvents", "number", "usage_of"]

_TOOL_FIELDS = ("type", "name", "description", "strict", "parameters")
_SEARCH_FIELDS = ("type", "execution", "description", "parameters")


class ResponseEvents:
    """The events of one answer.

    At most one output item is open: reasoning or a message while its pieces arrive. A piece of another kind, a tool call or
    the end closes it, and a closed item is in the output.
    """

    def __init__(self, body: Json) -> None:
        self._body = body
        self._id = f"resp_{number()}"
        self._created = int(time.time())
        self._sequence = 0
        self._output: list[Json] = []
        self._open: Json = {}
        self._text = ""

    def opening(self) -> Iterator[Json]:
        """Return the events before the first step."""
        response = self._object(None, "in_progress")
        yield self._event("response.created", response=response)
        yield self._event("response.in_progress", response=response)

    def events(self, step: AnswerStep, answer: Answer) -> Iterator[Json]:
        """Return the events of one step."""
        if step.thinking:
            yield from self._open_item("reasoning")
            yield self._delta("response.reasoning_summary_text", step.thinking, summary_index=0)
        if step.text:
            yield from self._open_item("message")
            yield self._delta("response.output_text", step.text, content_index=0, logprobs=[])
        if step.calls or step.last:
            yield from self._close_item()
        for index, identity, call in step.calls:
            yield from self._call(index, identity, call)
        if step.last:
            yield self._event("response.completed", response=self._object(usage_of(answer), "completed"))

    def response(self, answer: Answer) -> Json:
        """Return the response object; even at the token limit, and if it is unfinished, Ollama's status is ``completed``."""
        for _ in self._close_item():
            pass
        return self._object(usage_of(answer), "completed")

    def _open_item(self, kind: str) -> Iterator[Json]:
        if self._open.get("type") == kind:
            return
        yield from self._close_item()
        if kind == "reasoning":
            self._open = {"id": f"rs_{number()}", "type": kind, "summary": []}
        else:
            self._open = {"id": f"msg_{number()}", "type": kind, "status": "in_progress", "role": "assistant"}
            self._open["content"] = []
        self._text = ""
        yield self._event("response.output_item.added", output_index=len(self._output), item=self._open)
        if kind == "message":
            yield self._event("response.content_part.added", **self._position(content_index=0), part=_text_part(""))

    def _delta(self, name: str, text: str, **position: Any) -> Json:
        self._text += text
        return self._event(f"{name}.delta", **self._position(**position), delta=text)

    def _close_item(self) -> Iterator[Json]:
        if not self._open:
            return
        if self._open["type"] == "reasoning":
            position = self._position(summary_index=0)
            yield self._event("response.reasoning_summary_text.done", **position, text=self._text)
            summary = [{"type": "summary_text", "text": self._text}]
            item = {**self._open, "summary": summary, "encrypted_content": self._text}
        else:
            position = self._position(content_index=0)
            part = _text_part(self._text)
            yield self._event("response.output_text.done", **position, text=self._text, logprobs=[])
            yield self._event("response.content_part.done", **position, part=part)
            item = {**self._open, "status": "completed", "content": [part]}
        yield self._done(item)

    def compaction(self, item: Json, usage: Json) -> Iterator[Json]:
        """Return the events of a compacted conversation."""
        yield from self.opening()
        yield self._event("response.output_item.added", output_index=0, item=item)
        yield self._done(item)
        yield self._event("response.completed", response=self._object(usage, "completed"))

    def _search(self, index: int, identity: str, call: ScriptedToolCall) -> Iterator[Json]:
        """Return the events of a search for tools, whose arguments come at once."""
        item: Json = {"id": f"ts_{number()}_{index}", "type": "tool_search_call", "call_id": identity}
        item |= {"execution": "client", "status": "in_progress", "arguments": dict(call.arguments)}
        yield self._event("response.output_item.added", output_index=len(self._output), item=item)
        yield self._done({**item, "status": "completed"})

    def _call(self, index: int, identity: str, call: ScriptedToolCall) -> Iterator[Json]:
        if call.name == "tool_search" and any(t.get("type") == "tool_search" for t in self._body.get("tools", ())):
            yield from self._search(index, identity, call)
            return
        arguments = compact(dict(call.arguments))
        item: Json = {"id": f"fc_{number()}_{index}", "type": "function_call", "status": "in_progress"}
        item |= {"call_id": identity, "name": call.name, "arguments": ""}
        self._open = item
        yield self._event("response.output_item.added", output_index=len(self._output), item=item)
        position = self._position()
        yield self._event("response.function_call_arguments.delta", **position, delta=arguments)
        yield self._event("response.function_call_arguments.done", **position, arguments=arguments)
        yield self._done({**item, "status": "completed", "arguments": arguments})

    def _done(self, item: Json) -> Json:
        event = self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._open = {}
        return event

    def _position(self, **more: Any) -> Json:
        return {"item_id": self._open["id"], "output_index": len(self._output), **more}

    def _event(self, kind: str, **data: Any) -> Json:
        event = {**data, "sequence_number": self._sequence, "type": kind}
        self._sequence += 1
        return event

    def _object(self, usage: Json | None, status: str) -> Json:
        body = self._body
        reasoning = body.get("reasoning", {})
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "completed_at": None if usage is None else int(time.time()),
            "status": status,
            "incomplete_details": None,
            "model": body.get("model", ""),
            "previous_response_id": None,
            "instructions": body.get("instructions"),
            "output": list(self._output),
            "error": None,
            "tools": [_shown_tool(tool) for tool in body.get("tools", ())],
            "tool_choice": "auto",
            "truncation": body.get("truncation") or "disabled",
            "parallel_tool_calls": True,
            "text": {"format": body.get("text", {}).get("format") or {"type": "text"}},
            "top_p": body.get("top_p", 1),
            "presence_penalty": 0,
            "frequency_penalty": 0,
            "top_logprobs": 0,
            "temperature": body.get("temperature", 1),
            "reasoning": {key: reasoning.get(key) for key in ("effort", "summary")}
            if reasoning.get("effort")
            else None,
            "usage": usage,
            "max_output_tokens": body.get("max_output_tokens"),
            "max_tool_calls": None,
            "store": False,
            "background": False,
            "service_tier": "default",
            "metadata": {},
            "safety_identifier": None,
            "prompt_cache_key": None,
        }


def _shown_tool(tool: Json) -> Json:
    fields = _SEARCH_FIELDS if tool.get("type") == "tool_search" else _TOOL_FIELDS
    return {key: tool.get(key) for key in fields}


def _text_part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def number() -> str:
    """Return the number in the id of an object."""
    return f"{secrets.randbelow(10**6):06d}"


def usage_of(answer: Answer) -> Json:
    """Return the usage of a response."""
    prompt, tokens = answer.usage
    return {
        "input_tokens": prompt,
        "output_tokens": tokens,
        "total_tokens": prompt + tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
