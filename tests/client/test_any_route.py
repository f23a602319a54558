"""``request()`` calls a route that the document does not describe, through everything that a method goes through."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
import zstandard

from ollama_sdk import (
    APITimeoutError,
    AsyncOllama,
    BadRequestError,
    ConfigurationError,
    DecodeError,
    IncompleteReplyError,
    NotFoundError,
    Ollama,
    RateLimit,
    ReplyFailedError,
    Retry,
    ServiceUnavailableError,
)
from ollama_sdk.testing import Emulator
from ollama_sdk.types import ChatResponse
from tests.support.loopback import END, chunk, chunked, chunks, cut, head, replies, say, serving, whole

pytestmark = pytest.mark.anyio

DECISION = {"model": "nimble", "answers": {"q": {"choice": "a", "confidence": 1.0}}, "big": 2**70}
LINES = [{"text": "a", "done": False}, {"text": "b", "done": True}]
NDJSON = tuple(f"{json.dumps(line)}\n".encode() for line in LINES)
SSE = tuple(f"data: {json.dumps(line)}\n\n".encode() for line in LINES)


@pytest.fixture(params=["sync", "async"])
def calling(request):
    """Make one call on a client of either colour, and read a stream to its end: its items and what it collects."""

    async def call(server, *arguments, raw=False, options=None, **keywords):
        if request.param == "sync":
            with Ollama(server.url, **(options or {})) as client:
                reply = (client.with_raw_response if raw else client).request(*arguments, **keywords)
                return (list(reply), reply.collect()) if keywords.get("stream") else reply
        async with AsyncOllama(server.url, **(options or {})) as client:
            reply = await (client.with_raw_response if raw else client).request(*arguments, **keywords)
            return ([item async for item in reply], await reply.collect()) if keywords.get("stream") else reply

    return call


# One piece


async def test_json_goes_out_as_it_is_and_an_object_comes_back(calling):
    with serving({"/v1/systemone": say(body=DECISION)}) as server:
        body = {"model": "nimble", "questions": {"q": None}, "big": 2**70}
        assert await calling(server, "post", "/v1/systemone", json=body) == DECISION
    [request] = server.requests
    assert (request.line, request.json) == ("POST /v1/systemone HTTP/1.1", body)
    assert request.headers["content-type"] == "application/json"


async def test_a_list_is_a_body_too(calling):
    with serving({"/x": say(body={})}) as server:
        await calling(server, "PUT", "/x", json=[1, None, {"a": (2,)}])
    assert server.requests[0].json == [1, None, {"a": [2]}]


async def test_a_model_is_made_of_the_reply(calling):
    with serving({"/x": say(body={"message": {"role": "assistant", "content": "Hi"}, "done": True})}) as server:
        reply = await calling(server, "POST", "/x", json={}, cast_to=ChatResponse)
    assert isinstance(reply, ChatResponse)
    assert reply.message.content == "Hi"


@pytest.mark.parametrize(("cast_to", "expected"), [(bytes, b"RIFF\xff"), (str, "RIFF\ufffd"), (None, None)])
async def test_a_whole_body_may_be_anything(calling, cast_to, expected):
    with serving({"/v1/audio/speech": say(body=b"RIFF\xff")}) as server:
        assert await calling(server, "POST", "/v1/audio/speech", json={}, cast_to=cast_to) == expected


async def test_nothing_is_sent_where_nothing_is_given(calling):
    with serving({"/x": say(body={})}) as server:
        await calling(server, "GET", "/x", extra_query={"range": "24h", "n": 2}, extra_headers={"X-A": "1"})
    [request] = server.requests
    assert (request.line, request.body) == ("GET /x?range=24h&n=2 HTTP/1.1", b"")
    assert request.headers["x-a"] == "1"
    assert "content-type" not in request.headers


@pytest.mark.parametrize("make", [lambda path: b"GGUF", lambda path: path, lambda path: io.BytesIO(b"GGUF")])
async def test_content_is_bytes_a_path_or_a_file(calling, tmp_path, make):
    path = Path(tmp_path) / "file"
    path.write_bytes(b"GGUF")
    with serving({"/x": say(body={})}) as server:
        await calling(server, "POST", "/x", content=make(path), extra_headers={"content-type": "audio/wav"})
    [request] = server.requests
    assert (request.body, request.headers["content-type"]) == (b"GGUF", "audio/wav")


async def test_a_body_in_zstd_is_sent_by_its_header(calling):
    body = {"model": "llama3.2", "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"Content-Type": "application/json", "Content-Encoding": "zstd"}
    content = zstandard.compress(json.dumps(body).encode())
    with Emulator() as server:
        server.models.add("llama3.2")
        server.reply("Hello")
        reply = await calling(server, "POST", "/v1/chat/completions", content=content, extra_headers=headers)
        assert reply["choices"][0]["message"]["content"] == "Hello"
        assert server.requests[-1].json == body
        with pytest.raises(BadRequestError, match=r"invalid character '\('"):  # the native routes read none
            await calling(server, "POST", "/api/chat", content=content, extra_headers=headers)


async def test_files_go_as_a_form_with_the_fields_of_json(calling):
    with serving({"/x": say(body={})}) as server:
        await calling(server, "POST", "/x", files={"file": b"RIFF"}, json={"model": "whisper", "n": 1})
    [request] = server.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    for part in (b'name="file"; filename="file"', b"RIFF", b'name="model"\r\n\r\nwhisper', b'name="n"\r\n\r\n1'):
        assert part in request.body


async def test_a_raw_reply_has_status_and_headers(calling):
    with serving({"/x": say(body=DECISION, server="new")}) as server:
        raw = await calling(server, "POST", "/x", json={}, raw=True)
    assert (raw.status_code, raw.headers["server"], raw.parsed) == (200, "new", DECISION)


# Streams


@pytest.mark.parametrize(("stream", "parts"), [("ndjson", NDJSON), ("sse", SSE)])
async def test_a_stream_gives_its_items_and_collects_them(calling, stream, parts):
    with serving({"/x": chunks(*parts, b"never read")}) as server:
        items, collected = await calling(server, "POST", "/x", json={}, stream=stream, last={"done": True})
    assert items == collected == LINES
    assert server.requests[0].json == {}


async def test_items_of_a_stream_are_models_where_asked_for(calling):
    item = {"message": {"role": "assistant", "content": "Hi"}, "done": True}
    with serving({"/x": chunks(json.dumps(item).encode())}) as server:
        items, collected = await calling(
            server, "POST", "/x", stream="ndjson", last={"done": True}, cast_to=ChatResponse
        )
    assert [type(each) for each in items] == [ChatResponse]
    assert collected == items


async def test_a_stream_ends_well_at_the_sentinel(calling):
    with serving({"/x": chunks(*SSE, b"data: [DONE]\n\n")}) as server:
        items, _ = await calling(server, "POST", "/x", stream="sse", last="[DONE]")
    assert items == LINES
    with serving({"/x": chunks(*SSE)}) as server, pytest.raises(IncompleteReplyError) as error:
        await calling(server, "POST", "/x", stream="sse", last="[DONE]")
    assert error.value.partial == LINES


async def test_without_a_last_item_a_clean_end_is_the_end(calling):
    with serving({"/x": chunks(*NDJSON), "/empty": chunks()}) as server:
        assert (await calling(server, "POST", "/x", stream="ndjson", last=None))[1] == LINES
        assert (await calling(server, "POST", "/empty", stream="ndjson", last=None)) == ([], [])
    broken = [cut(b"".join(NDJSON)), chunks(*NDJSON, b'{"text": ')]
    for answer in broken:
        with serving({"/x": answer}) as server, pytest.raises(IncompleteReplyError) as error:
            await calling(server, "POST", "/x", stream="ndjson", last=None)
        assert error.value.partial == LINES


async def test_a_failure_in_a_stream_is_raised_after_its_items(calling):
    broken = chunks(NDJSON[0], b'{"error": "no memory"}\n')
    with serving({"/x": broken}) as server, pytest.raises(ReplyFailedError, match="after 1 item: no memory"):
        await calling(server, "POST", "/x", stream="ndjson", last={"done": True})


# Streams of bytes


def test_speech_is_called_by_its_path_in_three_lines(world, serve, tmp_path):
    server = serve(replies(chunked("audio/wav", b"RIFF\xff", b"WAVE") + END))
    with world.client(server.url) as client:
        said = {"model": "phonon", "input": "The kettle is on."}
        sound = client.request("POST", "/v1/audio/speech", json=said, stream="bytes", repeat="safe")
        assert sound.save(tmp_path / "kettle.wav") == 9
    assert (tmp_path / "kettle.wav").read_bytes() == b"RIFF\xffWAVE"
    [request] = server.requests
    assert (request.json, request.headers["accept"]) == (said, "*/*")


def test_systemone_is_called_by_its_path_in_three_lines(world, serve):
    server = serve(replies(whole(json.dumps(DECISION).encode())))
    with world.client(server.url) as client:
        question = {"type": "choice", "instructions": "Urgent?", "criteria": {"a": None, "b": None}}
        asked = {"model": "nimble", "state": "The barn is on fire.", "questions": {"q": question}}
        assert client.request("POST", "/v1/systemone", json=asked)["answers"]["q"]["choice"] == "a"


async def test_bytes_are_iterated_as_they_arrive(calling):
    with serving({"/x": chunks(b"one", b"two")}) as server:
        chunks_of_bytes, rest = await calling(server, "POST", "/x", json={}, stream="bytes", cast_to=bytes)
    assert (b"".join(chunks_of_bytes), rest) == (b"onetwo", b"")


async def test_broken_bytes_are_an_incomplete_reply(calling):
    with serving({"/x": cut(b"RIFF")}) as server, pytest.raises(IncompleteReplyError, match="after 4 bytes"):
        await calling(server, "POST", "/x", json={}, stream="bytes")


def test_an_error_in_place_of_bytes_is_raised_by_the_call(world, serve):
    server = serve(replies(whole(b'{"error": "no such model"}', 404), whole(b'{"error": "no memory"}')))
    with world.client(server.url) as client:
        with pytest.raises(NotFoundError, match="no such model"):
            client.request("POST", "/x", stream="bytes")
        with pytest.raises(ReplyFailedError, match="no memory"):
            client.request("POST", "/x", stream="bytes")


async def test_bytes_on_the_raw_view_have_status_and_headers(serve):
    server = serve(replies(chunked("audio/wav", b"RIFF") + END, chunked("audio/wav", b"RIFF") + END))
    with Ollama(server.url) as client:
        raw = client.with_raw_response.request("POST", "/x", stream="bytes")
        assert (raw.status_code, raw.headers["content-type"], raw.parsed.read()) == (200, "audio/wav", b"RIFF")
    async with AsyncOllama(server.url) as client:
        raw = await client.with_raw_response.request("POST", "/x", stream="bytes")
        assert (raw.status_code, raw.headers["content-type"], await raw.parsed.read()) == (200, "audio/wav", b"RIFF")


def test_bytes_are_retried_only_where_that_is_safe(world, serve):
    retry = Retry(attempts=2, initial=0.001)
    busy, good = whole(b'{"error": "busy"}', 503), chunked("audio/wav", b"RIFF") + END
    with world.client(serve(replies(busy, good)).url, retry=retry) as client:
        assert client.request("POST", "/x", stream="bytes", repeat="safe").read() == b"RIFF"
    with (
        world.client(serve(replies(busy, good)).url, retry=retry) as client,
        pytest.raises(ServiceUnavailableError),
    ):
        client.request("POST", "/x", stream="bytes")


# Policies, limits, errors


async def test_a_status_becomes_its_error(calling):
    with serving({}) as server, pytest.raises(NotFoundError, match=r"POST .*/v1/brand-new"):
        await calling(server, "POST", "/v1/brand-new", json={})


async def test_a_body_of_another_form_is_a_decode_error(calling):
    with serving({"/x": say(body=b"<html>")}) as server, pytest.raises(DecodeError):
        await calling(server, "POST", "/x", json={})
    with serving({"/x": say(body={"done": True})}) as server, pytest.raises(DecodeError, match="message"):
        await calling(server, "POST", "/x", json={}, cast_to=ChatResponse)


async def test_only_what_may_be_repeated_is_retried(calling):
    options = {"retry": Retry(attempts=2, initial=0.001)}
    with serving({"/x": [say(503), say(body=DECISION)]}) as server:
        assert await calling(server, "POST", "/x", json={}, repeat="safe", options=options) == DECISION
    with serving({"/x": [say(503), say(body=DECISION)]}) as server, pytest.raises(ServiceUnavailableError):
        await calling(server, "POST", "/x", json={}, options=options)
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "get", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("repeat", [None, "safe", "never"])
async def test_by_default_a_get_may_be_repeated(calling, method, repeat):
    given = {"cast_to": None, "options": {"retry": Retry(attempts=2, initial=0.001)}}
    given |= {} if repeat is None else {"repeat": repeat}
    expected = "safe" if repeat is None and method.upper() in {"GET", "HEAD"} else repeat
    with serving({"/x": [say(503), say()]}) as server:
        with contextlib.nullcontext() if expected == "safe" else pytest.raises(ServiceUnavailableError):
            await calling(server, method, "/x", **given)
        assert len(server.requests) == (2 if expected == "safe" else 1)


async def test_events_name_the_call_and_its_model(calling):
    events = []
    options = {"rate_limit": RateLimit(concurrent=1), "observer": events.append}
    with serving({"/x": say(body=DECISION)}) as server:
        await calling(server, "POST", "/x", json={"model": "nimble"}, options=options)
    assert {event.operation for event in events} == {"request"}
    assert events[-1].model == "nimble"


async def test_the_limits_of_the_call_hold(calling):
    def stall(connection):
        connection.send(head(200, "application/x-ndjson", transfer_encoding="chunked") + chunk(NDJSON[0]))
        connection.watch()

    with serving({"/x": stall}) as server, pytest.raises(APITimeoutError) as error:
        await calling(server, "POST", "/x", stream="ndjson", last={"done": True}, timeout=0.2)
    assert error.value.phase == "total"


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("PO ST", "/x"), "method is 'PO ST'"),
        (("GET", "x"), "begins with /"),
        (("GET", None), "path is None"),
        (("GET", "/é"), "percent-encoded"),
        (("GET", "http://gpu-1/x"), "only what follows the host"),
        (("GET", "/x?a=1"), "extra_query="),
    ],
)
def test_a_call_that_cannot_be_made_is_refused(arguments, message):
    with pytest.raises(ConfigurationError, match=message):
        Ollama("127.0.0.1:1").request(*arguments)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"stream": "sse"}, "last is missing; give what marks the last item"),
        ({"stream": "sse", "last": {}}, "last is {}"),
        ({"stream": True, "last": None}, "stream is True; give 'ndjson', 'sse', 'bytes' or False"),
        ({"stream": "bytes", "last": None}, "last= is about the items of a stream"),
        ({"stream": "bytes", "cast_to": ChatResponse}, "cast_to is ChatResponse; a stream of bytes has no items"),
        ({"last": None}, "last= is about the items of a stream"),
        ({"cast_to": int}, "cast_to is int; give dict, str, bytes, None or a model"),
        ({"cast_to": {}}, "cast_to is {}; give dict"),
        ({"cast_to": bytes, "stream": "sse", "last": None}, "cast_to is bytes; give dict or a model"),
        ({"repeat": "always"}, "repeat is 'always'"),
        ({"json": {}, "content": b""}, "content= is the whole body"),
        ({"json": [], "files": {}}, "json is a list; with files=, give a dict"),
        ({"files": {"file": "a.wav"}}, "files.file is a str; give bytes"),
        ({"json": {"a": [{1: 2}]}}, r"json.a\[0\]: the key 1 is not a string"),
        ({"json": {"a": object()}}, "json.a is an object"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused(calling, keywords, message):
    with serving({}) as server, pytest.raises(ConfigurationError, match=message):
        await calling(server, "POST", "/x", **keywords)
    assert not server.requests
