"""Makes values that a schema of the document allows: its example, or the least value that has every field."""

from __future__ import annotations

from typing import Any

from tests.document.openapi_document import JSON, resolve

_TEXTS = {"date-time": "2026-01-02T03:04:05Z", "byte": "aGk=", "binary": "abc", "json-schema": "{}"}
_SIMPLE: dict[str, Any] = {"integer": 1, "number": 0.5, "boolean": True, "null": None}


def value_of(schema: JSON, *, depth: int = 0) -> Any:
    """A value that a schema allows.

    Args:
        schema: The schema, or a reference to one.
        depth: How many objects it is in; deep ones have their required fields only, which ends recursion.
    """
    node = resolve(schema)
    if node.get("examples"):
        return node["examples"][0]
    for key in ("anyOf", "oneOf"):
        if key in node:
            return value_of(node[key][0], depth=depth)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return node["enum"][0]
    kinds = node.get("type", "object" if "properties" in node else "string")
    kind = kinds if isinstance(kinds, str) else next(each for each in kinds if each != "null")
    if kind == "object":
        names = node.get("properties", {}) if depth < 3 else node.get("required", ())
        return {name: value_of(node["properties"][name], depth=depth + 1) for name in names}
    if kind == "array":
        return [value_of(node["items"], depth=depth + 1)]
    return _SIMPLE[kind] if kind in _SIMPLE else _TEXTS.get(node.get("format", ""), "text")
