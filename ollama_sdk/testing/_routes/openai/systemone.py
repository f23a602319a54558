"""Answers ``POST /v1/systemone`` with probabilities for the options of each question, derived from its text."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import compact, is_list, is_object
from ollama_sdk.testing._model.tokens import token_count
from ollama_sdk.testing._routes.backend import require
from ollama_sdk.testing._routes.body import STRING, STRINGS, decode
from ollama_sdk.testing._routes.request_values import base64_error, keep_alive_seconds
from ollama_sdk.testing._server.responses import json_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend

__all__ = ["systemone"]

_FIELDS = {"model": STRING, "images": STRINGS}
_KIB = 2**10
_MAX_TEXT, _MAX_IMAGES = 64 * _KIB, 32 * _KIB * _KIB
_MAX_QUESTIONS = 64
_CANDIDATES = range(2, 27)


async def systemone(backend: Backend, request: Request) -> Response:
    """``POST /v1/systemone``; a chat model answers too."""
    content = await request.body()
    body = decode(content, "api.SystemOneRequest", _FIELDS)
    images = body.get("images", [])
    _check_size(len(content), with_images=bool(images))
    name = body.get("model", "").strip()
    if not name:
        raise StatusError(400, "model is required", stage="request")
    state = _state(body.get("state"))
    options = _options(body.get("questions"))
    for image in images:
        if error := base64_error(image):
            raise StatusError(400, error, stage="request")
    keep_alive = keep_alive_seconds(body.get("keep_alive"))
    model = backend.model(name)
    if not {"decision", "completion"} & set(model.capabilities):
        raise StatusError(400, f'"{name}" does not support decision')
    if images:
        require(model, "vision")
    async with backend.scheduler.permit(model, backend.speed_of(model), keep_alive=keep_alive):
        answers = {question: _answer(state, body["questions"][question], keys) for question, keys in options.items()}
    tokens = sum(token_count(state + compact(body["questions"][question])) for question in options)
    return json_response(
        {"model": body["model"], "answers": answers, "usage": {"input_tokens": tokens, "output_tokens": len(options)}}
    )


def _check_size(size: int, *, with_images: bool) -> None:
    if not with_images and size > _MAX_TEXT:
        raise StatusError(413, "request body must not exceed 64 KiB without images", stage="request")
    if size > _MAX_IMAGES:
        raise StatusError(413, "request body must not exceed 32 MiB", stage="request")


def _state(state: Any) -> str:
    """Return the state as text.

    Raises:
        StatusError: 400 if it is missing, empty or a number.
    """
    if not (isinstance(state, str) or is_object(state) or is_list(state)):
        raise _refuse("state: must be a string, object, or array")
    if not state:
        raise _refuse("state must not be empty")
    return state if isinstance(state, str) else compact(state)


def _options(questions: Any) -> dict[str, list[str]]:
    """Return the keys of the options of each question.

    Raises:
        StatusError: 400 for a question that is not allowed.
    """
    if not is_object(questions) or not 1 <= len(questions) <= _MAX_QUESTIONS:
        raise _refuse("questions must contain 1\u201364 fields")
    return {name: _options_of(name, question) for name, question in questions.items()}


def _options_of(name: str, question: Any) -> list[str]:
    where = f'question "{name}"'
    if not name.strip():
        raise _refuse(f"{where}: field name must not be empty")
    known: Json = question if is_object(question) else {}
    kind, instructions, criteria = known.get("type"), known.get("instructions"), known.get("criteria")
    if kind not in {"choice", "noul", "score"}:
        raise _refuse(f"{where}: type must be choice, noul, or score")
    if not instructions or not (isinstance(instructions, str) or is_object(instructions) or is_list(instructions)):
        raise _refuse(f"{where}: instructions must be a nonempty string, object, or array")
    if kind == "noul":
        return _noul(where, known)
    keys = _choice(where, criteria) if kind == "choice" else _score(where, criteria)
    if len(keys) not in _CANDIDATES:
        raise _refuse(f"{where}: criteria must contain 2\u201326 candidates")
    return keys


def _choice(where: str, criteria: Any) -> list[str]:
    if not is_object(criteria) or not all(text is None or isinstance(text, str) for text in criteria.values()):
        raise _refuse(f"{where}: choice criteria must map option keys to descriptions or null")
    if not all(key.strip() for key in criteria):
        raise _refuse(f"{where}: choice keys must not be empty")
    return list(criteria)


def _score(where: str, criteria: Any) -> list[str]:
    if not is_list(criteria):
        raise _refuse(f"{where}: score criteria must be an array of descriptions")
    if not all(isinstance(text, str) for text in criteria):
        raise _refuse(f"{where}: score descriptions must be strings")
    return [str(level) for level in range(len(criteria))]


def _noul(where: str, question: Json) -> list[str]:
    criteria = question.get("criteria", {})
    if not is_object(criteria):
        raise _refuse(f"{where}: noul criteria must be an object of true/false descriptions")
    for key, text in criteria.items():
        if key not in {"true", "false"}:
            raise _refuse(f'{where}: unknown noul criterion "{key}"')
        if not isinstance(text, str):
            raise _refuse(f"{where}: noul descriptions must be strings")
    return ["false", "true"]


def _answer(state: str, question: Json, keys: list[str]) -> Json:
    """Return an answer; the same question about the same state has the same one."""
    digests = (hashlib.sha256(f"{state}|{compact(question)}|{key}".encode()).digest() for key in keys)
    weights = [digest[0] + 1 for digest in digests]
    probabilities = {key: weight / sum(weights) for key, weight in zip(keys, weights, strict=True)}
    if question["type"] == "noul":
        return {"noul": probabilities["true"]}
    entropy = -sum(each * math.log(each) for each in probabilities.values())
    sure = {"probabilities": probabilities, "confidence": max(1 - entropy / math.log(len(keys)), 0)}
    if question["type"] == "choice":
        return {"choice": max(keys, key=lambda key: probabilities[key]), **sure}
    score = sum(int(level) * each for level, each in probabilities.items())
    return {"score": score, "legend": dict(zip(keys, question["criteria"], strict=True)), **sure}


def _refuse(text: str) -> StatusError:
    return StatusError(400, text, stage="request")
