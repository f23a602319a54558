"""Checks that a document is valid OpenAPI and follows the conventions of the generator.

``conventions.yaml`` holds the rules for single nodes, as JSON Schemas by kind of place. This module applies them, and checks
references, names, and whether the parts of an operation fit together, which a schema cannot.
"""

from __future__ import annotations

import keyword
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from .document import BODY_TYPES, METHODS, STREAM_TYPES, Document, Pointer, is_mapping, read

__all__ = ["load"]

_REPLY_TYPES = ("application/json", "text/plain", *STREAM_TYPES)

_NAMED_SCHEMAS = ("components", "schemas")

_JSONSCHEMA: Any = jsonschema
_RULES: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
_VALIDATORS = {kind: _JSONSCHEMA.Draft202012Validator(rules) for kind, rules in _RULES.items()}
_SCHEMA_VALIDATOR = _JSONSCHEMA.Draft202012Validator(_JSONSCHEMA.Draft202012Validator.META_SCHEMA)


def load(path: Path, text: str | None = None) -> Document:
    """The checked document.

    Args:
        path: Its file.
        text: Its content, if it differs from the file.

    Raises:
        DocumentError: It cannot be read, is not YAML, is not a valid OpenAPI 3.1 document, or breaks a convention.
    """
    document = read(path, text)
    for check in (_references, _schemas, _rules, _shape, _method_names, _openapi, _operations):
        for place, problem in check(document):
            raise document.error(place, problem)
    return document


# Each check yields problems with their places. A later check relies on the earlier ones.
Problems = Iterator[tuple[Pointer, str]]


def _references(document: Document) -> Problems:
    for pointer, node in document.walk():
        if pointer[-1:] == ("$ref",) and not (isinstance(node, str) and document.has_target(node)):
            yield pointer, f"{node!r} leads nowhere"


def _schemas(document: Document) -> Problems:
    """Check every schema by itself, because the validator of the whole document does not name the invalid one."""
    for pointer, node in document.walk():
        if _is_schema(pointer) and (pointer[-1] == "schema" or pointer[:-1] == _NAMED_SCHEMAS):
            error = _JSONSCHEMA.exceptions.best_match(_SCHEMA_VALIDATOR.iter_errors(node))
            if error is not None:
                yield (*pointer, *error.absolute_path), f"not a valid schema: {_shortened(error.message)}"


def _shape(document: Document) -> Problems:
    """Check the version, and that there are mappings where the following checks expect them."""
    version = str(document.data.get("openapi", "missing"))
    if not version.startswith("3.1."):
        yield ("openapi",), f"OpenAPI 3.1 is expected, not {version}"
    document.data.setdefault("paths", {})
    for pointer, node in document.walk():
        if (pointer == ("paths",) or _kind_of_place(pointer) in {"path", "operation"}) and not isinstance(node, dict):
            yield pointer, "a mapping is expected"


def _openapi(document: Document) -> Problems:
    try:
        error: Any = next(iter(OpenAPIV31SpecValidator(document.data).iter_errors()), None)
    except Exception as exc:
        # The validator itself fails on some documents.
        raise document.error((), f"not valid OpenAPI: {type(exc).__name__}: {exc}") from exc
    if error is not None:
        named = (pointer for pointer, _, path, _ in document.operations() if f"'{path}'" in error.message)
        yield tuple(error.absolute_path) or next(named, ()), f"not valid OpenAPI: {_shortened(error.message)}"


def _shortened(text: str) -> str:
    """The beginning of a validator's message, which may quote whole objects."""
    return textwrap.shorten(text.splitlines()[0], 200, placeholder=" …")


# Single nodes


def _rules(document: Document) -> Problems:
    for pointer, node in document.walk():
        if isinstance(node, bool) and _is_schema(pointer):
            yield pointer, "a schema that is only true or false is not supported"
        if not is_mapping(node) or pointer[-1:] == ("properties",):
            continue
        kind = _kind_of_place(pointer)
        if kind == "operation" and node.get("x-method") is False:
            kind = "operation without a method"
        known = [key for key in _RULES.get(kind, {}).get("properties", ()) if key.startswith("x-")]
        for key in node:
            if key.startswith("x-") and key not in known:
                known_here = f"; a place of this kind knows {', '.join(known)}" if known else ""
                yield (*pointer, key), f"unknown extension key {key!r}{known_here}"
        if kind in _VALIDATORS:
            for error in _VALIDATORS[kind].iter_errors(node):
                place, problem = _explain(error, kind)
                yield (*pointer, *place), problem
        if kind == "schema":
            yield from _schema_node(pointer, node)


def _explain(error: Any, kind: str) -> tuple[Pointer, str]:
    """The place of a JSON Schema error below the node, and its text."""
    place: Pointer = tuple(error.absolute_path)
    if error.validator == "not":
        return place, f"{place[-1]!r} is not supported in this {kind}: a client cannot express it"
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return (*place, missing), f"{missing!r} is missing"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = next(key for key in error.instance if key not in known)
        return (*place, unknown), f"unknown key {unknown!r}; there are {', '.join(known)}"
    if "description" in error.schema:
        return place, f"{error.instance!r} is not {error.schema['description']}"
    return place, _shortened(error.message)


def _schema_node(pointer: Pointer, fields: Mapping[str, Any]) -> Problems:
    """Check a schema against its place, and its default against its type."""
    if "properties" in fields and pointer[:-1] != _NAMED_SCHEMAS and pointer[-4:-2] != ("requestBody", "content"):
        yield pointer, "an object with properties needs a name: put it below components/schemas"
    empty: dict[str, Any] = {"string": "", "array": []}
    if "default" in fields and not any(
        fields["default"] == value and kind in fields.get("type", kind) for kind, value in empty.items()
    ):
        yield (*pointer, "default"), 'a field may default to "" or [] only, as its type says'
    yield from _known_values(pointer, fields)
    for name, field in fields.get("properties", {}).items() if pointer[:-1] == _NAMED_SCHEMAS else ():
        if isinstance(field, dict) and "x-absent" in field and name not in fields.get("required", ()):
            yield (*pointer, "properties", name, "x-absent"), "an optional field has a default instead"
        if (
            isinstance(field, dict)
            and "x-content" in field
            and (name in fields.get("required", ()) or "x-merge" in field)
        ):
            yield (
                (*pointer, "properties", name, "x-content"),
                "a field that is required or merged is content without it",
            )


def _known_values(pointer: Pointer, fields: Mapping[str, Any]) -> Problems:
    """Check the fields that refer to values of x-known."""
    if "x-known" in fields and ("string" not in fields.get("type", ()) or "enum" in fields):
        yield (
            (*pointer, "x-known"),
            "x-known lists the known values of a text that takes any other: type string, no enum",
        )
    for key in ("x-known-since", "x-known-until"):
        for value in fields.get(key, ()):
            if value not in (*fields.get("x-known", ()), "*"):
                yield (*pointer, key, value), f"{value!r} is not among the values of x-known"
    for value, sent in fields.get("x-sent-as", {}).items():
        if value in fields.get("x-known", ()) or sent not in fields.get("x-known", ()):
            yield (*pointer, "x-sent-as", value), "x-sent-as replaces a value that is not in x-known by one that is"


def _kind_of_place(pointer: Pointer) -> str:
    """The kind of place in ``conventions.yaml``; ``""`` if there are no rules for it."""
    match pointer:
        case ():
            return "document"
        case ("components",):
            return "components"
        case ("paths", _):
            return "path"
        case ("paths", _, method) if method in METHODS:
            return "operation"
        case ("components", "schemas", _, *_):
            return "schema"
        case _ if "schema" in pointer:
            return "schema"
        case (*_, "parameters", _):
            return "parameter"
        case (*_, "responses", _):
            return "response"
        case _:
            return ""


def _is_schema(pointer: Pointer) -> bool:
    """Whether a node is a schema itself, not a part of one such as ``discriminator``."""
    if _kind_of_place(pointer) != "schema":
        return False
    return pointer[-1] in {"schema", "items", "not"} or any(
        part in {"properties", "schemas", "anyOf", "oneOf"} for part in pointer[-2:-1]
    )


# Operations


def _method_names(document: Document) -> Problems:
    seen: dict[str, Pointer] = {}
    for pointer, _, _, node in document.operations():
        if node.get("x-method") is False:
            continue
        place = (*pointer, "operationId")
        name = str(node.get("operationId", ""))
        if not all(
            p.isascii() and p.isidentifier() and not keyword.iskeyword(p) and p[0] != "_" for p in name.split(".")
        ):
            yield place, f"{name!r} cannot be the dotted name of a method"
        if name in seen:
            other = document.lines[seen[name]]
            yield place, f"{name!r} is the name of two operations; the other is in line {other}"
        seen[name] = place
    for name, place in seen.items():
        if any(other.startswith(f"{name}.") for other in seen):
            yield place, f"{name!r} is both a method and a group of methods"


def _operations(document: Document) -> Problems:
    for pointer, _, _, node in document.operations():
        if node.get("x-method") is False:
            continue
        body = document.resolve(node.get("requestBody", {})).get("content", {})
        if "requestBody" in node:
            yield from _content((*pointer, "requestBody", "content"), body)
            if len(body) != 1 or not body.keys() <= BODY_TYPES.keys():
                yield (*pointer, "requestBody"), f"a body is one of {', '.join(BODY_TYPES)}, not {list(body)}"
        for index, parameter in enumerate(node.get("parameters", ())):
            if "x-computed" in document.resolve(parameter) and "application/octet-stream" not in body:
                yield (*pointer, "parameters", index), "x-computed needs a body of application/octet-stream"
        yield from _reply(document, pointer, node)


def _content(pointer: Pointer, content: Mapping[str, Any]) -> Problems:
    for kind, media_type in content.items():
        if "schema" not in media_type:
            yield (*pointer, kind), f"{kind} lacks a schema"


def _reply(document: Document, pointer: Pointer, node: Mapping[str, Any]) -> Problems:
    content = document.success(pointer, node).get("content", {})
    yield from _content((*pointer, "responses"), content)
    kinds = list(content)
    if "kind" in node.get("x-stream", {}):
        if len(kinds) != 1 or document.resolve(content[kinds[0]].get("schema", {})).get("format") != "binary":
            status = next(status for status in node["responses"] if status.startswith("2"))
            yield (
                (*pointer, "responses", status),
                "a stream of bytes is one content type, whose schema has the format binary",
            )
        return
    streams = [kind for kind in kinds if kind in STREAM_TYPES]
    for kind in kinds:
        if kind not in _REPLY_TYPES:
            yield (*pointer, "responses"), f"a reply of {kind} is not supported"
    if kinds and "x-result" in node:
        yield (*pointer, "x-result"), "x-result says what an empty reply means, and this one has content"
    if streams and kinds[-1:] != streams:
        yield (*pointer, "responses"), "a stream comes after the one-piece reply, and there is one only"
    if streams and "x-stream" not in node:
        yield pointer, "x-stream is missing: the reply has a streaming content type"
    if "x-stream" in node and not streams:
        yield (*pointer, "x-stream"), "the reply has no streaming content type"
