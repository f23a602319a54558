"""Converts the input of ``/v1/responses`` to the messages of ``/api/chat``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list, is_object, objects, text_in
from ollama_sdk.testing._routes.openai.request_parts import decode_arguments, decode_image
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from ollama_sdk.testing._model.json import Json

__all__ = ["native_messages"]


def native_messages(body: Json) -> list[Json]:
    """Return the messages of a request, its instructions first.

    Raises:
        StatusError: 400 for input that is not allowed.
    """
    system = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    given = body.get("input")
    if given is None:
        return system
    if isinstance(given, str):
        return [*system, {"role": "user", "content": given}]
    if not is_list(given):
        raise _refuse("input must be a string or array")
    return [*system, *(_message(item, f"input[{index}]") for index, item in enumerate(given))]


def _message(item: Any, where: str) -> Json:
    """Return one input item as a message."""
    if not is_object(item):
        raise _refuse(f"{where}: an item must be an object")
    kind = item.get("type") or ("message" if item.get("role") else "")
    if kind == "message":
        role = "system" if item.get("role") == "developer" else item.get("role", "user")
        return {"role": role, **_content(item.get("content"), where)}
    if kind == "function_call":
        arguments = decode_arguments(item["arguments"]) if item.get("arguments") else {}
        call = {"name": item.get("name", ""), "arguments": arguments}
        return {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}
    if kind == "function_call_output":
        return {"role": "tool", "tool_call_id": item.get("call_id", ""), **_content(item.get("output"), where)}
    if kind == "reasoning":
        thinking = "".join(text_in(part.get("text")) for part in objects(item.get("summary")))
        return {"role": "assistant", "content": "", "thinking": thinking}
    raise _refuse(
        f'{where}: unknown input item type: "{kind}"' if kind else f"{where}: input item missing required 'type' field"
    )


def _content(content: Any, where: str) -> Json:
    """Return the text and the images of a content."""
    if content is None or isinstance(content, str):
        return {"content": content or ""}
    if not is_list(content):
        raise _refuse(f"{where}: content must be a string or array")
    text = ""
    images: list[str] = []
    for index, part in enumerate(content):
        kind = part.get("type") if is_object(part) else None
        if kind in ("input_text", "output_text"):
            text += text_in(part.get("text"))
        elif kind == "input_image":
            images += [decode_image(part["image_url"])] if part.get("image_url") else []
        elif kind == "input_file":
            raise _refuse("file inputs are not currently supported")
        else:
            raise _refuse(f"{where}: content[{index}]: unknown content type: {kind or ''}")
    return {"content": text, **({"images": images} if images else {})}


def _refuse(text: str) -> StatusError:
    return StatusError(400, text, stage="request")
