"""JSON values as the checkers and the routes want them."""

from __future__ import annotations

from typing import Any, TypeGuard

import orjson

__all__ = ["Json", "compact", "is_list", "is_object", "objects", "text_of"]

Json = dict[str, Any]


def is_object(value: Any) -> TypeGuard[Json]:
    """Whether a decoded value is an object."""
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a decoded value is an array."""
    return isinstance(value, list)


def objects(value: Any) -> list[Json]:
    """The objects in an array; none when it is no array."""
    return [item for item in value if is_object(item)] if is_list(value) else []


def text_of(value: Any) -> str:
    """The text; empty when it is none."""
    return value if isinstance(value, str) else ""


def compact(value: Any) -> str:
    """JSON text without spaces."""
    return orjson.dumps(value).decode()
