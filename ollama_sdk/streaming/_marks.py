"""The marks by which a server ends a stream or reports a failure, and the longest item of a stream."""

from __future__ import annotations

from typing import Any

import orjson

from ollama_sdk._json import loads

__all__ = ["MAX_ITEM_BYTES", "SENTINEL", "failure_message"]

MAX_ITEM_BYTES = 64 * 2**20
# In the document, the end of a stream of server-sent events: the text [DONE] in place of an item's JSON.
SENTINEL = {"data": "[DONE]"}

_MAX_ERROR_DEPTH = 20


def failure_message(error: Any, depth: int = 0) -> str:
    """The innermost text of a server's error.

    Args:
        error: A string, an object with a ``message``, ``error`` or ``response``, or JSON of such an object in a string.
        depth: How deeply this is nested in the whole error.

    Returns:
        The text; ``""`` without one, or if it is nested more than 20 levels deep.
    """
    if depth > _MAX_ERROR_DEPTH:
        return ""
    if isinstance(error, str):
        if not error.lstrip().startswith("{"):
            return error
        try:
            return failure_message(loads(error), depth + 1) or error
        except orjson.JSONDecodeError:
            return error
    if error.__class__ is dict:
        for name in ("error", "message", "response"):
            if error.get(name) and (text := failure_message(error[name], depth + 1)):
                return text
    return ""
