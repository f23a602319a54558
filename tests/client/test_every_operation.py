"""Every operation of the document works in both clients, also one that was added today: what the document allows goes through."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any

import pytest

from ollama_sdk import AsyncByteStream, AsyncOllama, ByteStream, Ollama
from ollama_sdk._call.operation import Operation
from ollama_sdk._codec import Model
from ollama_sdk._generated import operations
from tests.document.openapi_document import JSON, at, faults, resolve
from tests.document.openapi_document import operations as described
from tests.support.document_values import value_of
from tests.support.loopback import Loopback, Request, replies, whole
from tests.support.redirected import AsyncRedirected, Redirected

pytestmark = pytest.mark.anyio
OPERATIONS = {row.name: row for row in vars(operations).values() if isinstance(row, Operation)}
PLACES = {node["operationId"]: ("paths", path, method) for method, path, node in described() if "operationId" in node}
EMPTY = {"none": None, "exists": True, "reachable": True}
CONTENT = b"abc"
DIGEST = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

Rows = Operation[Any, Any]
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
each_stream = pytest.mark.parametrize(
    "operation",
    [row for row in OPERATIONS.values() if row.streaming and row.streaming.format in {"ndjson", "sse"}],
    ids=lambda row: row.name,
)


def _content(operation: Rows) -> JSON:
    """The content of the success, by media type."""
    responses = at((*PLACES[operation.name], "responses"))
    found = [resolve(response) for status, response in responses.items() if str(status).startswith("2")]
    return next((response["content"] for response in found if response.get("content")), {})


def _arguments(operation: Rows) -> dict[str, Any]:
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


def _reply(operation: Rows) -> tuple[bytes, Any]:
    """The bytes of a reply, and what the method makes of it as JSON."""
    content = _content(operation)
    if not content:
        return whole(b"", content_type=None), DIGEST if operation.reply == "digest" else EMPTY[operation.reply]
    if operation.reply == "bytes":
        return whole(CONTENT, content_type=next(iter(content)).replace("*", "wav")), CONTENT
    value = value_of(content["application/json"]["schema"])
    if operation.streaming and operation.streaming.format == "ndjson":
        value |= operation.streaming.last  # an example may show an item in between
    return whole(json.dumps(value).encode()), value


def _items(operation: Rows) -> tuple[bytes, int]:
    """The bytes of a stream of one item of each kind, the last one at the end, and their number."""
    assert operation.streaming is not None
    content = _content(operation)
    media_type = list(content)[-1]
    schema = resolve(content[media_type]["schema"])
    branches = [resolve(branch) for branch in schema.get("anyOf", [schema])]
    last = {} if operation.streaming.last == {"data": "[DONE]"} else operation.streaming.last
    ending = [branch for branch in branches if all(_can_be(branch, name, value) for name, value in last.items())]
    items = [{**value_of(ending[0]), **last}]
    if media_type == "application/x-ndjson":
        return whole(b"".join(json.dumps(item).encode() + b"\n" for item in items), content_type=media_type), 1
    lines = [json.dumps(item) for item in items] + ([] if last else ["[DONE]"])
    return whole("".join(f"data: {line}\n\n" for line in lines).encode(), content_type=media_type), 1


def _can_be(branch: JSON, name: str, value: Any) -> bool:
    field = branch.get("properties", {}).get(name, {})
    return field.get("const", value) == value and value in field.get("enum", [value])


def _check_request(operation: Rows, request: Request) -> None:
    """The request is what the document describes."""
    assert request.line.startswith(f"{operation.method} ")
    if operation.body == "json":
        place = (*PLACES[operation.name], "requestBody", "content", "application/json", "schema")
        assert faults(place, request.json) == []
    if operation.body in {"binary", "multipart"}:
        assert CONTENT in request.body


def _check_reply(reply: Any, expected: Any) -> None:
    if not isinstance(reply, Model):
        assert reply == expected
        return
    assert reply == type(reply).from_dict(expected)
    assert reply.additional_properties == {}


def test_document_and_operation_table_name_the_same_methods() -> None:
    assert set(PLACES) == set(OPERATIONS)


@each_operation
async def test_operation_sends_and_reads_what_the_document_allows(operation: Rows) -> None:
    answer, expected = _reply(operation)
    arguments = _arguments(operation)
    with (
        Loopback(replies(answer)) as server,
        Ollama(server.url, api_key="key", transport=Redirected(server.url)) as client,
    ):
        reply = attrgetter(operation.name)(client)(**arguments)
        reply = reply.read() if isinstance(reply, ByteStream) else reply
        _check_request(operation, server.requests[0])
        _check_reply(reply, expected)
    with Loopback(replies(answer)) as server:
        async with AsyncOllama(server.url, api_key="key", transport=AsyncRedirected(server.url)) as client:
            reply = await attrgetter(operation.name)(client)(**arguments)
            reply = await reply.read() if isinstance(reply, AsyncByteStream) else reply
        _check_request(operation, server.requests[0])
        _check_reply(reply, expected)


@each_stream
async def test_stream_reads_the_items_that_the_document_allows(operation: Rows) -> None:
    answer, number = _items(operation)
    arguments = {**_arguments(operation), "stream": True}
    with Loopback(replies(answer)) as server, Ollama(server.url, transport=Redirected(server.url)) as client:
        with attrgetter(operation.name)(client)(**arguments) as stream:
            assert len(list(stream)) == number
        _check_request(operation, server.requests[0])
    with Loopback(replies(answer)) as server:
        async with (
            AsyncOllama(server.url, transport=AsyncRedirected(server.url)) as client,
            await attrgetter(operation.name)(client)(**arguments) as stream,
        ):
            assert len([item async for item in stream]) == number
