"""Reads the OpenAPI document and checks that it keeps to the conventions the generator relies on."""

from __future__ import annotations

import json
import keyword
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]
import yaml
from attrs import frozen
from openapi_spec_validator import OpenAPIV31SpecValidator

__all__ = ["BODY_TYPES", "STREAM_TYPES", "Document", "DocumentError", "Pointer", "load", "success"]

Pointer = tuple[str | int, ...]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

REPEAT = ("safe", "resumes", "never")
RESULT = ("exists", "reachable", "digest")
COLLECT = ("merge", "messages", "responses")
MERGE = ("concat", "by-index")

# Which extension keys may stand where.
_EXTENSIONS = {
    "operation": ("x-method", "x-model", "x-needs-model", "x-repeat", "x-stream", "x-result"),
    "parameter": ("x-computed",),
    "schema": ("x-mixin", "x-merge", "x-positional"),
}
_STREAM_FIELDS = {"default": True, "last": True, "failed": False, "collect": True}

# What OpenAPI offers and this generator (or openapi-python-client) would silently ignore or get wrong.
_UNSUPPORTED = {
    "document": ("webhooks",),
    "components": ("callbacks", "links", "pathItems"),
    "path": ("$ref", "parameters", "servers"),
    "operation": ("callbacks",),
    "parameter": ("allowReserved", "content", "explode", "style"),
    "response": ("links",),
    "schema": (
        "$anchor", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "allOf", "contains", "contentEncoding",
        "dependentRequired", "dependentSchemas", "else", "if", "nullable", "patternProperties", "prefixItems",
        "propertyNames", "readOnly", "then", "title", "unevaluatedItems", "unevaluatedProperties", "writeOnly", "xml",
    ),
}  # fmt: skip
STREAM_TYPES = {"application/x-ndjson": "ndjson", "text/event-stream": "sse"}
BODY_TYPES = {"application/json": "json", "multipart/form-data": "multipart", "application/octet-stream": "binary"}
_REPLY_TYPES = ("application/json", "text/plain", *STREAM_TYPES)
_PARAMETER_PLACES = ("path", "query")
_LITERAL_KEYS = {"example", "examples", "default", "const", "enum", "x-stream"}


class DocumentError(Exception):
    """The document cannot be turned into a client; the message says where and why."""


@frozen
class Document:
    """A loaded document.

    Attributes:
        path: Its file.
        data: Its content.
        lines: The line of every node, by its path in the document.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[Pointer, int]

    def error(self, pointer: Pointer, problem: str) -> DocumentError:
        """An error at the node of ``pointer``, or at the nearest one above it that has a line."""
        place = pointer
        while place and place not in self.lines:
            place = place[:-1]
        return _error(self.path, self.lines.get(place, 1), pointer, problem)

    def resolve(self, node: Any) -> dict[str, Any]:
        """The node itself, or what its ``$ref`` leads to."""
        while isinstance(node, dict) and "$ref" in node:
            node = self._target(cast("dict[str, str]", node)["$ref"])
        return cast("dict[str, Any]", node)

    def _target(self, ref: str) -> Any:
        node: Any = self.data
        for part in ref.removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    def has_target(self, ref: str) -> bool:
        """Whether a ``$ref`` leads to an object of this document, by way of others or not."""
        seen: set[str] = set()
        while ref.startswith("#/") and ref not in seen:
            seen.add(ref)
            try:
                node = self._target(ref)
            except (KeyError, TypeError):
                return False
            if not isinstance(node, dict) or "$ref" not in node:
                return isinstance(node, dict)
            ref = str(cast("dict[str, Any]", node)["$ref"])
        return False

    def operations(self) -> Iterator[tuple[Pointer, str, str, dict[str, Any]]]:
        """Every operation: its place, method, path and node."""
        for path, item in self.data["paths"].items():
            for method in METHODS:
                if method in item:
                    yield ("paths", path, method), method, path, item[method]

    def walk(self) -> Iterator[tuple[Pointer, Any]]:
        """Every node with its place, in document order; examples are data and are left out."""
        yield from _walk(self.data, ())


def _error(path: Path, line: int, pointer: Pointer, problem: str) -> DocumentError:
    place = f"{'/'.join(map(str, pointer))}: " if pointer else ""
    return DocumentError(f"{path}:{line}: {place}{' '.join(problem.split())}")


def _walk(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, Any]]:
    yield pointer, node
    if isinstance(node, dict):
        for name, part in cast("dict[str, Any]", node).items():
            if name not in _LITERAL_KEYS or pointer[-1:] == ("properties",):
                yield from _walk(part, (*pointer, name))
    elif isinstance(node, list):
        for index, part in enumerate(cast("Any", node)):
            yield from _walk(part, (*pointer, index))


# Reading


def load(path: Path, text: str | None = None) -> Document:
    """The checked document.

    Args:
        path: Its file.
        text: Its content, where that is not what the file holds now.

    Raises:
        DocumentError: It cannot be read, is not YAML, is not a valid OpenAPI 3.1 document, or breaks a convention.
    """
    document = _parse(path, _text_of(path) if text is None else text)
    _check(document)
    return document


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise _error(path, 1, (), f"cannot be read: {exc.strerror}") from exc
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise _error(path, content.count(b"\n", 0, exc.start) + 1, (), f"not valid UTF-8: {exc.reason}") from exc


def _parse(path: Path, text: str) -> Document:
    lines: dict[Pointer, int] = {}
    try:
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
            _index(path, node, (), lines)
            data: Any = cast("Any", loader).construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        raise _error(path, mark.line + 1 if mark else 1, (), f"not valid YAML: {exc.problem}") from exc
    except RecursionError:
        raise _error(path, 1, (), "not valid YAML: it is nested too deep, or holds itself") from None
    except (yaml.YAMLError, ValueError) as exc:
        raise _error(path, 1, (), f"not valid YAML: {exc}") from exc
    if not isinstance(data, dict):
        raise _error(path, 1, (), "not an OpenAPI document: its top is not a mapping")
    # Through JSON, so that status codes are strings and dates are what they were written as.
    return Document(path, cast("dict[str, Any]", json.loads(json.dumps(data, default=str))), lines)


def _index(path: Path, node: Any, pointer: Pointer, lines: dict[Pointer, int]) -> None:
    """Note the line of every node, and refuse keys that are not what they look like."""
    if node is None:
        return
    lines.setdefault(pointer, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in _KEY_TAGS:
                text = (
                    f"the key {key.value!r} is not read as text" if isinstance(key.value, str) else "a key is not text"
                )
                raise _error(path, line, pointer, f"{text}; quote it")
            place = (*pointer, key.value)
            if place in lines:
                raise _error(path, line, pointer, f"{key.value!r} stands there twice")
            lines[place] = line
            _index(path, value, place, lines)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(path, value, (*pointer, position), lines)


_KEY_TAGS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:int"}


# Checks


def _check(document: Document) -> None:
    _check_references(document)
    _check_schemas(document)
    _check_keys(document)
    _check_shape(document)
    _check_method_names(document)
    _check_openapi(document)
    _check_operations(document)


def _check_references(document: Document) -> None:
    for pointer, node in document.walk():
        if pointer[-1:] == ("$ref",) and not (isinstance(node, str) and document.has_target(node)):
            raise document.error(pointer, f"{node!r} leads nowhere")


def _check_shape(document: Document) -> None:
    """What the other checks take for granted."""
    version = str(document.data.get("openapi", "missing"))
    if not version.startswith("3.1."):
        raise document.error(("openapi",), f"OpenAPI 3.1 is expected, not {version}")
    document.data.setdefault("paths", {})
    for pointer, node in document.walk():
        if _kind_of_place(pointer) in {"path", "operation"} or pointer == ("paths",):
            is_operation = len(pointer) == 3 and pointer[2] in METHODS  # noqa: PLR2004 - paths, path, method
            if not isinstance(node, dict) and (is_operation or len(pointer) < 3):  # noqa: PLR2004
                raise document.error(pointer, "a mapping is expected")


def _check_openapi(document: Document) -> None:
    try:
        error: Any = next(iter(OpenAPIV31SpecValidator(cast("Any", document.data)).iter_errors()), None)
    except Exception as exc:
        # The validator itself stumbles over some nonsense.
        raise document.error((), f"not valid OpenAPI: {type(exc).__name__}: {exc}") from exc
    if error is not None:
        named = (pointer for pointer, _, path, _ in document.operations() if f"'{path}'" in error.message)
        place = tuple(error.absolute_path) or next(named, ())
        raise document.error(place, f"not valid OpenAPI: {_shortened(error.message)}")


def _check_schemas(document: Document) -> None:
    """Every schema is one: the validator of the whole does not say which schema it means."""
    library: Any = jsonschema
    validator = library.Draft202012Validator(library.Draft202012Validator.META_SCHEMA)
    for pointer, node in document.walk():
        if _is_schema(pointer) and (pointer[-1] == "schema" or len(pointer) == 3):  # noqa: PLR2004 - a name
            error = library.exceptions.best_match(validator.iter_errors(node))
            if error is not None:
                place = (*pointer, *error.absolute_path)
                raise document.error(place, f"not a valid schema: {_shortened(error.message)}")


def _shortened(text: str) -> str:
    """The beginning: the validator goes on to quote whole objects."""
    return textwrap.shorten(text.splitlines()[0], 200, placeholder=" …")


def _check_keys(document: Document) -> None:
    for pointer, node in document.walk():
        kind = _kind_of_place(pointer)
        if isinstance(node, bool) and _is_schema(pointer):
            raise document.error(pointer, "a schema that is only true or false is not supported")
        if not isinstance(node, dict) or pointer[-1:] == ("properties",):
            continue
        fields = cast("dict[str, Any]", node)
        allowed = _EXTENSIONS.get(kind, ())
        for key in fields:
            if key.startswith("x-") and key not in allowed:
                options = f"; here may stand {', '.join(allowed)}" if allowed else ""
                raise document.error((*pointer, key), f"unknown extension key {key!r}{options}")
            if key in _UNSUPPORTED.get(kind, ()):
                raise document.error((*pointer, key), f"{key!r} is not supported: a client cannot express it")
        if kind == "schema" and "properties" in fields and not _may_have_properties(pointer):
            raise document.error(pointer, "an object with properties needs a name: put it below components/schemas")
        if kind == "parameter" and "in" in fields and fields["in"] not in _PARAMETER_PLACES:
            raise document.error((*pointer, "in"), f"a parameter in {fields['in']!r} is not supported")
        _check_values(document, pointer, fields)


def _kind_of_place(pointer: Pointer) -> str:
    """What stands there: a key of the tables above, or nothing that they speak of."""
    match pointer:
        case ():
            return "document"
        case ("components",):
            return "components"
        case ("paths", _):
            return "path"
        case ("paths", _, _):
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
    """Whether a node is a schema itself, rather than a flag of one."""
    if _kind_of_place(pointer) != "schema":
        return False
    return pointer[-1] in {"schema", "items", "not"} or any(
        part in {"properties", "schemas", "anyOf", "oneOf"} for part in pointer[-2:-1]
    )


def _may_have_properties(pointer: Pointer) -> bool:
    """Whether a schema has a name, or is a request body, whose properties become arguments."""
    return len(pointer) == 3 or pointer[-4:-2] == ("requestBody", "content")  # noqa: PLR2004 - components, schemas, name


def _check_values(document: Document, pointer: Pointer, node: Mapping[str, Any]) -> None:
    """The extension keys of schemas and parameters hold what they may hold."""
    merge = node.get("x-merge", MERGE[0])
    if merge not in MERGE and not _is_into(merge):
        raise document.error((*pointer, "x-merge"), f"{merge!r} is neither {' nor '.join(MERGE)} nor {{into: NAME}}")
    for key, value in (("x-positional", True), ("x-computed", "sha256")):
        if node.get(key, value) != value:
            raise document.error((*pointer, key), f"{node[key]!r} is not {json.dumps(value)}; there is no other value")
    if "default" in node and _kind_of_place(pointer) == "schema" and not _is_default(node):
        raise document.error((*pointer, "default"), 'a field may default to "" or [] only, as its type says')
    if not isinstance(node.get("x-mixin", ""), str):
        raise document.error((*pointer, "x-mixin"), f"{node['x-mixin']!r} is not the name of a class")


def _is_default(schema: Mapping[str, Any]) -> bool:
    empty: dict[str, Any] = {"string": "", "array": []}
    return any(schema["default"] == value and kind in schema.get("type", kind) for kind, value in empty.items())


def _is_into(rule: Any) -> bool:
    if not isinstance(rule, dict) or list(cast("dict[str, Any]", rule)) != ["into"]:
        return False
    return isinstance(rule["into"], str)


def _check_method_names(document: Document) -> None:
    seen: dict[str, Pointer] = {}
    for pointer, _, _, node in document.operations():
        if node.get("x-method") is False:
            continue
        if "x-method" in node:
            raise document.error((*pointer, "x-method"), "only `false` makes sense here")
        place = (*pointer, "operationId")
        name = str(node.get("operationId", ""))
        if not all(_is_method_name(part) for part in name.split(".")):
            raise document.error(place, f"{name!r} cannot be the dotted name of a method")
        if name in seen:
            other = document.lines[seen[name]]
            raise document.error(place, f"{name!r} is the name of two operations; the other is in line {other}")
        seen[name] = place
    for name, place in seen.items():
        if any(other.startswith(f"{name}.") for other in seen):
            raise document.error(place, f"{name!r} is both a method and a group of methods")


def _check_operations(document: Document) -> None:
    for pointer, _, _, node in document.operations():
        if node.get("x-method") is not False:
            _check_operation(document, pointer, node)
            continue
        for key in ("operationId", "x-model", "x-needs-model", "x-repeat", "x-stream", "x-result"):
            if key in node:
                raise document.error((*pointer, key), f"an operation without a method has no {key}")


def _is_method_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")


def _check_operation(document: Document, pointer: Pointer, node: Mapping[str, Any]) -> None:
    if node.get("x-repeat") not in REPEAT:
        raise document.error(
            (*pointer, "x-repeat"), f"x-repeat is {node.get('x-repeat', 'missing')!r}; it is one of {', '.join(REPEAT)}"
        )
    if node.get("x-needs-model", False) is not False:
        raise document.error((*pointer, "x-needs-model"), "x-needs-model is false, or absent")
    if "x-result" in node and node["x-result"] not in RESULT:
        raise document.error((*pointer, "x-result"), f"{node['x-result']!r} is not one of {', '.join(RESULT)}")
    if len(node.get("servers", ())) > 1 or any("variables" in server for server in node.get("servers", ())):
        raise document.error((*pointer, "servers"), "an operation has one server of its own, without variables")
    body = _check_body(document, pointer, node)
    for index, parameter in enumerate(node.get("parameters", ())):
        if "x-computed" in document.resolve(parameter) and body != "application/octet-stream":
            raise document.error((*pointer, "parameters", index), "x-computed needs a body of application/octet-stream")
    _check_reply(document, pointer, node)


def _check_body(document: Document, pointer: Pointer, node: Mapping[str, Any]) -> str | None:
    """The content type of the body."""
    if "requestBody" not in node:
        return None
    content = document.resolve(node["requestBody"]).get("content", {})
    _check_content(document, (*pointer, "requestBody", "content"), content)
    kinds = list(content)
    if len(kinds) != 1 or kinds[0] not in BODY_TYPES:
        raise document.error((*pointer, "requestBody"), f"a body is one of {', '.join(BODY_TYPES)}, not {kinds}")
    return str(kinds[0])


def _check_content(document: Document, pointer: Pointer, content: Mapping[str, Any]) -> None:
    for kind, media_type in content.items():
        if "schema" not in media_type:
            raise document.error((*pointer, kind), f"{kind} lacks a schema")


def _check_reply(document: Document, pointer: Pointer, node: Mapping[str, Any]) -> None:
    content = success(document, pointer, node).get("content", {})
    _check_content(document, (*pointer, "responses"), content)
    kinds = list(content)
    for kind in kinds:
        if kind not in _REPLY_TYPES:
            raise document.error((*pointer, "responses"), f"a reply of {kind} is not supported")
    streams = [kind for kind in kinds if kind in STREAM_TYPES]
    if kinds and "x-result" in node:
        raise document.error(
            (*pointer, "x-result"), "x-result says what an empty reply means, and this one has content"
        )
    if streams and kinds[-1:] != streams:
        raise document.error((*pointer, "responses"), "a stream comes after the one-piece reply, and there is one only")
    if streams and "x-stream" not in node:
        raise document.error(pointer, "x-stream is missing: the reply has a streaming content type")
    if "x-stream" not in node:
        return
    if not streams:
        raise document.error((*pointer, "x-stream"), "the reply has no streaming content type")
    _check_stream(document, (*pointer, "x-stream"), node["x-stream"])


def success(document: Document, pointer: Pointer, node: Mapping[str, Any]) -> dict[str, Any]:
    """The success response of an operation: the one with content where there are several.

    Raises:
        DocumentError: There is none, or more than one has content.
    """
    found = [document.resolve(r) for status, r in node.get("responses", {}).items() if str(status).startswith("2")]
    full = [response for response in found if response.get("content")]
    if not found or len(full) > 1:
        problem = "more than one success has content" if found else "there is no success among the responses"
        raise document.error((*pointer, "responses"), problem)
    return (full or found)[0]


def _check_stream(document: Document, pointer: Pointer, stream: Any) -> None:
    if not isinstance(stream, dict):
        raise document.error(pointer, "x-stream is a mapping")
    fields = cast("dict[str, Any]", stream)
    for name in fields:
        if name not in _STREAM_FIELDS:
            raise document.error((*pointer, name), f"unknown field {name!r}; x-stream has {', '.join(_STREAM_FIELDS)}")
    for name, required in _STREAM_FIELDS.items():
        if required and name not in fields:
            raise document.error(pointer, f"x-stream lacks {name!r}")
    if not isinstance(fields["default"], bool):
        raise document.error((*pointer, "default"), f"{fields['default']!r} is not true or false")
    if fields["collect"] not in COLLECT:
        raise document.error((*pointer, "collect"), f"{fields['collect']!r} is not one of {', '.join(COLLECT)}")
    for name in ("last", "failed"):
        if name in fields and not (isinstance(fields[name], dict) and fields[name]):
            raise document.error((*pointer, name), "a mapping of fields to the values that tell the item is expected")
