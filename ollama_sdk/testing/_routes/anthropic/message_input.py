"""Converts the messages of ``/v1/messages`` to those of ``/api/chat``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list, is_object, objects, text_in
from ollama_sdk.testing._routes.body import JSON_NAMES
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
    """Return one message as native ones: each tool result becomes a separate message."""
    if "content" not in message:
        raise StatusError(400, "unexpected end of JSON input", stage="request")
    role, content = message.get("role", "user"), message["content"]
    if content is None or isinstance(content, str):
        yield {"role": role, "content": content or ""}
        return
    blocks = objects(content)
    if not is_list(content) or len(blocks) < len(content):
        raise StatusError(
            400, "json: cannot unmarshal content into Go value of type []anthropic.ContentBlock", stage="request"
        )
    for block in blocks:
        if block.get("type") == "tool_result":
            yield {"role": "tool", "content": _text(block.get("content")), "tool_call_id": block.get("tool_use_id", "")}
    text = _text(blocks)
    images = [_image(block) for block in blocks if block.get("type") == "image"]
    calls = [_tool_call(block) for block in blocks if block.get("type") == "tool_use"]
    optional = {key: value for key, value in (("images", images), ("tool_calls", calls)) if value}
    if text or optional:
        yield {"role": role, "content": text, **optional}


def _tool_call(block: Json) -> Json:
    for field in ("id", "name"):
        if not block.get(field):
            raise StatusError(400, f"tool_use block missing required '{field}' field", stage="request")
    arguments: Any = block.get("input") or {}
    if not is_object(arguments):
        text = f"json: cannot unmarshal {JSON_NAMES[type(arguments)]} into Go struct field ContentBlock.input"
        raise StatusError(400, text, stage="request")
    return {"function": {"name": block["name"], "arguments": arguments}}


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
