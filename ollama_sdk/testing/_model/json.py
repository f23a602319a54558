"""Narrows decoded JSON values to the types that the rest of the emulator works with."""

from __future__ import annotations

from typing import Any, TypeGuard

import orjson

__all__ = ["Json", "compact", "is_list", "is_object", "object_in", "objects", "text_in"]

Json = dict[str, Any]


def is_object(value: Any) -> TypeGuard[Json]:
    """Whether a decoded value is an object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a decoded value is an array."""
    return isinstance(value, list)


def object_in(value: Any) -> Json:
    """Return the value if it is an object, otherwise an empty one."""
    return value if is_object(value) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects in an array; none if the value is not an array."""
    return [item for item in value if is_object(item)] if is_list(value) else []


def text_in(value: Any) -> str:
    """Return the value if it is text, otherwise the empty text."""
    return value if isinstance(value, str) else ""


def compact(value: Any) -> str:
    """Return JSON text without spaces."""
    return orjson.dumps(value).decode()
