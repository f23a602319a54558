"""Compares one exchange with the document, item by item."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from attrs import frozen
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from generator.document import Document, Pointer, is_list, is_mapping
from generator.lifetimes import lifetime_of
from ollama_sdk.testing.recording import RecordedExchange

__all__ = ["MISSING", "UNKNOWN", "VIOLATION", "Finding", "Judge"]

VIOLATION, UNKNOWN, MISSING = "violation", "unknown", "missing"

_URI = "urn:document"
_NDJSON, _EVENTS = "application/x-ndjson", "text/event-stream"
_JSONSCHEMA: Any = jsonschema
_LONGEST = 160
_OK = range(200, 300)
_NOT_FOUND = 404


@frozen
class Finding:
    """A contradiction between an exchange and the document.

    Attributes:
        kind: ``violation``, ``unknown`` (a field that the document does not have) or ``missing`` (a route).
        route: The method and path.
        place: The path in the body, with ``[]`` for each item of a list; ``""`` for the whole body.
        text: The finding.
    """

    kind: str
    route: str
    place: str
    text: str


class Judge:
    """Compares exchanges with one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        resource: Any = DRAFT202012.create_resource(document.data)
        registry: Any = Registry
        self._registry: Any = registry().with_resource(_URI, resource)
        self._validators: dict[Pointer, Any] = {}
        self._operations = [(method.upper(), path, pointer) for pointer, method, path, _ in document.operations()]

    def findings(self, exchange: RecordedExchange) -> Iterator[Finding]:
        """The contradictions between an exchange and the document."""
        if exchange.method == "OPTIONS":
            return  # browsers send it before a call; servers answer it for every path
        found = self._operation(exchange.method, exchange.path)
        label = f"{exchange.method} {found[0] if found else exchange.path}"
        if found is None:
            if exchange.status in _OK:
                yield Finding(
                    MISSING, label, "", f"answered with {exchange.status}, and the document has no such route"
                )
            return
        pointer = found[1]
        if exchange.status == _NOT_FOUND and exchange.header("content-type").startswith("text/plain"):
            life = lifetime_of(self._node(pointer))
            if not exchange.server_version or life.covers(exchange.server_version):
                yield Finding(MISSING, label, "", "the server has no such route")
            return
        if exchange.status in _OK:
            yield from self._request(label, pointer, exchange)
        yield from self._reply(label, pointer, exchange)

    def _operation(self, method: str, path: str) -> tuple[str, Pointer] | None:
        for its_method, template, pointer in sorted(self._operations, key=lambda row: row[1].count("{")):
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            if its_method == method and re.fullmatch(pattern, path):
                return template, pointer
        return None

    def _request(self, label: str, pointer: Pointer, exchange: RecordedExchange) -> Iterator[Finding]:
        content = (*pointer, "requestBody", "content", "application/json", "schema")
        schema = self._at(content)
        if schema is None or not exchange.request_body:
            return
        try:
            body = json.loads(exchange.request_body)
        except ValueError:
            return
        yield from self._value(label, "request", content, body)

    def _reply(self, label: str, pointer: Pointer, exchange: RecordedExchange) -> Iterator[Finding]:
        responses = (*pointer, "responses")
        media_type = exchange.header("content-type").partition(";")[0].strip().lower()
        response = self._target((*responses, str(exchange.status)))
        if response is None:
            yield Finding(VIOLATION, label, "", f"status {exchange.status} is not among the document's responses")
            return
        if not exchange.body:
            return
        known = self._node(response).get("content", {})
        if not any(fnmatch.fnmatchcase(media_type, pattern) for pattern in known):
            said = ", ".join(known) or "an empty body"
            yield Finding(
                VIOLATION, label, "", f"{exchange.status} is {media_type or 'unlabelled'}; the document says {said}"
            )
            return
        schema = (*response, "content", media_type, "schema")
        items = _items(exchange, media_type)
        if items is None:
            return
        for text in items:
            try:
                value = json.loads(text)
            except ValueError:
                yield Finding(VIOLATION, label, "reply", f"not JSON: {text[:_LONGEST]!r}")
                continue
            late = media_type in {_NDJSON, _EVENTS} and is_mapping(value) and value.keys() == {"error"}
            failure = self._target((*responses, "500")) if late else None
            if failure is not None:  # the error response of a stream whose status was sent already
                yield from self._value(label, "reply", (*failure, "content", "application/json", "schema"), value)
            else:
                yield from self._value(label, "item" if media_type in {_NDJSON, _EVENTS} else "reply", schema, value)

    # Values

    def _value(self, label: str, side: str, schema: Pointer, value: Any) -> Iterator[Finding]:
        for error in self._validator(schema).iter_errors(value):
            place = _place(side, error.absolute_path)
            yield Finding(VIOLATION, label, place, _shortened(error))
        for place, name in self._unknown(schema, value, side):
            yield Finding(UNKNOWN, label, f"{place}.{name}", "the document has no such field")

    def _unknown(self, schema: Pointer, value: Any, place: str) -> Iterator[tuple[str, str]]:
        """The fields of a value that none of its schemas describes, with their places."""
        if is_list(value):
            items = [
                part for each in self._branches(schema) if (part := (*each, "items")) and self._at(part) is not None
            ]
            for each in value if items else ():
                yield from self._unknown(self._fitting(items, each), each, f"{place}[]")
        if not is_mapping(value):
            return
        objects = [each for each in self._branches(schema) if self._is_object(each)]
        described = [each for each in objects if "properties" in self._node(each)]
        if not described or len(objects) > len(described):
            return  # the value is free-form, or may be
        best = [each for each in described if self._validator(each).is_valid(value)] or described
        for name, part in value.items():
            places = [(*each, "properties", name) for each in best if name in self._node(each)["properties"]]
            if places:
                yield from self._unknown(self._fitting(places, part), part, f"{place}.{name}")
            else:
                yield place, name

    def _is_object(self, schema: Pointer) -> bool:
        node = self._node(schema)
        kinds = node.get("type", ())
        return (
            "properties" in node
            or "object" in (kinds if is_list(kinds) else [kinds])
            or not node.keys() - {"description"}
        )

    def _fitting(self, schemas: list[Pointer], value: Any) -> Pointer:
        return next((each for each in schemas if self._validator(each).is_valid(value)), schemas[0])

    def _branches(self, schema: Pointer) -> Iterator[Pointer]:
        """The places of a schema without references, and of the branches of its union."""
        place = self._target(schema)
        if place is None:
            return
        node = self._node(place)
        if not any(key in node for key in ("anyOf", "oneOf")):
            yield place
        for key in ("anyOf", "oneOf"):
            for index in range(len(node.get(key, ()))):
                yield from self._branches((*place, key, index))

    def _target(self, place: Pointer) -> Pointer | None:
        """The place itself, or the target of its ``$ref``."""
        node = self._at(place)
        while is_mapping(node) and "$ref" in node:
            parts = str(node["$ref"]).removeprefix("#/").split("/")
            place = tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)
            node = self._at(place)
        return place if node is not None else None

    def _node(self, place: Pointer) -> dict[str, Any]:
        node = self._at(place)
        return node if is_mapping(node) else {}

    def _at(self, place: Pointer) -> Any:
        node: Any = self._document.data
        for part in place:
            try:
                node = node[part]
            except (KeyError, IndexError, TypeError):
                return None
        return node

    def _validator(self, place: Pointer) -> Any:
        if place not in self._validators:
            pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
            schema: Mapping[str, str] = {"$ref": f"{_URI}#{pointer}"}
            self._validators[place] = _JSONSCHEMA.Draft202012Validator(schema, registry=self._registry)
        return self._validators[place]


def _items(exchange: RecordedExchange, media_type: str) -> list[str] | None:
    """The JSON texts in a reply; ``None`` if it is not JSON."""
    if not media_type.endswith("json") and media_type != _EVENTS:
        return None
    text = exchange.body.decode(errors="replace")
    if media_type == _EVENTS:
        events = re.findall(r"^data: ?(.*)\r?\n", text, re.MULTILINE)
        return [event for event in events if event.strip() != "[DONE]"]
    if media_type == _NDJSON:
        lines = text.split("\n")
        whole = lines if exchange.complete else lines[:-1]
        return [line for line in whole if line.strip()]
    return [text] if exchange.complete else []


def _place(side: str, path: Any) -> str:
    return side + "".join("[]" if isinstance(part, int) else f".{part}" for part in path)


def _shortened(error: Any) -> str:
    text = " ".join(str(error.message).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
