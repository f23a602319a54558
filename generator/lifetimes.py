"""Reads from a document which releases of Ollama have a route, a field or a value: ``x-since``, ``x-until`` and the like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ollama_sdk._lifetimes import ALWAYS, Lifetime

from .document import STREAM_TYPES, Document

__all__ = ["Route", "lifetime_of", "lifetime_text", "routes", "value_lifetimes"]

_FIELDS = dict[str, Lifetime]
_VALUES = dict[str, dict[str, Lifetime]]


@frozen
class Route:
    """A route with the lifetimes of its parts; the attributes are those of ``RouteLifetimes``, with method and path."""

    method: str
    path: str
    route: Lifetime
    parts: Mapping[str, Mapping[str, Any]]


def lifetime_of(node: Mapping[str, Any]) -> Lifetime:
    """The lifetime that a node has by its own keys."""
    refused = node.get("x-refused")
    return Lifetime(node.get("x-since"), node.get("x-until"), (refused["since"], refused["until"]) if refused else None)


def value_lifetimes(node: Mapping[str, Any]) -> dict[str, Lifetime]:
    """The lifetimes of the known values of a field, as far as the document gives them.

    ``*`` is any value that is not listed; if it has a lifetime, the result contains every known value.
    """
    since, until = node.get("x-known-since", {}), node.get("x-known-until", {})
    every = "*" in since or "*" in until
    known = (value for value in (*node.get("x-known", ()), "*") if every or value in since or value in until)
    return {value: Lifetime(since.get(value), until.get(value)) for value in known}


def lifetime_text(node: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """A sentence or two about a lifetime for a docstring; ``""`` without one.

    Args:
        node: The operation, parameter or property.
        target: The target of its ``$ref``, or the node itself.
    """
    life = lifetime_of(node)
    parts: list[str] = []
    if life.since is not None:
        parts.append(f"Since Ollama {life.since}{f', removed in {life.until}' if life.until else ''}.")
    elif life.until is not None:
        parts.append(f"Removed in Ollama {life.until}.")
    if life.refused is not None:
        parts.append(f"Refused from {life.refused[0]} on, ignored again from {life.refused[1]} on.")
    items = target.get("items", {})
    values = value_lifetimes(node) or value_lifetimes(target) or value_lifetimes(items)
    for branch in target.get("anyOf", ()):
        values = values or value_lifetimes(branch)
    noted = [f"{_shown(value)} since {each.since}" for value, each in values.items() if each.since is not None]
    noted += [f"{_shown(value)} until {each.until}" for value, each in values.items() if each.until is not None]
    if noted:
        parts.append(f"Of its values, {', '.join(noted)}.")
    return " ".join(parts)


def _shown(value: str) -> str:
    return "any other" if value == "*" else f"`{value}`"


def routes(document: Document) -> Iterator[Route]:
    """Every route, also one without a method of the client, in the document's order."""
    for pointer, method, path, node in document.operations():
        body: dict[str, Any] = document.resolve(node.get("requestBody", {})).get("content", {})
        content: dict[str, Any] = document.success(pointer, node).get("content", {})
        request, request_values = _below(document, *body.values())
        for parameter in map(document.resolve, node.get("parameters", ())):
            if lifetime_of(parameter) != ALWAYS:
                request[parameter["name"]] = lifetime_of(parameter)
        reply, reply_values = _below(document, *(part for kind, part in content.items() if kind not in STREAM_TYPES))
        item, item_values = _below(document, *(part for kind, part in content.items() if kind in STREAM_TYPES))
        parts: dict[str, Mapping[str, Any]] = {
            "request": request,
            "reply": reply,
            "item": item,
            "request_values": request_values,
            "reply_values": reply_values,
            "item_values": item_values,
            "encodings": {coding: Lifetime(since) for coding, since in node.get("x-encodings", {}).items()},
        }
        yield Route(method.upper(), path, lifetime_of(node), {name: part for name, part in parts.items() if part})


def _below(document: Document, *bodies: Mapping[str, Any]) -> tuple[_FIELDS, _VALUES]:
    """The lifetimes of the fields below some bodies, and of their values, by path."""
    fields: _FIELDS = {}
    values: _VALUES = {}

    def visit(schema: Any, path: str, seen: tuple[str, ...]) -> None:
        ref = schema.get("$ref", "")
        if ref in seen:  # a recursive schema
            return
        seen = (*seen, ref) if ref else seen
        node = document.resolve(schema)
        if found := value_lifetimes(node):
            values.setdefault(path, {}).update(found)
        for branch in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            visit(branch, path, seen)
        for name, part in node.get("properties", {}).items():
            below = f"{path}.{name}".lstrip(".")
            # Members of a union share paths: the field is as old as the oldest member with it.
            fields[below] = ALWAYS if fields.get(below) == ALWAYS else lifetime_of(part)
            if "const" in part and lifetime_of(node) != ALWAYS:
                values.setdefault(below, {})[part["const"]] = lifetime_of(node)
            visit(part, below, seen)
        if "items" in node:
            visit(node["items"], f"{path}[]", seen)
        if isinstance(node.get("additionalProperties"), dict):
            visit(node["additionalProperties"], f"{path}{{}}", seen)

    for body in bodies:
        visit(body.get("schema", {}), "", ())
    return {path: life for path, life in fields.items() if life != ALWAYS}, values
