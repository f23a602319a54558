"""Reads the document and the recorded exchanges, and finds the part of the document that describes each exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from generator.drift.accepted import read_accepted
from ollama_sdk.testing import RecordedExchange, read_recordings

HERE = Path(__file__).parent
PATH = HERE.parents[1] / "openapi" / "ollama.yaml"
METHODS = ("get", "head", "post", "delete")
STREAMS = ("application/x-ndjson", "text/event-stream")

JSON = Mapping[str, Any]
Place = tuple[str, ...]

_URI = "urn:ollama"
_DATA = {"examples", "default", "enum", "const", "x-known", "x-known-since", "x-known-until", "x-refused", "x-sent-as"}


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


def is_left_out(method: str, path: str) -> bool:
    """Whether the document is not to have a route, which drift.toml says with a reason; such a route has no parameters."""
    return read_accepted(PATH.with_name("drift.toml")).pattern(f"{method.upper()} {path}") is not None


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
    """What was recorded from a server of 0.33, and what is known of newer ones in the same form, made up."""
    return tuple(_exchange(recorded) for folder in ("captures", "newer") for recorded in read_recordings(HERE / folder))


def _exchange(recorded: RecordedExchange) -> Exchange:
    return Exchange(
        name=recorded.name,
        method=recorded.method.lower(),
        path=recorded.path,
        request=_request(recorded.request_body),
        status=recorded.status,
        content_type=recorded.header("content-type").partition(";")[0],
        body=recorded.body.decode(errors="replace"),
    )


def _request(body: bytes) -> Any:
    """The JSON of a request, its text where it is none, or ``None`` without a body."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode()
