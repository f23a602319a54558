"""Makes a JSON value that a schema accepts; the same schema always gives the same value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ollama_sdk.testing._model.json import Json, is_list, is_object, objects

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["example_value", "referenced"]

# Below this depth only required properties are made, so that recursive schemas terminate.
_MAX_DEPTH = 4
_WORD = "alpha"
_NUMBER = 42

_FORMATS = {
    "date-time": "2026-01-02T03:04:05Z",
    "date": "2026-01-02",
    "time": "03:04:05Z",
    "duration": "PT1M",
    "email": "alpha@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/alpha",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example_value(schema: Any) -> Any:
    """Return a value that a JSON schema accepts.

    Supported: ``$ref`` within the schema, ``const``, ``enum``, ``anyOf``, ``oneOf``, ``allOf``, ``type``, the bounds of
    numbers, strings and arrays, ``multipleOf``, ``uniqueItems``, ``prefixItems``, ``required`` and ``format``. Not
    supported: ``pattern``, ``not``, conditions.

    Args:
        schema: A JSON schema; a schema that is not an object accepts every value.
    """
    return _ExampleMaker(schema).value(schema, 0)


class _ExampleMaker:
    """Makes values for the parts of one schema, whose root it keeps for references."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def value(self, schema: Any, depth: int) -> Any:
        """Return a value for a part ``depth`` levels below the root."""
        if not is_object(schema):
            return _WORD
        schema = self._flatten(schema, 0)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        return _SCALARS.get(kind, _string)(schema)

    def _flatten(self, schema: Json, hops: int) -> Json:
        """Follow references, choose among alternatives, and merge ``allOf``."""
        if hops > _MAX_DEPTH * 2:
            return schema
        flat = {key: item for key, item in schema.items() if key not in {"$ref", "anyOf", "oneOf", "allOf"}}
        parts: list[Any] = list(schema.get("allOf", []))
        if "$ref" in schema:
            parts.append(referenced(self._root, schema["$ref"]))
        parts += [_preferred(schema[key]) for key in ("anyOf", "oneOf") if schema.get(key)]
        for part in objects(parts):
            flat = _merged(self._flatten(part, hops + 1), flat)
        return flat

    def _object(self, schema: Json, depth: int) -> Json:
        properties: Json = schema.get("properties") or {}
        required: list[str] = schema.get("required") or []
        names = required if required or depth >= _MAX_DEPTH else list(properties)
        made = {name: self.value(properties.get(name), depth + 1) for name in properties if name in names}
        made.update({name: _WORD for name in names if name not in made})
        extra = schema.get("additionalProperties")
        while len(made) < schema.get("minProperties", 0):
            made[f"{_WORD}{len(made)}"] = self.value(extra, depth + 1)
        return made

    def _array(self, schema: Json, depth: int) -> list[Any]:
        fixed: list[Any] = schema.get("prefixItems") or []
        made = [self.value(item, depth + 1) for item in fixed]
        least = max(schema.get("minItems", 0), 0 if depth >= _MAX_DEPTH or fixed else 1)
        count = min(least, schema.get("maxItems", least))
        items = schema.get("items")
        made += [self.value(items, depth + 1) for _ in range(count - len(made))]
        return _distinct(made, items) if schema.get("uniqueItems") else made


def referenced(root: Any, reference: Any) -> Any:
    """Return the target of a reference within a schema; ``None`` if there is none."""
    found: Any = root
    for step in str(reference).removeprefix("#").strip("/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if key:
            found = found.get(key) if is_object(found) else None
    return found


def _kind(schema: Json) -> str:
    kind = schema.get("type")
    if is_list(kind):
        return next((str(name) for name in kind if name != "null"), "null")
    if kind:
        return str(kind)
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else "string"


def _preferred(alternatives: list[Any]) -> Any:
    """Return the first alternative that is not null."""
    return next((item for item in alternatives if item != {"type": "null"}), alternatives[0])


def _merged(below: Json, above: Json) -> Json:
    both = {**below, **above}
    if "properties" in below and "properties" in above:
        both["properties"] = {**below["properties"], **above["properties"]}
    if "required" in below and "required" in above:
        both["required"] = [*below["required"], *(name for name in above["required"] if name not in below["required"])]
    return both


def _distinct(values: list[Any], items: Any) -> list[Any]:
    choices = items.get("enum") if is_object(items) else None
    if is_list(choices):
        return choices[: len(values)]
    return [_shifted(value, place) for place, value in enumerate(values)]


def _shifted(value: Any, by: int) -> Any:
    if isinstance(value, bool) or not by:
        return value
    if isinstance(value, int | float):
        return value + by
    return f"{value}{by}" if isinstance(value, str) else value


def _string(schema: Json) -> str:
    text = _FORMATS.get(schema.get("format", ""), _WORD)
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(text))
    return text.ljust(least, "a")[: max(most, least)]


def _number(schema: Json) -> float:
    step = schema.get("multipleOf") or 1
    least, most = _bounds(schema, step if isinstance(step, int) else 1e-3)
    value = min(max(_NUMBER, least), most)
    up = math.ceil(value / step) * step
    return up if up <= most else math.floor(value / step) * step if schema.get("multipleOf") else value


def _integer(schema: Json) -> int:
    step = schema.get("multipleOf") or 1
    least, most = _bounds(schema, 1)
    value = min(max(_NUMBER, least), most)
    up = math.ceil(value / step) * step
    return int(up if up <= most else math.floor(most / step) * step)


def _bounds(schema: Json, nudge: float) -> tuple[float, float]:
    """Return the smallest and the largest value allowed."""
    least = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf) + nudge)
    most = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf) - nudge)
    return least, most


_SCALARS: dict[str, Callable[[Json], Any]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": lambda _: True,
    "null": lambda _: None,
}
