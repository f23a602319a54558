"""Makes the emulator behave like one release of Ollama: its routes, fields and values, and its refusals.

This module only applies the lifetimes in the document. A route that the release lacks does not exist. An unknown field of a request
is ignored, as Go's decoder does; a field that the release refuses, and a value that it does not know yet, is a 400. Fields and list
values that the release does not send are removed from replies.

If a release knows every part of a route, its requests and replies are not changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from attrs import frozen
from starlette.requests import Request

from ollama_sdk._generated.lifetimes import ROUTES
from ollama_sdk._lifetimes import ALWAYS, Lifetime, RouteLifetimes
from ollama_sdk.testing._compression import from_zstd
from ollama_sdk.testing._model.json import is_list, is_object
from ollama_sdk.testing._routes.request_values import unknown_value
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from starlette.types import Message, Send

    from ollama_sdk.testing._model.json import Json

__all__ = ["Release"]

_VERSION = re.compile(r"v?\d+(\.\d+)*([-+].*)?")
_ANY_VALUE = "*"
_LARGEST_BODY = 20 * 2**20  # bytes, decompressed
_UNKNOWN_ROUTE = RouteLifetimes(ALWAYS)

_Step = tuple[str, str]
_Path = Sequence[_Step]
_Removal = Callable[[Any], None]


class Release:
    """One release of Ollama.

    Args:
        version: As ``/api/version`` reports it; a pre-release counts as its release.

    Raises:
        ValueError: It is not a version.
    """

    def __init__(self, version: str) -> None:
        if not _VERSION.fullmatch(version):
            raise ValueError(f"version={version!r}; give a release of Ollama, such as 0.33.0")
        self._version = version
        self._rules = {key: self._rules_of(route) for key, route in ROUTES.items()}

    def serves(self, method: str, path: str) -> bool:
        """Whether the release has a route."""
        return ROUTES.get((method, path), _UNKNOWN_ROUTE).route.covers(self._version)

    async def accept(self, request: Request, path: str) -> Request:
        """Return a request as the release reads it: decompressed, and without unknown fields.

        Raises:
            StatusError: 400 for a body that expands to too many bytes, and for a field or a value that the release refuses.
        """
        request = await self._decompressed(request, path)
        rules = self._rules.get((request.method, path))
        if rules is None or not (rules.request or rules.values):
            return request
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return request
        before = orjson.dumps(body)
        for path_of_field, lifetime in rules.request:
            if lifetime.refuses(self._version) and any(True for _ in _values_at(body, path_of_field)):
                raise StatusError(400, f"{path_of_field[-1][0]} is no longer supported", stage="request")
            if not lifetime.covers(self._version):
                _remove(body, path_of_field)
        for path_of_field, values in rules.values:
            self._check_values(body, path_of_field, values, path)
        after = orjson.dumps(body)
        return request if after == before else _with_body(request, after)

    async def _decompressed(self, request: Request, path: str) -> Request:
        """Undo the coding of a body where the release does; elsewhere Ollama takes such a body for what it decodes as."""
        route = ROUTES.get((request.method, path), _UNKNOWN_ROUTE)
        coding = route.encodings.get(request.headers.get("content-encoding", ""))
        if coding is None or not coding.covers(self._version):
            return request
        try:
            body = from_zstd(await request.body(), _LARGEST_BODY + 1)
        except ValueError:
            raise StatusError(400, "invalid input: magic number mismatch", stage="request", native=True) from None
        if len(body) > _LARGEST_BODY:
            raise StatusError(400, "http: request body too large", stage="request", native=True)
        return _with_body(request, body)

    def send(self, send: Send, method: str, path: str) -> Send:
        """Return a ``send`` that removes the fields that the release does not send."""
        rules = self._rules.get((method, path))
        if rules is None or not (rules.reply or rules.item):
            return send
        return _Filter(send, rules)

    def _rules_of(self, route: RouteLifetimes) -> _Rules:
        request = [(_parsed(path), one) for path, one in route.request.items() if self._matters(one)]
        values = [
            (_parsed(path), known)
            for path, known in route.request_values.items()
            if not all(one.covers(self._version) for one in known.values())
        ]
        return _Rules(
            request=request,
            values=values,
            reply=self._removals(route.reply, route.reply_values),
            item=self._removals(route.item, route.item_values),
        )

    def _matters(self, lifetime: Lifetime) -> bool:
        return lifetime.refuses(self._version) or not lifetime.covers(self._version)

    def _removals(self, fields: Mapping[str, Lifetime], values: Mapping[str, Mapping[str, Lifetime]]) -> list[_Removal]:
        removals: list[_Removal] = [
            partial(_remove, path=_parsed(path)) for path, one in fields.items() if not one.covers(self._version)
        ]
        for path, known in values.items():
            unknown = {value for value, one in known.items() if not one.covers(self._version)}
            if unknown and path.endswith("[]"):
                removals.append(partial(_remove_values, path=_parsed(path), unknown=unknown))
        return removals

    def _check_values(self, body: Any, path: _Path, known: Mapping[str, Lifetime], route: str) -> None:
        """Refuse a value that the release does not know yet.

        Raises:
            StatusError: 400.
        """

        def allows(value: str) -> bool:
            return known.get(value, known.get(_ANY_VALUE, ALWAYS)).covers(self._version)

        for where, value in _values_at(body, path):
            if isinstance(value, str) and not allows(value):
                raise unknown_value(route, where, value, allows)


@frozen
class _Rules:
    """The changes of one route by a release; empty if there are none."""

    request: Sequence[tuple[_Path, Lifetime]]
    values: Sequence[tuple[_Path, Mapping[str, Lifetime]]]
    reply: Sequence[_Removal]
    item: Sequence[_Removal]


class _Filter:
    """ASGI ``send`` of one reply; the head is sent only when the length of the changed body is known."""

    def __init__(self, send: Send, rules: _Rules) -> None:
        self._send = send
        self._rules = rules
        self._head: Message | None = None
        self._kind = ""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            self._kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
            if message["status"] == HTTPStatus.OK:
                self._head = message
                return
            self._kind = ""
        elif self._kind and message.get("body"):
            message = {**message, "body": self._filtered(message["body"])}
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(_with_length(head, len(message.get("body", b""))))
        await self._send(message)

    def _filtered(self, body: bytes) -> bytes:
        if self._kind == "application/json":
            return _changed(body, self._rules.reply)
        if self._kind == "application/x-ndjson":
            return b"".join(_changed(line, self._rules.item) for line in body.splitlines(keepends=True))
        if self._kind == "text/event-stream":
            return b"".join(
                b"data: " + _changed(line.removeprefix(b"data: "), self._rules.item)
                if line.startswith(b"data: {")
                else line
                for line in body.splitlines(keepends=True)
            )
        return body


def _changed(data: bytes, removals: Sequence[_Removal]) -> bytes:
    """Apply removals to one JSON value; the end of its line stays."""
    value = orjson.loads(data)
    for remove in removals:
        remove(value)
    return orjson.dumps(value) + data[len(data.rstrip()) :]


def _with_length(head: Message, length: int) -> Message:
    """Correct the length header, if there is one; a body with a length comes in one message."""
    headers = [(name, str(length).encode() if name == b"content-length" else value) for name, value in head["headers"]]
    return {**head, "headers": headers}


def _with_body(request: Request, body: bytes) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(request.scope, receive)


def _parsed(path: str) -> _Path:
    """Return the names on the way to a field, each with what it holds: ``[]`` a list, ``{}`` a map of values, or neither."""
    return [(part.rstrip("[]{}"), part[len(part.rstrip("[]{}")) :]) for part in path.split(".")]


def _parts(value: Any, step: _Step) -> Iterator[tuple[str, Any]]:
    """Return what one step leads to, each with how it is written."""
    name, kind = step
    if not is_object(value) or name not in value:
        return
    found = value[name]
    if kind == "[]" and is_list(found):
        yield from ((f"{name}[{index}]", part) for index, part in enumerate(found))
    elif kind == "{}" and is_object(found):
        yield from ((f"{name}.{key}", part) for key, part in found.items())
    elif not kind:
        yield name, found


def _values_at(value: Any, path: _Path) -> Iterator[tuple[str, Any]]:
    """Return each value at a path, with the place where it stands."""
    for where, part in _parts(value, path[0]):
        if len(path) == 1:
            yield where, part
        else:
            yield from ((f"{where}.{below}", found) for below, found in _values_at(part, path[1:]))


def _owners(value: Any, path: _Path) -> Iterator[Json]:
    """Return each object that may have the last field of a path."""
    if len(path) == 1:
        if is_object(value):
            yield value
        return
    for _, part in _parts(value, path[0]):
        yield from _owners(part, path[1:])


def _remove(value: Any, path: _Path) -> None:
    for owner in _owners(value, path):
        owner.pop(path[-1][0], None)


def _remove_values(value: Any, path: _Path, unknown: AbstractSet[str]) -> None:
    """Remove values from the lists at a path."""
    name = path[-1][0]
    for owner in _owners(value, path):
        if is_list(owner.get(name)):
            owner[name] = [item for item in owner[name] if not (isinstance(item, str) and item in unknown)]
