"""Finds the parts of a JSON schema that Ollama cannot convert to a grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import is_list, is_object
from ollama_sdk.testing._model.schema import referenced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ollama_sdk.testing._model.json import Json

__all__ = ["conversion_error"]

_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


def conversion_error(schema: Json) -> str | None:
    """Return why a schema cannot be converted; ``None`` if it can.

    Refused are unknown types, references that lead nowhere, and patterns that are not anchored at both ends. Parts that no
    reference reaches are not looked at.
    """
    seen: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if not is_object(part):
            continue
        types = part["type"] if is_list(part.get("type")) else [part.get("type", "object")]
        if any(not isinstance(name, str) or name not in _TYPES for name in types):
            return f"Unrecognized schema: {part}"
        pattern = part.get("pattern")
        if isinstance(pattern, str) and not (pattern.startswith("^") and pattern.endswith("$")):
            return "Pattern must start with '^' and end with '$'"
        reference = part.get("$ref")
        if reference is not None and str(reference) not in seen:
            seen.add(str(reference))
            target = referenced(schema, reference)
            if not is_object(target):
                return f"Error resolving ref {reference}"
            waiting.append(target)
        waiting += _children(part)
    return None


def _children(schema: Json) -> Iterator[Any]:
    properties = schema.get("properties")
    yield from properties.values() if is_object(properties) else ()
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        value = schema.get(key)
        yield from value if is_list(value) else ()
    yield schema.get("items")
    yield schema.get("additionalProperties")
