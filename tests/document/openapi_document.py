"""Reads the document and the recorded exchanges, and finds the part of the document that describes each exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

HERE = Path(__file__).parent
PATH = HERE.parents[1] / "openapi" / "ollama.yaml"
METHODS = ("get", "head", "post", "delete")
STREAMS = ("application/x-ndjson", "text/event-stream")

JSON = Mapping[str, Any]
Place = tuple[str, ...]

_URI = "urn:ollama"
_DATA = {"examples", "default", "enum", "const", "x-known", "x-known-since", "x-known-until", "x-refused"}


@cache
def document() -> dict[str, Any]:
    return yaml.load(PATH.read_text(encoding="utf-8"), yaml.CSafeLoader)


def schemas() -> dict[str, Any]:
    return document()["components"]["schemas"]


def resolve(node: JSON) -> JSON:
    """The node itself, or what its ``$ref`` leads to."""
    while "$ref" in node:
        node = at(tuple(node["$ref"].removeprefix("#/").split("/")))
    return node


def at(place: Place) -> Any:
    node: Any = document()
    for part in place:
        node = node[int(part) if isinstance(node, list) else part]
    return node


def operations() -> Iterator[tuple[str, str, JSON]]:
    """Every operation: its method, path and node."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def nodes(node: Any, place: Place = ()) -> Iterator[tuple[Place, JSON]]:
    """Every mapping below a node with its place; data (examples, defaults, constants) is left out."""
    if isinstance(node, dict):
        yield place, node
        for name, part in node.items():
            if place[-1:] == ("properties",) or name not in _DATA:
                yield from nodes(part, (*place, name))
    elif isinstance(node, list):
        for index, part in enumerate(node):
            yield from nodes(part, (*place, str(index)))


def faults(place: Place, value: Any) -> list[str]:
    """What keeps a value from being what the schema at a place of the document allows."""
    found = _validator(place).iter_errors(value)
    return [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:300]}" for fault in found]


@cache
def _validator(place: Place) -> Draft202012Validator:
    registry = Registry().with_resource(_URI, DRAFT202012.create_resource(document()))
    pointer = "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in place)
    return Draft202012Validator({"$ref": f"{_URI}#{pointer}"}, registry=registry)


def schema(name: str) -> Place:
    return ("components", "schemas", name)


@dataclass(frozen=True)
class Exchange:
    """A recorded request and its response."""

    name: str
    method: str
    path: str
    request: Any
    status: int
    content_type: str
    body: str = field(repr=False)

    def operation(self) -> Place | None:
        """Where the document describes it."""
        for method, template, _ in operations():
            shape = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if method == self.method and re.fullmatch(shape, self.path):
                return ("paths", template, method)
        return None

    def values(self) -> list[Any]:
        """The JSON values of the body: its items if it is a stream, else the one."""
        if self.content_type == "text/event-stream":
            data = re.findall(r"^data: (.*)$", self.body, re.MULTILINE)
            return [json.loads(item) for item in data if item != "[DONE]"]
        if self.content_type == "application/x-ndjson":
            return [json.loads(line) for line in re.findall(r"^(.*)\n", self.body, re.MULTILINE)]
        return [json.loads(self.body)]


@cache
def exchanges() -> tuple[Exchange, ...]:
    return tuple(_exchange(path) for folder in ("captures", "newer") for path in sorted((HERE / folder).glob("*.json")))


def _exchange(path: Path) -> Exchange:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    request, response = recorded["request"], recorded["response"]
    body = response.get("body") or ""  # bytes are kept in base64, and have no schema
    return Exchange(
        name=path.stem,
        method=request["method"].lower(),
        path=urlsplit(request["path"]).path,
        request=request["body"],
        status=response["status"],
        content_type=response["headers"].get("Content-Type", "").partition(";")[0],
        body=_unchunked(body) if path.stem.endswith("-rawchunks") else body,
    )


def _unchunked(text: str) -> str:
    rest, whole = text.encode(), b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        whole, rest = whole + rest[:length], rest[length + 2 :]
    return whole.decode()
