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
# The types of the values of keywords.
_KEYWORDS: dict[str, tuple[type, ...]] = {
    "properties": (dict,),
    **dict.fromkeys(("required", "enum", "anyOf", "oneOf", "allOf", "prefixItems"), (list,)),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength", "minProperties"), (int,)),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), (int, float)),
    **dict.fromkeys(("$ref", "format", "pattern"), (str,)),
}


def conversion_error(schema: Json) -> str | None:
    """Return why a schema cannot be converted; ``None`` if it can.

    It refuses unknown types, keywords of a wrong type, references without a target, and patterns that are not anchored at both
    ends. Parts that no reference reaches are not checked.
    """
    seen: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if not is_object(part):
            continue
        if not _is_well_formed(part):
            return f"Unrecognized schema: {part}"
        pattern: str = part.get("pattern", "^$")
        if not (pattern.startswith("^") and pattern.endswith("$")):
            return "Pattern must start with '^' and end with '$'"
        reference: str | None = part.get("$ref")
        if reference is not None and reference not in seen:
            seen.add(reference)
            target = referenced(schema, reference)
            if not is_object(target):
                return f"Error resolving ref {reference}"
            waiting.append(target)
        waiting += _children(part)
    return None


def _is_well_formed(part: Json) -> bool:
    types = part["type"] if is_list(part.get("type")) else [part.get("type", "object")]
    return (
        all(isinstance(name, str) and name in _TYPES for name in types)
        and all(isinstance(part[key], expected) for key, expected in _KEYWORDS.items() if key in part)
        and all(isinstance(name, str) for name in part.get("required", ()))
    )


def _children(schema: Json) -> Iterator[Any]:
    yield from schema.get("properties", {}).values()
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from schema.get(key, ())
    yield schema.get("items")
    yield schema.get("additionalProperties")
