"""Answers ``POST /v1/completions``; like Ollama, it takes ``logprobs`` and never sends any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list
from ollama_sdk.testing._routes.backend import require, require_for_prompt
from ollama_sdk.testing._routes.body import INTEGER, STRING, decode
from ollama_sdk.testing._routes.openai.chunks import answer_prompt, head, usage_of, wants_usage
from ollama_sdk.testing._routes.openai.request_parts import SAMPLING_FIELDS, options_from
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.script import Prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.answer import Answer, AnswerStep
    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["completions"]

_FIELDS = {**SAMPLING_FIELDS, "prompt": STRING, "suffix": STRING, "logprobs": INTEGER}
_GO_TYPES = {
    type(None): "<nil>",
    bool: "bool",
    int: "float64",
    float: "float64",
    dict: "map[string]interface {}",
    list: "[]interface {}",
}


async def completions(backend: Backend, request: Request) -> Response:
    """``POST /v1/completions``."""
    body = decode(await request.body(), "openai.CompletionRequest", _FIELDS, missing="EOF")
    stop = body.get("stop")
    wrong: list[Any] = [element for element in stop if not isinstance(element, str)] if is_list(stop) else []
    if wrong:
        raise StatusError(400, f"invalid type for 'stop' field: {_GO_TYPES[type(wrong[0])]}", stage="request")
    prompt = Prompt(
        path="/v1/completions",
        model=body.get("model", ""),
        messages=[{"role": "user", "content": body.get("prompt", "")}],
        options=options_from(body, "max_tokens"),
    )
    model = backend.model(prompt.model)
    require_for_prompt(model, prompt, "generate")
    if body.get("suffix"):
        require(model, "insert")
    form = _CompletionChunks(prompt.model, usage=wants_usage(body))
    return await answer_prompt(backend, form, prompt, model, stream=body.get("stream", False))


class _CompletionChunks:
    """A ``text_completion`` and its chunks."""

    def __init__(self, model: str, *, usage: bool) -> None:
        self.usage = usage
        self._head = {**head("cmpl", model), "object": "text_completion"}

    def chunk(self, step: AnswerStep, answer: Answer) -> Json:
        choice = {"text": step.text, "index": 0, "finish_reason": answer.done_reason if step.last else None}
        chunk = {**self._head, "choices": [choice]}
        if self.usage:
            chunk["usage"] = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return chunk

    def usage_chunk(self, answer: Answer) -> Json:
        return {**self._head, "choices": [], "usage": usage_of(answer)}

    def whole(self, steps: Sequence[AnswerStep], answer: Answer) -> Json:
        text = "".join(step.text for step in steps)
        choice = {"text": text, "index": 0, "finish_reason": answer.done_reason if answer.finished else None}
        return {**self._head, "choices": [choice], "usage": usage_of(answer)}
