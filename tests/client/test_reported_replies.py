"""Replies on which published clients were reported to fail, as bytes over a real socket, sync and on both event loops."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pydantic
import pytest
from attrs import field, frozen

from ollama_sdk import (
    APIConnectionError,
    AsyncOllama,
    ConfigurationError,
    DecodeError,
    IncompleteReplyError,
    NotFoundError,
    Ollama,
)
from tests.support.loopback import PATIENCE, chunk, chunked, head, replies, replies_and_resets, whole
from tests.support.streamed import NDJSON, SSE, drain

MESSAGES = [{"role": "user", "content": "hi"}]
ARGUMENTS: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": MESSAGES},
    "generate": {"model": "m", "prompt": "hi"},
    "embed": {"model": "m", "input": ["a"]},
    "list_models": {},
    "show": {"model": "m"},
    "v1.chat.completions.create": {"model": "m", "messages": MESSAGES},
    "v1.messages.create": {"model": "m", "messages": MESSAGES, "max_tokens": 16},
}
V1 = "v1.chat.completions.create"


def lines(*items: object) -> bytes:
    return b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items)


def events(*items: object, data: str = "data: ", end: bool = True) -> bytes:
    texts = [json.dumps(item, ensure_ascii=False) for item in items] + ["[DONE]"] * end
    return "".join(f"{data}{text}\n\n" for text in texts).encode()


def ndjson(*items: object, label: str = NDJSON) -> bytes:
    return whole(lines(*items), content_type=label)


def sse(body: bytes) -> bytes:
    return whole(body, content_type=SSE)


def one(item: object, **headers: str) -> bytes:
    return whole(json.dumps(item).encode(), **headers)


def said(text: str | None, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "message": {"role": "assistant", "content": text, **fields}, "done": False}


def last(text: str | None = "hello", **fields: Any) -> dict[str, Any]:
    return said(text, **fields) | {"done": True, "done_reason": "stop", "eval_count": 2}


def delta(finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


def part(arguments: str, **fields: Any) -> dict[str, Any]:
    """A chunk with a part of a tool call."""
    name = {"name": fields.pop("name")} if "name" in fields else {}
    return delta(tool_calls=[{"index": 0, "function": {**name, "arguments": arguments}} | fields])


START, STOP, CALLED = delta(role="assistant", content=""), delta("stop"), delta("tool_calls")
IN_FRAGMENTS = sse(events(START, part("", id="c1", name="get"), part('{"ci'), part('ty":1}'), CALLED))
ANTHROPIC = [
    {"type": "message_start", "message": {"id": "i", "type": "message", "role": "assistant", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hey"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
]


def calls(reply: Any) -> Any:
    return [(each.id, each.function.name, each.function.arguments) for each in reply.choices[0].message.tool_calls]


def texts(items: list[Any]) -> Any:
    return [item.message.content for item in items]


def deltas(items: list[Any]) -> Any:
    return [item.choices[0].delta.content for item in items if item.choices]


@frozen
class Reported:
    """One reply, and what a client must make of it.

    Attributes:
        method: The method that is called.
        how: ``one`` piece, a stream's ``items``, or what it ``collects``.
        answer: The bytes of the response.
        read: Reads the result.
        value: What that must be; of a call that fails, how many items come before it.
        error: How the call fails.
        resets: Whether the connection is reset after the bytes.
        prefix: What stands behind the host.
    """

    method: str
    how: str
    answer: bytes
    read: Callable[[Any], Any] = len
    value: Any = 0
    error: type[Exception] | None = field(default=None, kw_only=True)
    resets: bool = field(default=False, kw_only=True)
    prefix: str = field(default="", kw_only=True)


REPORTED = {
    "parallel calls of one index": Reported(
        V1, "collects",
        sse(events(START, part('{"p":1}', id="a", name="w"), part('{"p":2}', id="b", name="w"), CALLED)),
        calls, [("a", "w", '{"p":1}'), ("b", "w", '{"p":2}')],
    ),
    "call in fragments, as items": Reported(
        V1, "items", IN_FRAGMENTS,
        lambda items: "".join(
            call.function.arguments for item in items for call in item.choices[0].delta.tool_calls or []
        ),
        '{"city":1}',
    ),
    "call in fragments, collected": Reported(V1, "collects", IN_FRAGMENTS, calls, [("c1", "get", '{"city":1}')]),
    "calls that begin at index 1": Reported(
        V1, "collects", sse(events(START, part("{}", index=1, id="a", name="w"), CALLED)), calls, [("a", "w", "{}")]
    ),
    "null in a vector": Reported("embed", "one", one({"embeddings": [[0.1, None, 0.3]]}), error=DecodeError),
    "argument beyond 64 bits": Reported(
        "chat", "one", one(last("", tool_calls=[{"function": {"name": "f", "arguments": {"id": 10**29 + 7}}}])),
        lambda reply: reply.message.tool_calls[0].function.arguments["id"], 10**29 + 7,
    ),
    "no role": Reported(
        V1, "collects", sse(events(delta(content="x"), STOP)), lambda reply: reply.choices[0].message.content, "x"
    ),
    "content that is null": Reported(
        V1, "items", sse(events(delta(role="assistant", content=None), delta(content="x"), STOP)),
        deltas, [None, "x", None],
    ),
    "listing without sizes": Reported(
        "list_models", "one", one({"models": [{"name": "a", "model": "a", "details": {"families": None}}]}),
        lambda reply: [model.model for model in reply.models], ["a"],
    ),
    "listing of empty texts": Reported(
        "list_models", "one",
        one({"models": [{"name": "a", "model": "a", "modified_at": "", "size": "", "digest": ""}]}),
        lambda reply: (reply.models[0].modified_at, reply.models[0].additional_properties["modified_at"]), (None, ""),
    ),
    "time with a fraction": Reported(
        V1, "one", one({"created": 1.5, "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}),
        lambda reply: (reply.choices[0].message.content, reply.created), ("x", None),
    ),
    "no created_at": Reported(
        "chat", "items", ndjson({"message": {"content": "a"}}, {"message": {"content": ""}, "done": True}),
        texts, ["a", ""],
    ),
    "items of generate for a chat": Reported(
        "chat", "items", ndjson({"done": False, "response": "The"}, {"done": True, "response": ""}), error=DecodeError
    ),
    "show without model_info": Reported(
        "show", "one", one({"modelfile": "x", "details": {"family": "x"}, "capabilities": ["completion"]}),
        lambda reply: reply.capabilities, ["completion"],
    ),
    "content null beside a call": Reported(
        "chat", "one", one(last(None, tool_calls=[{"function": {"name": "f", "arguments": {}}}])),
        lambda reply: (reply.message.content, reply.message.tool_calls[0].function.name), ("", "f"),
    ),
    "item of thinking alone": Reported(
        "generate", "collects",
        ndjson({"response": "", "thinking": "The"}, {"response": "ok"}, {"response": "", "done": True}),
        lambda reply: (reply.response, reply.thinking), ("ok", "The"),
    ),
    "message_start without usage": Reported(
        "v1.messages.create", "items", sse(events(*ANTHROPIC, end=False)),
        lambda items: "".join(item.delta.text for item in items if item.type == "content_block_delta"), "hey",
    ),
    "no choices at first": Reported(
        V1, "collects", sse(events({"id": "", "model": "", "choices": []}, START, delta(content="x"), STOP)),
        lambda reply: reply.choices[0].message.content, "x",
    ),
    "events without a blank": Reported(
        V1, "items", sse(events(delta(content="x"), STOP, data="data:")), deltas, ["x", None]
    ),
    "events after a byte order mark": Reported(
        V1, "items", sse(b"\xef\xbb\xbf" + events(delta(content="x"), STOP)), deltas, ["x", None]
    ),
    "comments between events": Reported(
        V1, "items", sse(b": PROCESSING\n\nid: 1\n" + events(delta(content="x"), STOP, data=": ping\n\n:\n\ndata: ")),
        deltas, ["x", None],
    ),
    "line separators inside a text": Reported(
        "chat", "items", ndjson(said("a\u2028b\x85c"), last()), texts, ["a\u2028b\x85c", "hello"]
    ),
    "half an emoji in each of two items": Reported(
        V1, "items", sse(b"".join(b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % half
                                  for half in (rb"\ud83d", rb"\ude00")) + events(STOP)),
        len, 3,
    ),
    "item in pieces": Reported(
        "chat", "items",
        chunked(NDJSON, *(bytes([byte]) for byte in lines(said("né😀"), last()))) + chunk(b""), texts, ["né😀", "hello"],
    ),
    "no [DONE]": Reported(
        V1, "items", sse(events(delta(content="x"), end=False)), value=1, error=IncompleteReplyError
    ),
    "no done": Reported("chat", "items", ndjson(said("hello")), value=1, error=IncompleteReplyError),
    "reset after the last item": Reported(
        "chat", "items", chunked(NDJSON, lines(said("né😀"), last())), len, 2, resets=True
    ),
    "reset inside an item": Reported(
        "chat", "items", chunked(NDJSON, lines(said("né😀")) + b'{"done": true, '), value=1,
        error=IncompleteReplyError, resets=True,
    ),
    "stream labelled as text": Reported(
        "chat", "items", ndjson(said("hello"), last(), label="text/plain; charset=utf-8"), texts, ["hello", "hello"]
    ),
    "one object for a stream": Reported("chat", "items", one(last()), texts, ["hello"]),
    "gzip by its label alone": Reported("chat", "one", one(last(), content_encoding="gzip"), error=DecodeError),
    "header with blanks in its name": Reported(
        "chat", "one", head(**{"x cache result": "odd", "content_length": 2}) + b"{}", error=APIConnectionError
    ),
    "host that ends in /v1": Reported(
        "chat", "one", whole(b"404 page not found", 404, "text/plain"), error=NotFoundError, prefix="/v1"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTED)
def test_reported_reply_is_read_or_refused_with_its_error(world, serve, name):
    case = REPORTED[name]
    server = serve((replies_and_resets if case.resets else replies)(case.answer))
    with world.client(server.url + case.prefix) as client:
        result, items, error = outcome(client, case)
    if case.error is None:
        assert error is None
        assert case.read(result) == case.value
    else:
        assert isinstance(error, case.error)
        assert len(items) == case.value
        assert "client.pull" not in str(error)


def outcome(client: Any, case: Reported) -> tuple[Any, list[Any], Exception | None]:
    """What the call gives, the items among it, and how it fails."""
    method = client
    for name in case.method.split("."):
        method = getattr(method, name)
    try:
        if case.how == "one":
            return method(**ARGUMENTS[case.method]), [], None
        with method(**ARGUMENTS[case.method], stream=True) as stream:
            if case.how == "collects":
                return stream.collect(), [], None
            items, error = drain(stream)
            return items, items, error
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return None, [], error


def test_request_that_a_server_took_is_not_sent_again(world, serve):
    def script(connection):
        connection.answer(one(last()))
        connection.request()

    server = serve(script, replies(one(last())))
    with world.client(server.url) as client:
        client.chat(**ARGUMENTS["chat"])
        with pytest.raises(APIConnectionError, match="broke it off"):
            client.chat(**ARGUMENTS["chat"])
        assert len(server.requests) == 2


@pytest.mark.parametrize("make", [Ollama, AsyncOllama])
@pytest.mark.anyio
async def test_deep_copy_of_a_client_has_connections_of_its_own(serve, make):
    server = serve(*[replies(one({"version": "1"}))] * 2)
    for client in (original := make(server.url, timeout=PATIENCE), copy.deepcopy(original)):
        if make is Ollama:
            with client:
                assert client.version().version == "1"
        else:
            async with client:
                assert (await client.version()).version == "1"
    assert len(server.connections) == 2


def test_half_an_emoji_in_a_prompt_is_refused(world, serve):
    server = serve(replies(one(last())))
    with world.client(server.url) as client, pytest.raises(ConfigurationError, match=r"messages\[0\]\.content"):
        client.chat("m", [{"role": "user", "content": "bad \udc97"}])
    assert not server.requests


class Home(pydantic.BaseModel):
    street: str


class Person(pydantic.BaseModel):
    home: Home


def test_nested_class_as_format_is_sent_with_its_definitions(world, serve):
    server = serve(replies(one(last())))
    with world.client(server.url) as client:
        client.chat("m", MESSAGES, format=Person)
    sent = server.requests[0].json["format"]
    assert sent["properties"]["home"] == {"$ref": "#/$defs/Home"}
    assert list(sent["$defs"]) == ["Home"]
