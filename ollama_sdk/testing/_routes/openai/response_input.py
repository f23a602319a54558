"""Converts the input of ``/v1/responses`` to the messages of ``/api/chat``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list, is_object, objects, text_in
from ollama_sdk.testing._routes.openai.request_parts import decode_arguments, decode_image
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from ollama_sdk.testing._model.json import Json

__all__ = ["native_messages"]

_TEXT_PARTS = frozenset({"input_text", "output_text", "text", "summary_text"})


def native_messages(body: Json) -> list[Json]:
    """Return the messages of a request, its instructions first.

    Raises:
        StatusError: 400 for input that is not allowed.
    """
    given = body.get("input")
    system = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    if isinstance(given, str):
        return [*system, {"role": "user", "content": given}]
    if not is_list(given):
        raise StatusError(400, "input must be a string or array", stage="request")
    return [*system, *(_message(item) for item in given)]


def _message(item: Any) -> Json:
    if not is_object(item):
        raise StatusError(400, "invalid input item", stage="request")
    kind = item.get("type", "message")
    if kind == "function_call":
        call = {"name": item.get("name", ""), "arguments": decode_arguments(item.get("arguments"))}
        return {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}
    if kind == "function_call_output":
        return {"role": "tool", "content": str(item.get("output", "")), "tool_call_id": item.get("call_id", "")}
    if kind == "reasoning":
        return {"role": "assistant", "content": "", "thinking": _texts(item.get("summary"))}
    role = "system" if item.get("role") == "developer" else item.get("role", "user")
    content = item.get("content")
    if not is_list(content):
        return {"role": role, "content": text_in(content)}
    parts = objects(content)
    images = [decode_image(part.get("image_url")) for part in parts if part.get("type") == "input_image"]
    return {"role": role, "content": _texts(parts), **({"images": images} if images else {})}


def _texts(parts: Any) -> str:
    return "".join(text_in(part.get("text")) for part in objects(parts) if part.get("type") in _TEXT_PARTS)
