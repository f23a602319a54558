"""Makes values that the document allows: of a schema, and the arguments of a call."""

from __future__ import annotations

from typing import Any

from ollama_sdk._call.operation import Operation
from tests.document.openapi_document import JSON, at, operations, resolve

PLACES = {node["operationId"]: ("paths", path, method) for method, path, node in operations() if "operationId" in node}
CONTENT = b"abc"
DIGEST = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

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


def content_of(operation: Operation[Any, Any]) -> JSON:
    """The content of the success, by media type."""
    responses = at((*PLACES[operation.name], "responses"))
    found = [resolve(response) for status, response in responses.items() if str(status).startswith("2")]
    return next((response["content"] for response in found if response.get("content")), {})


def arguments_of(operation: Operation[Any, Any]) -> dict[str, Any]:
    """What the method is called with: the example of its body, or a value for each field; and its parameters."""
    node = at(PLACES[operation.name])
    parameters = {p["name"]: value_of(p["schema"]) for p in map(resolve, node.get("parameters", ()))}
    content = node.get("requestBody", {}).get("content", {})
    body = {} if operation.body in {None, "binary"} else value_of(next(iter(content.values()))["schema"])
    given: dict[str, Any] = {**parameters, **body}
    given = {argument.name: given[argument.wire] for argument in operation.arguments if argument.wire in given}
    for argument in operation.arguments:
        if argument.kind == "FileContent":
            given[argument.name] = CONTENT
        if argument.computed:
            given[argument.name] = DIGEST
    return given
