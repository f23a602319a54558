"""Converts the input of ``/v1/responses`` to the messages of ``/api/chat``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import compact, is_list, is_object, object_in, objects, text_in
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
    return [*system, *(message for index, item in enumerate(given) for message in _messages(item, f"input[{index}]"))]


def _messages(item: Any, where: str) -> list[Json]:
    """Return one input item as messages; a compacted conversation becomes its content."""
    if not is_object(item) or item.get("type") != "compaction":
        return [_message(item, where)]
    try:
        held = json.loads(item.get("encrypted_content") or "")
    except (TypeError, ValueError):
        held = None
    if not is_object(held) or held.get("type") != "ollama_compaction":
        raise _refuse("unsupported compaction item: encrypted_content is not an Ollama payload")
    return [{"role": "system", "content": text_in(held.get("summary"))}, *objects(held.get("retained"))]


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
    if kind in {"tool_search_call", "tool_search_output", "custom_tool_call", "custom_tool_call_output"}:
        return _tool_message(kind, item, where)
    if kind == "reasoning":
        thinking = "".join(text_in(part.get("text")) for part in objects(item.get("summary")))
        return {"role": "assistant", "content": "", "thinking": thinking}
    raise _refuse(
        f'{where}: unknown input item type: "{kind}"' if kind else f"{where}: input item missing required 'type' field"
    )


def _tool_message(kind: str, item: Json, where: str) -> Json:
    """Return a search for tools, a call of a custom tool, or the result of one."""
    call_id = item.get("call_id", "")
    if kind.startswith("custom") and not call_id:
        raise _refuse(f"{where}: {kind} call_id must not be empty")
    if kind == "tool_search_output":
        return {"role": "tool", "tool_call_id": call_id, "content": compact(item.get("tools") or [])}
    if kind == "custom_tool_call_output":
        return {"role": "tool", "tool_call_id": call_id, **_content(item.get("output"), where)}
    if kind == "tool_search_call":
        call: Json = {"name": "tool_search", "arguments": object_in(item.get("arguments"))}
    else:
        if not text_in(item.get("name")).strip():
            raise _refuse(f"{where}: custom_tool_call name must not be empty")
        if not isinstance(item.get("input"), str):
            raise _refuse(f"{where}: custom_tool_call input must be a string")
        call = {"name": item["name"], "arguments": {"input": item["input"]}}
    return {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}


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
