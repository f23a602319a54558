"""Checks that a document is complete: names are known, values have their types, and descriptions are present.

The generator could process a document that breaks these rules, so they apply only to the present document, not to an old revision
with which it is compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from .document import Document, Pointer, is_list, is_mapping

__all__ = ["refuse_gaps"]

Problems = Iterator[tuple[Pointer, str]]

_SCHEMAS = ("components", "schemas")
# The keywords of JSON Schema and OpenAPI; conventions.yaml refuses some of them.
_WORDS = """
    $anchor $comment $defs $dynamicAnchor $dynamicRef $id $ref $schema additionalProperties allOf anyOf const contains
    contentEncoding contentMediaType contentSchema default dependentRequired dependentSchemas deprecated description
    discriminator else enum example examples exclusiveMaximum exclusiveMinimum externalDocs format if items maxContains maxItems
    maxLength maxProperties maximum minContains minItems minLength minProperties minimum multipleOf not nullable oneOf pattern
    patternProperties prefixItems properties propertyNames readOnly required then title type unevaluatedItems
    unevaluatedProperties uniqueItems writeOnly xml
"""
_KEYWORDS = frozenset(_WORDS.split())
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
# Keys of a schema that hold schemas: one, a list, or a mapping by name.
_ONE, _MANY, _NAMED = ("items", "additionalProperties", "not"), ("anyOf", "oneOf"), ("properties",)


def refuse_gaps(document: Document) -> None:
    """Check a document that follows the conventions.

    Raises:
        DocumentError: A keyword is misspelt, a required field or a tag does not exist, an enumeration holds a value that YAML
            did not parse as text, an array lacks its items, a union of objects lacks its mapping, or a description is missing.
    """
    for check in (_keywords, _values, _required, _unions, _tags, _descriptions):
        for place, problem in check(document):
            raise document.error(place, problem)


def _all_schemas(document: Document) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    """Every schema with its place, including inner ones."""
    for name, schema in document.data.get("components", {}).get("schemas", {}).items():
        yield from _inside(schema, (*_SCHEMAS, name))
    for pointer, node in document.walk():
        if is_mapping(node) and "schema" in node and "schemas" not in pointer:
            yield from _inside(node["schema"], (*pointer, "schema"))


def _inside(schema: Any, pointer: Pointer) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    if not is_mapping(schema):
        return
    yield pointer, schema
    for key in _ONE:
        yield from _inside(schema.get(key), (*pointer, key))
    for key in _MANY:
        for index, part in enumerate(schema.get(key, ())):
            yield from _inside(part, (*pointer, key, index))
    for key in _NAMED:
        for name, part in schema.get(key, {}).items():
            yield from _inside(part, (*pointer, key, name))


# Values and names


def _keywords(document: Document) -> Problems:
    for pointer, schema in _all_schemas(document):
        for key in schema:
            if key not in _KEYWORDS and not key.startswith("x-"):
                near = difflib.get_close_matches(key, _KEYWORDS, 1)
                yield (*pointer, key), f"unknown keyword {key!r}{f'; did you mean {near[0]!r}?' if near else ''}"


def _values(document: Document) -> Problems:
    for pointer, schema in _all_schemas(document):
        kinds = schema.get("type", ())
        kinds = kinds if is_list(kinds) else [kinds] if kinds else []
        if "array" in kinds and "items" not in schema:
            yield pointer, "an array says what it holds: items is missing"
        values: list[Any] = schema.get("enum", [])
        for index, value in enumerate(values):
            if isinstance(value, bool):
                word = str(value).lower()
                yield (
                    (*pointer, "enum", index),
                    f"YAML reads this value as {word}; quote it if it is text, or say `type: boolean`",
                )
            elif not isinstance(value, str | int | None):
                yield (*pointer, "enum", index), f"{value!r} is neither text nor a whole number"
        places = [((*pointer, "enum", index), value) for index, value in enumerate(values)]
        for place, value in places + ([((*pointer, "const"), schema["const"])] if "const" in schema else []):
            if kinds and not any(_is_of_type(value, kind) for kind in kinds):
                yield place, f"{value!r} is not of the type {' or '.join(kinds)}"
        types: set[type] = {type(value) for value in values if value is not None}
        if len(types) > 1:
            yield (*pointer, "enum"), "the values of an enumeration are all text or all whole numbers"


def _is_of_type(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind not in _TYPES or kind == "boolean"
    return isinstance(value, _TYPES.get(kind, object))


def _required(document: Document) -> Problems:
    for pointer, schema in _all_schemas(document):
        names = schema.get("properties", {})
        for index, name in enumerate(schema.get("required", ())):
            if name not in names:
                known = f"there are {', '.join(names)}" if names else "there are none"
                yield (*pointer, "required", index), f"{name!r} is required and is no property; {known}"


def _tags(document: Document) -> Problems:
    declared = [tag["name"] for tag in document.data.get("tags", ())]
    for pointer, _, _, node in document.operations():
        if declared and not node.get("tags"):
            yield (*pointer, "tags"), f"'tags' is missing; there are {', '.join(declared)}"
        for index, tag in enumerate(node.get("tags", ())):
            if tag not in declared:
                known = f"there are {', '.join(declared)}" if declared else "the document declares none"
                yield (*pointer, "tags", index), f"unknown tag {tag!r}; {known}"


# Unions


def _unions(document: Document) -> Problems:
    """Check that a union of several objects has a discriminator and its mapping."""
    for pointer, schema in _all_schemas(document):
        refs = [part["$ref"] for part in schema.get("anyOf", schema.get("oneOf", ())) if "$ref" in part]
        objects = [ref for ref in refs if document.resolve({"$ref": ref}).get("type") == "object"]
        if len(objects) > 1:
            yield from _mapping(document, pointer, schema, objects)


def _mapping(document: Document, pointer: Pointer, schema: dict[str, Any], objects: list[str]) -> Problems:
    discriminator = schema.get("discriminator", {})
    place = (*pointer, "discriminator")
    if "propertyName" not in discriminator:
        yield place, "a union of objects has a discriminator: `propertyName` and a `mapping` of its values to schemas"
        return
    key = discriminator["propertyName"]
    expected: dict[str, str] = {}
    for ref in objects:
        field = document.resolve({"$ref": ref}).get("properties", {}).get(key, {})
        values = [field["const"]] if "const" in field else field.get("enum", ())
        expected |= dict.fromkeys(map(str, values), ref)
    for ref in objects:
        closed = document.resolve({"$ref": ref}).get("properties", {}).get(key, {}).get("not", {}).get("enum")
        if closed is not None and {*map(str, closed)} != expected.keys():
            target: Pointer = tuple(ref.removeprefix("#/").split("/"))
            wrong = ", ".join(sorted({*map(str, closed)} ^ expected.keys()))
            problem = f"is to leave out what the other members of {pointer[-1]} take, and does not agree on {wrong}"
            yield (*target, "properties", key, "not", "enum"), problem
    mapping = discriminator.get("mapping")
    if mapping is None:
        lines = ", ".join(f"{value}: {ref!r}" for value, ref in expected.items())
        yield (*place, "mapping"), f"'mapping' is missing; it is {{{lines}}}"
        return
    for value in expected.keys() | mapping.keys():
        if mapping.get(value) != expected.get(value):
            where = (*place, "mapping", value) if value in mapping else (*place, "mapping")
            said = expected.get(value, "no member of the union")
            yield (
                where,
                f"{value!r} means {said} by the {key!r} of the members, and {mapping.get(value)} by the mapping",
            )


# Descriptions


def _descriptions(document: Document) -> Problems:
    for pointer, _, _, node in document.operations():
        if not node.get("summary"):
            yield (*pointer, "summary"), "'summary' is missing; it becomes the first line of the method's docstring"
        for index, parameter in enumerate(node.get("parameters", ())):
            if not document.resolve(parameter).get("description"):
                yield (*pointer, "parameters", index), "'description' is missing; it becomes the argument's docstring"
    for name, schema in document.data.get("components", {}).get("schemas", {}).items():
        if not schema.get("description"):
            yield (*_SCHEMAS, name, "description"), "'description' is missing; it becomes the docstring of the class"
    for pointer, schema in _all_schemas(document):
        for name, field in schema.get("properties", {}).items():
            if is_mapping(field) and not (field.get("description") or document.resolve(field).get("description")):
                yield (*pointer, "properties", name), "'description' is missing: say what it is, with its unit or shape"
