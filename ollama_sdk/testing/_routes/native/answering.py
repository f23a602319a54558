"""The common part of ``generate`` and ``chat``, the native requests for text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from ollama_sdk.testing._model.json import object_in
from ollama_sdk.testing._routes.backend import check_length
from ollama_sdk.testing._routes.body import BOOLEAN, INTEGER, OBJECT, STRING
from ollama_sdk.testing._routes.request_values import (
    base64_error,
    check_format,
    decode_logprobs,
    decode_options,
    decode_think,
    keep_alive_seconds,
)
from ollama_sdk.testing._routes.streaming import StreamResponse, ndjson_lines
from ollama_sdk.testing._routes.timestamps import timestamp
from ollama_sdk.testing._server.responses import json_response
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing.models import EmulatedModel

__all__ = [
    "COMMON_FIELDS",
    "ItemForm",
    "NativeRequest",
    "answer_prompt",
    "check_images",
    "head",
    "item",
    "load",
    "merge_lists",
    "render",
    "tool_calls",
    "unload",
]

# Ollama's one-piece answer when it gave up on a model before the first item: a reply with Go's zero values.
_NOTHING = {"model": "", "created_at": "0001-01-01T00:00:00Z", "done": False}

COMMON_FIELDS = {
    "model": STRING,
    "stream": BOOLEAN,
    "options": OBJECT,
    "truncate": BOOLEAN,
    "shift": BOOLEAN,
    "logprobs": BOOLEAN,
    "top_logprobs": INTEGER,
    "_debug_render_only": BOOLEAN,
}


@frozen
class NativeRequest:
    """The fields that generate and chat have in common, checked in Ollama's order."""

    model: str
    stream: bool
    truncate: bool
    keep_alive: float | None
    think: bool | str | None
    top_logprobs: int | None
    format: Any
    options: Json

    @classmethod
    def decode(cls, body: Json) -> NativeRequest:
        """Read the fields of a decoded body; options are checked later, by :meth:`prompt`.

        Raises:
            StatusError: 400 for a value that is not allowed.
        """
        return cls(
            model=body.get("model", ""),
            stream=body.get("stream", True),
            truncate=body.get("truncate", True),
            keep_alive=keep_alive_seconds(body.get("keep_alive")),
            think=decode_think(body.get("think")),
            top_logprobs=decode_logprobs(body),
            format=body.get("format") or None,
            options=object_in(body.get("options")),
        )

    def prompt(self, path: str, messages: Sequence[Json], tools: Sequence[Json] = ()) -> Prompt:
        """Return the prompt for scripts.

        Raises:
            StatusError: 500 for an option of a wrong type.
        """
        return Prompt(
            path=path,
            model=self.model,
            messages=messages,
            tools=tools,
            format=self.format,
            think=self.think,
            options=decode_options(self.options),
            top_logprobs=self.top_logprobs,
        )


class ItemForm(Protocol):
    """The form that a route gives to the items of an answer.

    Attributes:
        nothing: The route's own content of an empty reply.
    """

    nothing: Json

    def opening(self, answer: Answer, /) -> Sequence[Json]:
        """Return the items before the first step."""
        ...

    def item(self, step: AnswerStep, answer: Answer) -> Json:
        """Return the item of a step."""
        ...

    def merged(self, items: list[Json]) -> Json:
        """Return all items as one."""
        ...


async def answer_prompt(
    backend: Backend, request: NativeRequest, form: ItemForm, prompt: Prompt, model: EmulatedModel
) -> Response:
    """Answer a prompt, as a stream or in one piece."""

    async def items() -> AsyncGenerator[Json]:
        async with backend.answering(prompt, model, keep_alive=request.keep_alive) as answer:
            check_format(prompt.format)
            if not request.truncate:
                check_length(prompt, model)
            for item in form.opening(answer):
                yield item
            async for step in answer.steps():
                yield form.item(step, answer)

    if request.stream:
        return StreamResponse(ndjson_lines(items()), media_type="application/x-ndjson")
    whole = [item async for item in items()]
    return json_response(form.merged(whole) if whole else {**_NOTHING, **form.nothing})


async def load(backend: Backend, request: NativeRequest, model: EmulatedModel, empty: Json) -> Response:
    """Load a model without a prompt; ``empty`` is the route's empty text."""
    async with backend.scheduler.permit(model, backend.speed_of(model), keep_alive=request.keep_alive):
        return json_response({**head(request.model), **empty, "done": True, "done_reason": "load"})


def unload(backend: Backend, request: NativeRequest, model: EmulatedModel, empty: Json) -> Response:
    """Unload a model; ``empty`` is the route's empty text."""
    backend.scheduler.unload(model)
    return json_response({**head(request.model), **empty, "done": True, "done_reason": "unload"})


def render(prompt: Prompt, empty: Json) -> Response:
    """Answer ``_debug_render_only``: the rendered prompt, without running the model."""
    text = "".join(f"<|{message.get('role')}|>{message.get('content', '')}\n" for message in prompt.messages)
    debug = {"rendered_template": f"{text}<|assistant|>"}
    return json_response({**head(prompt.model), **empty, "done": False, "_debug_info": debug})


def head(model: str) -> Json:
    """Return the fields that every item begins with."""
    return {"model": model, "created_at": timestamp()}


def item(model: str, content: Json, step: AnswerStep, answer: Answer) -> Json:
    """Return the item of a step around the route's own content."""
    made = {**head(model), **content, "done": step.last}
    if step.logprobs:
        made["logprobs"] = step.logprobs
    if step.last:
        made["done_reason"] = answer.done_reason
        made |= answer.metrics()
    return made


def tool_calls(step: AnswerStep) -> list[Json]:
    """Return the tool calls of a step."""
    return [
        {"id": identity, "function": {"index": index, "name": call.name, "arguments": dict(call.arguments)}}
        for index, identity, call in step.calls
    ]


def merge_lists(parts: Iterable[Json], key: str) -> Json:
    """Return the lists of several objects joined under their key; nothing if all are empty."""
    joined = [entry for part in parts for entry in part.get(key, ())]
    return {key: joined} if joined else {}


def check_images(images: Sequence[Any]) -> list[str]:
    """Return the images of a message.

    Raises:
        StatusError: 400 for an image that is not base64.
    """
    for image in images:
        error = base64_error(image) if isinstance(image, str) else "illegal base64 data at input byte 0"
        if error:
            raise StatusError(400, error, stage="request")
    return list(images)
