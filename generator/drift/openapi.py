"""Reads the interface of a server from an OpenAPI document, such as the one in Ollama's repository."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from generator.document import Document, DocumentError, is_mapping, read

from .shapes import ANY, Member, Route, Shape, Source, SourceError, one_of

__all__ = ["read_openapi", "routes_of"]


def read_openapi(path: Path, version: str = "") -> Source:
    """The interface that a document describes.

    Args:
        path: The file.
        version: The release; by default the version in the document.

    Raises:
        SourceError: It cannot be read, or describes no route.
    """
    try:
        document = read(path)
    except DocumentError as exc:
        raise SourceError(str(exc)) from exc
    if not is_mapping(document.data.get("paths")):
        raise SourceError(f"{path}: describes no paths")
    return Source(path, version or str(document.data.get("info", {}).get("version", "")), routes_of(document))


def routes_of(document: Document) -> dict[tuple[str, str], Route]:
    """The routes of a document."""
    shapes = _Shapes(document)
    return {(method.upper(), path): shapes.route(node) for _, method, path, node in document.operations()}


class _Shapes:
    def __init__(self, document: Document) -> None:
        self._document = document

    def route(self, node: Mapping[str, Any]) -> Route:
        body = self._document.resolve(node.get("requestBody", {})).get("content", {})
        request = next((self.shape(content.get("schema", {})) for content in body.values()), None)
        replies = [
            self.shape(content.get("schema", {}))
            for status, response in node.get("responses", {}).items()
            if str(status).startswith("2")
            for kind, content in self._document.resolve(response).get("content", {}).items()
            if kind.endswith(("json", "event-stream"))
        ]
        return Route(request, tuple(replies), str(node.get("operationId", "")))

    def shape(self, schema: Any) -> Shape:
        if not is_mapping(schema):
            return ANY
        name = str(schema["$ref"]).rpartition("/")[2] if "$ref" in schema else ""
        return self._shape(name, self._document.resolve(schema))

    def _shape(self, name: str, node: Mapping[str, Any]) -> Shape:
        branches = [self.shape(part) for key in ("anyOf", "oneOf") for part in node.get(key, ())]
        branches = [branch for branch in branches if branch.types != frozenset({"null"})]
        if "allOf" in node:
            merged = {k: v for part in node["allOf"] for k, v in self._document.resolve(part).items()}
            return self._shape(name, {**merged, **{key: value for key, value in node.items() if key != "allOf"}})
        if branches:
            every = one_of(branches)
            return Shape(every.types, name or every.name, every.values, every.item, every.free, every.load)
        kinds = node.get("type", [])
        types = {kinds} if isinstance(kinds, str) else set(kinds)
        values = {
            value
            for value in [*node.get("enum", ()), *node.get("x-known", ()), node.get("const")]
            if isinstance(value, str)
        }
        types |= {"string"} if values and not types else set()
        types |= {"object"} if "properties" in node else set()
        return Shape(
            frozenset(types - {"null"} or types),
            name,
            frozenset(values),
            self.shape(node["items"]) if "items" in node else None,
            free="properties" not in node and "object" in types,
            load=cache(lambda: self._members(node)),
        )

    def _members(self, node: Mapping[str, Any]) -> dict[str, Member]:
        return {
            name: Member(
                self.shape(part), _is_optional(name, part, node), " ".join(str(part.get("description", "")).split())
            )
            for name, part in node.get("properties", {}).items()
        }


def _is_optional(name: str, part: Mapping[str, Any], schema: Mapping[str, Any]) -> bool | None:
    """Whether a property may be left out; ``None`` for a schema without ``required``."""
    if "required" not in schema:
        return None
    return name not in schema["required"] or "default" in part or "x-absent" in part
