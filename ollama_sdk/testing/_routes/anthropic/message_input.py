"""Converts the messages of ``/v1/messages`` to those of ``/api/chat``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list, is_object, objects, text_in
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ollama_sdk.testing._model.json import Json

__all__ = ["native_messages", "native_tool"]


def native_tool(tool: Json) -> Json:
    """Return a tool as ``/api/chat`` has it."""
    function = {"name": tool.get("name", ""), "parameters": tool.get("input_schema") or {"type": "object"}}
    return {"type": "function", "function": {**function, "description": tool.get("description", "")}}


def native_messages(body: Json) -> list[Json]:
    """Return the messages of a request, its system prompt first.

    Raises:
        StatusError: 400 for a message that is not allowed.
    """
    system = _text(body.get("system"))
    first = [{"role": "system", "content": system}] if system else []
    return [*first, *(native for message in body["messages"] for native in _native_messages(message))]


def _native_messages(message: Json) -> Iterator[Json]:
    """Return one message as native ones: each tool result becomes a message of its own."""
    role, content = message.get("role", "user"), message.get("content")
    if not is_list(content):
        yield {"role": role, "content": text_in(content)}
        return
    blocks = objects(content)
    for block in blocks:
        if block.get("type") == "tool_result":
            yield {"role": "tool", "content": _text(block.get("content")), "tool_call_id": block.get("tool_use_id", "")}
    text = _text(blocks)
    images = [_image(block) for block in blocks if block.get("type") == "image"]
    calls = [
        {"function": {"name": block.get("name", ""), "arguments": block.get("input", {})}}
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    optional = {key: value for key, value in (("images", images), ("tool_calls", calls)) if value}
    if text or optional:
        yield {"role": role, "content": text, **optional}


def _image(block: Json) -> str:
    source = block.get("source")
    if not is_object(source) or source.get("type") != "base64":
        raise StatusError(400, "invalid image source: only base64 images are supported", stage="request")
    return text_in(source.get("data"))


def _text(content: Any) -> str:
    """Return the text of a content: itself, or its text blocks joined."""
    if isinstance(content, str):
        return content
    return "".join(text_in(block.get("text")) for block in objects(content) if block.get("type") == "text")
