"""Converts the content of a call to the messages of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson

from ollama_sdk._json import is_list, is_object

__all__ = ["input_messages", "object_of", "objects_in", "output_messages", "system_instructions", "tool_definitions"]

# The types of content blocks. Images and files are recorded by type only, without their data.
_TEXTS = {"text", "input_text", "output_text", "summary_text", "refusal"}
_REASONING = {"thinking", "reasoning", "reasoning_text"}
_CALLS = {"tool_use", "function_call", "custom_tool_call"}
_RESULTS = {"tool_result", "function_call_output", "custom_tool_call_output"}


def input_messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The chat history of a request; a prompt becomes one user message."""
    given: Any = body.get("messages", body.get("input", body.get("prompt")))
    if isinstance(given, str):
        message = {"role": "user", "content": given, "images": body.get("images")}
        return [_message(message)]
    return [_message(each) for each in objects_in(given)]


def output_messages(reply: dict[str, Any]) -> list[dict[str, Any]]:
    """One message for each choice of a complete reply."""
    if "choices" in reply:
        return [
            _message(object_of(c.get("message")) or {"content": c.get("text")}) for c in objects_in(reply["choices"])
        ]
    if "output" in reply:
        parts = [part for item in objects_in(reply["output"]) for part in _message(item)["parts"]]
        return [{"role": "assistant", "parts": parts}]
    if "response" in reply:
        return [
            _message({"content": reply["response"], **{name: reply.get(name) for name in ("thinking", "tool_calls")}})
        ]
    return [_message(object_of(reply.get("message")) or reply)]


def system_instructions(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The instructions of a request that are not in its messages."""
    return _parts(body.get("system", body.get("instructions")))


def tool_definitions(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The tools that a request offers, by type and name."""
    found: list[dict[str, Any]] = []
    for tool in objects_in(body.get("tools")):
        name = object_of(tool.get("function")).get("name", tool.get("name"))
        found.append({"type": tool.get("type", "function"), "name": name})
    return found


def _message(message: dict[str, Any]) -> dict[str, Any]:
    role = message.get("role", "assistant")
    parts: list[dict[str, Any]] = []
    thinking = message.get("thinking") or message.get("reasoning")
    if thinking and isinstance(thinking, str):
        parts.append({"type": "reasoning", "content": thinking})
    if role == "tool":
        response = message.get("content")
        parts.append(
            _without_none({"type": "tool_call_response", "id": message.get("tool_call_id"), "response": response})
        )
    elif "content" in message:
        parts += _parts(message["content"])
    elif "type" in message:
        parts += _parts([message])
    parts += [{"type": "image"} for _ in message.get("images") or ()]
    for call in objects_in(message.get("tool_calls")):
        parts.append(_tool_call(call.get("id"), object_of(call.get("function"))))
    return {"role": role, "parts": parts}


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    return [_part(each) for each in objects_in(content)]


def _part(block: dict[str, Any]) -> dict[str, Any]:
    kind = str(block.get("type"))
    if kind in _TEXTS:
        return {"type": "text", "content": block.get("text", block.get("refusal", ""))}
    if kind in _REASONING:
        text = block.get("thinking") or "".join(str(each.get("text", "")) for each in objects_in(block.get("summary")))
        return {"type": "reasoning", "content": text}
    if kind in _CALLS:
        return _tool_call(block.get("call_id", block.get("id")), block)
    if kind in _RESULTS:
        response = block.get("content", block.get("output"))
        identity = block.get("call_id", block.get("tool_use_id"))
        return _without_none({"type": "tool_call_response", "id": identity, "response": response})
    return {"type": "image" if "image" in kind else kind}


def _tool_call(identity: Any, call: dict[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", call.get("input"))
    if isinstance(arguments, str):
        with contextlib.suppress(orjson.JSONDecodeError):  # other text is recorded unchanged
            arguments = orjson.loads(arguments)
    return _without_none({"type": "tool_call", "id": identity, "name": call.get("name"), "arguments": arguments})


def _without_none(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value is not None}


def object_of(value: Any) -> dict[str, Any]:
    """A JSON object unchanged; ``{}`` for any other value."""
    return value if is_object(value) else {}


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects in a JSON list; ``[]`` for any other value."""
    return [each for each in value if is_object(each)] if is_list(value) else []
