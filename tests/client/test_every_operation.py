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
from tests.document.openapi_document import JSON, faults, resolve
from tests.support.document_values import CONTENT, DIGEST, PLACES, arguments_of, content_of, value_of
from tests.support.loopback import Loopback, Request, replies, whole
from tests.support.redirected import AsyncRedirected, Redirected

pytestmark = pytest.mark.anyio
OPERATIONS = {row.name: row for row in vars(operations).values() if isinstance(row, Operation)}
EMPTY = {"none": None, "exists": True, "reachable": True}

Rows = Operation[Any, Any]
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
each_stream = pytest.mark.parametrize(
    "operation",
    [row for row in OPERATIONS.values() if row.streaming and row.streaming.format in {"ndjson", "sse"}],
    ids=lambda row: row.name,
)


def _reply(operation: Rows) -> tuple[bytes, Any]:
    """The bytes of a reply, and what the method makes of it as JSON."""
    content = content_of(operation)
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
    content = content_of(operation)
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
    arguments = arguments_of(operation)
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
    arguments = {**arguments_of(operation), "stream": True}
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
