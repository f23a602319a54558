"""Every endpoint answers: sync and async, in one piece and streamed, raw and plain."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import struct
import threading
import tracemalloc
from base64 import b64encode
from operator import attrgetter

import pytest

from ollama_sdk import AsyncOllama, BadRequestError, ConfigurationError, DecodeError, Ollama, RawResponse, types
from ollama_sdk._call import request
from ollama_sdk._call.operation import Operation
from ollama_sdk._generated import DOCUMENT_VERSION, operations
from ollama_sdk._json import loads_tolerantly
from ollama_sdk.testing import Emulator
from tests.support.agreeing import Agreeing
from tests.support.loopback import replies, whole
from tests.support.redirected import AsyncRedirected, Redirected

pytestmark = pytest.mark.anyio
SLASHES = "hf.co/org/model:Q4_K_M"
USER = [{"role": "user", "content": "Hi"}]
MODELS = {
    "llama3.2": ["completion", "tools", "vision", "audio", "insert"],
    "all-minilm": ["embedding"],
    SLASHES: ["completion"],
}
OPERATIONS = {o.name: o for o in vars(operations).values() if isinstance(o, Operation)}
SOUND = b"RIFF....WAVE"
DIGEST = f"sha256:{hashlib.sha256(b'abc').hexdigest()}"

# What methods are called with, and what their reply from an emulator is. What every method does, new ones too, is in
# test_every_operation.py.
CALLS = {
    "balance": ([], {}, lambda reply: reply.included.balance_usd == 13.75),
    "blob_exists": ([DIGEST], {}, lambda reply: reply is False),
    "chat": (["llama3.2", USER], {}, lambda reply: reply.message.content == "Hello there"),
    "copy": (["llama3.2", "copied"], {}, lambda reply: reply is None),
    "create": (["created"], {"from_": "llama3.2"}, lambda reply: reply.status == "success"),
    "delete": (["unwanted"], {}, lambda reply: reply is None),
    "embed": (["all-minilm", ["a", "b"]], {}, lambda reply: [len(v) for v in reply.embeddings] == [384, 384]),
    "embeddings": (["all-minilm", "a"], {}, lambda reply: len(reply.embedding) == 384),
    "experimental.model_recommendations": ([], {}, lambda reply: reply.recommendations[0].model),
    "experimental.web_fetch": (["https://example.com"], {}, lambda reply: reply.title == "t"),
    "experimental.web_search": (["ollama"], {"max_results": 1}, lambda reply: reply.results[0].content == "c"),
    "generate": (["llama3.2", "Hi"], {}, lambda reply: reply.response == "Hello there"),
    "is_available": ([], {}, lambda reply: reply is True),
    "list_models": ([], {}, lambda reply: f"{SLASHES}" in [m.model for m in reply.models]),
    "list_running": ([], {}, lambda reply: isinstance(reply.models, list)),
    "me": ([], {}, lambda reply: reply.name == "Ada"),
    "pull": (["pulled"], {}, lambda reply: reply.status == "success"),
    "push": (["me/mine"], {}, lambda reply: reply.status == "success"),
    "show": (["llama3.2"], {}, lambda reply: "vision" in reply.capabilities),
    "signout": ([], {}, lambda reply: reply is None),
    "status": ([], {}, lambda reply: reply.cloud.disabled is False),
    "upload_blob": ([], {"content": b"abc"}, lambda reply: reply == DIGEST),
    "usage": ([], {"range": "24h"}, lambda reply: reply.totals.request_count == 4),
    "v1.audio.speech.create": (["llama3.2", "Hi"], {}, lambda reply: reply.head.headers["content-type"] == "audio/wav"),
    "v1.audio.transcriptions.create": (["llama3.2", SOUND], {}, lambda reply: reply.text == "Hello there"),
    "v1.chat.completions.create": (
        ["llama3.2", USER],
        {},
        lambda reply: reply.choices[0].message.content == "Hello there",
    ),
    "v1.completions.create": (["llama3.2", "Hi"], {}, lambda reply: reply.choices[0].text == "Hello there"),
    "v1.embeddings.create": (["all-minilm", "a"], {}, lambda reply: len(reply.data[0].embedding) == 384),
    "v1.messages.create": (["llama3.2", USER, 10], {}, lambda reply: reply.content[0].text == "Hello there"),
    "v1.models.list": ([], {}, lambda reply: SLASHES in [m.id for m in reply.data]),
    "v1.models.retrieve": (["llama3.2"], {}, lambda reply: reply.id == "llama3.2"),
    "v1.responses.create": (["llama3.2", "Hi"], {}, lambda reply: reply.output[0].content[0].text == "Hello there"),
    "v1.responses.compact": (["llama3.2", "Hi"], {}, lambda reply: reply.output[0].type == "compaction"),
    "v1.systemone.create": (
        ["llama3.2", "x", {"q": {"type": "noul", "instructions": "Is it?"}}],
        {},
        lambda reply: 0 <= reply.answers["q"].noul <= 1,
    ),
    "version": ([], {}, lambda reply: reply.version == DOCUMENT_VERSION),
    "web_fetch": (["https://example.com"], {}, lambda reply: reply.content == "c"),
    "web_search": (["ollama"], {}, lambda reply: reply.results[0].url == "https://example.com"),
}
CALLS = {name: call for name, call in CALLS.items() if name in OPERATIONS}
STREAMING = [name for name in CALLS if (how := OPERATIONS[name].streaming) and how.is_asked_for]
# What a signed-out server refuses is asked of one that agrees to everything.
CLOUD = {"me", "usage", "balance", "experimental.web_fetch", "experimental.web_search", "web_fetch", "web_search"}


@pytest.fixture(scope="module")
def emulator():
    with Emulator() as server:
        yield server


@pytest.fixture
def server(emulator):
    emulator.reset()
    for name, capabilities in MODELS.items():
        emulator.models.add(name, capabilities=capabilities)
    for name in ("unwanted", "me/mine"):
        emulator.models.add(name)
    emulator.reply("Hello", " there")
    return emulator


@pytest.fixture(scope="module")
def cloud():
    with Agreeing() as server:
        server.answers |= {
            "/api/me": {"id": "1", "name": "Ada", "email": "ada@example.com"},
            "/api/usage": {"range": "24h", "totals": {"request_count": 4}, "buckets": []},
            "/api/balance": {"included": {"balance_usd": 13.75}},
            "/api/experimental/web_search": server.answers["/api/web_search"],
            "/api/experimental/web_fetch": server.answers["/api/web_fetch"],
        }
        yield server


@pytest.fixture
def client(server):
    with Ollama(server.url) as client:
        yield client


def host_for(name, server, cloud):
    """The arguments of a client that can call this method."""
    if OPERATIONS[name].server:
        return {"host": "http://nowhere.invalid", "api_key": "key"}
    return {"host": cloud.url if name in CLOUD else server.url}


@pytest.mark.parametrize("name", CALLS)
def test_every_endpoint_answers_a_sync_client(name, server, cloud):
    arguments, options, right = CALLS[name]
    transport = Redirected(cloud.url) if OPERATIONS[name].server else None
    with Ollama(**host_for(name, server, cloud), transport=transport) as client:
        assert right(attrgetter(name)(client)(*arguments, **options))


@pytest.mark.parametrize("name", CALLS)
async def test_every_endpoint_answers_an_async_client(name, server, cloud):
    arguments, options, right = CALLS[name]
    transport = AsyncRedirected(cloud.url) if OPERATIONS[name].server else None
    async with AsyncOllama(**host_for(name, server, cloud), transport=transport) as client:
        assert right(await attrgetter(name)(client)(*arguments, **options))


@pytest.mark.parametrize("name", CALLS)
async def test_every_endpoint_can_show_status_and_headers(name, server, cloud):
    arguments, options, right = CALLS[name]
    transports = [Redirected, AsyncRedirected] if OPERATIONS[name].server else [lambda _: None] * 2
    with Ollama(**host_for(name, server, cloud), transport=transports[0](cloud.url)) as client:
        raw = attrgetter(name)(client.with_raw_response)(*arguments, **options)
    assert isinstance(raw, RawResponse)
    assert "date" in raw.headers
    assert right(raw.parsed)
    server.models.add("unwanted")
    async with AsyncOllama(**host_for(name, server, cloud), transport=transports[1](cloud.url)) as client:
        again = await attrgetter(name)(client.with_raw_response)(*arguments, **options)
    # A blob that is missing, and one that was there already, have statuses of their own.
    expected = {"blob_exists": (404, 404), "upload_blob": (201, 200)}.get(name, (200, 200))
    assert (raw.status_code, again.status_code) == expected


@pytest.mark.parametrize("name", STREAMING)
async def test_every_stream_adds_up_to_its_one_piece_reply(name, server):
    arguments, options, right = CALLS[name]
    with Ollama(server.url) as client:
        method = attrgetter(name)(client)
        with method(*arguments, **options, stream=True) as stream:
            items = list(stream)
        with method(*arguments, **options, stream=True) as stream:
            reply = stream.collect()
    async with AsyncOllama(server.url) as client:
        method = attrgetter(name)(client)
        async with await method(*arguments, **options, stream=True) as stream:
            async_items = [item async for item in stream]
        async with await method(*arguments, **options, stream=True) as stream:
            async_reply = await stream.collect()
    assert right(reply)
    assert right(async_reply)
    assert type(reply) is type(async_reply)
    assert len(items) > 1
    assert {type(item) for item in items} == {type(item) for item in async_items}
    assert len(server.requests) == 4
    assert all(request.wants_stream for request in server.requests)


@pytest.mark.parametrize("name", STREAMING)
def test_stream_false_is_sent_where_servers_stream_by_default(name, server, client):
    arguments, options, _ = CALLS[name]
    attrgetter(name)(client)(*arguments, **options)
    assert server.requests[-1].json["stream"] is False


# Metrics


@pytest.mark.parametrize(("name", "arguments"), [("chat", ["llama3.2", USER]), ("generate", ["llama3.2", "Hi"])])
def test_metrics_are_seconds_and_tokens_per_second(name, arguments, client):
    method = attrgetter(name)(client)
    reply = method(*arguments)
    metrics = reply.metrics
    assert metrics.tokens == reply.eval_count == 2
    assert metrics.seconds == pytest.approx(reply.eval_duration / 1e9)
    assert metrics.tokens_per_second == pytest.approx(reply.eval_count / (reply.eval_duration / 1e9))
    assert metrics.total_seconds == pytest.approx(reply.total_duration / 1e9)
    with method(*arguments, stream=True) as stream:
        first, *_, last = stream
    assert first.metrics.tokens_per_second is None
    assert last.metrics.tokens == 2


# Presence as a truth value


async def test_a_head_request_is_a_truth_value(server, client):
    assert client.blob_exists(DIGEST) is False
    client.upload_blob(content=b"abc")
    assert client.blob_exists(DIGEST) is True
    assert client.is_available() is True
    assert {request.method for request in server.requests if request.path != f"/api/blobs/{DIGEST}"} == {"HEAD"}
    async with AsyncOllama(server.url) as async_client:
        assert await async_client.blob_exists(DIGEST) is True
        assert await async_client.is_available() is True


async def test_a_server_that_is_not_there_is_not_available(emulator):
    with Ollama(emulator.url) as client, emulator.outage():
        assert client.is_available() is False
    async with AsyncOllama(emulator.url) as client:
        with emulator.outage():
            assert await client.is_available() is False


# Blobs


class Unseekable(io.RawIOBase):
    """A pipe, or a download: read once, from front to back."""

    def __init__(self, content):
        self._content = io.BytesIO(content)

    def readable(self):
        return True

    def seekable(self):
        return False

    def readinto(self, buffer):
        return self._content.readinto(buffer)


@pytest.fixture
def make_content(tmp_path):
    """Makes content of some kind, anew for each call: a file is used up by reading."""
    path = tmp_path / "blob"
    path.write_bytes(b"abc")
    with contextlib.ExitStack() as files:
        kinds = {
            "bytes": lambda: b"abc",
            "bytearray": lambda: bytearray(b"abc"),
            "path": lambda: path,
            "file": lambda: files.enter_context(path.open("rb")),
            "memory": lambda: io.BytesIO(b"abc"),
        }
        yield lambda kind: kinds[kind]()


@pytest.mark.parametrize("kind", ["bytes", "bytearray", "path", "file", "memory"])
async def test_blob_uploads_from_anything_with_or_without_digest(kind, make_content, server, client):
    assert client.upload_blob(content=make_content(kind)) == DIGEST
    assert server.requests[-1].headers["content-length"] == "3"
    assert client.upload_blob(DIGEST, make_content(kind)) == DIGEST
    async with AsyncOllama(server.url) as async_client:
        assert await async_client.upload_blob(content=make_content(kind)) == DIGEST
    assert [request.body for request in server.requests] == [b"abc"] * 3
    assert server.blobs.get(DIGEST) == b"abc"


async def test_unseekable_stream_is_uploaded_with_a_given_digest(server, client):
    assert client.upload_blob(DIGEST, Unseekable(b"abc")) == DIGEST
    async with AsyncOllama(server.url) as async_client:
        assert await async_client.upload_blob(DIGEST, Unseekable(b"abc")) == DIGEST
    assert [request.body for request in server.requests] == [b"abc"] * 2
    assert server.requests[0].headers["transfer-encoding"] == "chunked"


async def test_the_digest_of_a_stream_that_cannot_seek_must_be_given(server, client):
    with pytest.raises(ConfigurationError, match="digest"):
        client.upload_blob(content=Unseekable(b"abc"))
    async with AsyncOllama(server.url) as async_client:
        with pytest.raises(ConfigurationError, match="digest"):
            await async_client.upload_blob(content=Unseekable(b"abc"))
    assert not server.requests


def test_a_pipe_is_uploaded_as_it_fills(server, client):
    reading, writing = os.pipe()

    def fill():
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(b"abc")

    thread = threading.Thread(target=fill)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        client.upload_blob(DIGEST, pipe)
    thread.join()
    assert server.requests[0].body == b"abc"


def test_a_file_is_read_from_where_it_stands_and_left_open(server, client):
    file = io.BytesIO(b"header" + b"abc")
    file.seek(6)
    assert client.upload_blob(content=file) == DIGEST
    assert server.requests[0].body == b"abc"
    assert not file.closed


def test_a_wrong_digest_is_the_servers_to_refuse(client):
    with pytest.raises(BadRequestError):
        client.upload_blob(DIGEST, b"something else")


def test_what_cannot_be_uploaded_is_refused_before_any_request(server, client, tmp_path):
    with pytest.raises(ConfigurationError, match=r"content.*no\.gguf"):
        client.upload_blob(content=tmp_path / "no.gguf")
    with pytest.raises(ConfigurationError, match="content"):
        client.upload_blob(content=tmp_path)
    with pytest.raises(ConfigurationError, match="binary"):
        client.upload_blob(content=io.StringIO("abc"))
    with pytest.raises(ConfigurationError, match="content is a str"):
        client.upload_blob(content="a path?")
    with pytest.raises(ConfigurationError, match=r"file.*no\.wav"):
        client.v1.audio.transcriptions.create("llama3.2", tmp_path / "no.wav")
    assert not server.requests


@pytest.mark.parametrize("arguments", [[b"abc"], [DIGEST], []])
async def test_an_upload_without_its_content_says_how_to_give_it(arguments, server, client):
    advice = r"upload_blob\(content=\.\.\.\)"
    with pytest.raises(ConfigurationError, match=advice):
        client.upload_blob(*arguments)
    with pytest.raises(ConfigurationError, match=advice):
        list(map(client.upload_blob, [*arguments, None]))
    async with AsyncOllama(server.url) as async_client:
        with pytest.raises(ConfigurationError, match=advice):
            await async_client.upload_blob(*arguments)
    assert not server.requests


async def test_uploading_a_large_file_takes_little_memory(tmp_path, cloud):
    size = 64 << 20
    path = tmp_path / "model.gguf"
    with path.open("wb") as file:
        file.truncate(size)
    with Ollama(cloud.url) as client:
        client.version()
        tracemalloc.start()
        try:
            client.upload_blob(content=path)
            async with AsyncOllama(cloud.url) as async_client:
                await async_client.upload_blob(content=path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert [request.size for request in cloud.requests[-2:]] == [size, size]
    assert cloud.last.headers["content-length"] == str(size)
    assert peak < 8 << 20


# Answers that are no JSON


async def test_an_empty_answer_is_none(server, client):
    assert client.copy("llama3.2", "copied") is None
    assert client.delete("copied") is None
    assert client.with_raw_response.copy("llama3.2", "copied").headers["content-length"] == "0"
    async with AsyncOllama(server.url) as async_client:
        assert await async_client.delete("copied") is None


async def test_a_transcription_is_text_where_text_was_asked_for(server, client):
    for file in (SOUND, io.BytesIO(SOUND)):
        assert client.v1.audio.transcriptions.create("llama3.2", file, response_format="text") == "Hello there"
    assert client.v1.audio.transcriptions.create("llama3.2", SOUND) == types.TranscriptionResponse(text="Hello there")
    async with AsyncOllama(server.url) as async_client:
        create = async_client.v1.audio.transcriptions.create
        assert await create("llama3.2", SOUND, response_format="text") == "Hello there"


def test_a_recording_goes_as_a_form_under_its_own_name(tmp_path, cloud):
    path = tmp_path / "speech.wav"
    path.write_bytes(SOUND)
    with Ollama(cloud.url) as client:
        client.v1.audio.transcriptions.create("whisper", path, language="de", extra_body={"temperature": 0.5})
    assert cloud.last.headers["content-type"].startswith("multipart/form-data; boundary=")
    for part in (
        b'name="file"; filename="speech.wav"',
        SOUND,
        b'name="model"\r\n\r\nwhisper\r\n',
        b'name="language"\r\n\r\nde\r\n',
        b'name="temperature"\r\n\r\n0.5\r\n',
    ):
        assert part in cloud.last.body


async def test_embeddings_in_base64_are_the_same_floats(server, client):
    plain = client.v1.embeddings.create("all-minilm", ["a", "b"])
    packed = client.v1.embeddings.create("all-minilm", ["a", "b"], encoding_format="base64")
    async with AsyncOllama(server.url) as async_client:
        async_packed = await async_client.v1.embeddings.create("all-minilm", ["a", "b"], encoding_format="base64")
    for one, other, third in zip(plain.data, packed.data, async_packed.data, strict=True):
        assert other.embedding == pytest.approx(one.embedding, rel=1e-6)
        assert third.embedding == other.embedding
        assert {type(number) for number in other.embedding} == {float}
    assert plain.data[0].embedding != plain.data[1].embedding


@pytest.mark.parametrize("encoded", [True, False], ids=["in base64", "as numbers, which were not asked for"])
def test_an_array_asks_for_base64_and_takes_numbers_too(world, serve, encoded):
    vectors = [[0.5, -1.0, 0.25], [1.0, 2.0, 3.0]]
    packed = [b64encode(struct.pack("<3f", *vector)).decode() if encoded else vector for vector in vectors]
    answer = json.dumps({"data": [{"embedding": each} for each in packed]}).encode()
    server = serve(replies(whole(answer)))
    with world.client(server.url) as client:
        reply = client.v1.embeddings.create("all-minilm", ["a", "b"], encoding_format="array")
    assert server.requests[0].json["encoding_format"] == "base64"
    assert (reply.array().tolist(), reply.array().dtype, reply.buffer().tolist()) == (vectors, "float32", vectors)


@pytest.mark.parametrize(
    ("indexes", "vectors"),
    [([1, 0], [[2.0], [1.0]]), ([0, None], [[1.0], [2.0]]), (["1", 0], [[1.0], [2.0]]), ([0, 0], [[1.0], [2.0]])],
    ids=["in another order", "one without", "an odd one", "the same"],
)
def test_an_array_is_in_the_order_of_the_texts(world, serve, indexes, vectors):
    data = [{"index": index, "embedding": [number]} for index, number in zip(indexes, (1.0, 2.0), strict=True)]
    server = serve(replies(whole(json.dumps({"data": data}).encode())))
    with world.client(server.url) as client:
        reply = client.v1.embeddings.create("all-minilm", ["a", "b"])
    assert reply.array().tolist() == reply.buffer().tolist() == vectors


def embed_by(client, route):
    return client.embed if route == "embed" else client.v1.embeddings.create


def with_vectors(number):
    return whole(json.dumps({"embeddings": [[0.5]] * number, "data": [{"embedding": [0.5]}] * number}).encode())


@pytest.mark.parametrize("route", ["embed", "v1.embeddings.create"])
@pytest.mark.parametrize("number", [0, 1, 3])
def test_another_number_of_vectors_than_of_texts_is_refused(world, serve, route, number):
    server = serve(replies(with_vectors(number)))
    refused = pytest.raises(DecodeError, match=f"embed.*: input has 2 items and the reply {number}$")
    with world.client(server.url) as client, refused:
        embed_by(client, route)("m", ["a", "b"])


@pytest.mark.parametrize("route", ["embed", "v1.embeddings.create"])
@pytest.mark.parametrize("number", [0, 2])
def test_one_text_has_one_vector_unless_it_is_empty(world, serve, route, number):
    server = serve(replies(*[with_vectors(number)] * 3))
    with world.client(server.url) as client:
        assert len(embed_by(client, route)("m", "")) == number
        for more in ({}, {"extra_body": {"input": [101, 102]}}):
            with pytest.raises(DecodeError, match=f"embed.*: input has 1 item and the reply {number}$"):
                embed_by(client, route)("m", "one text", **more)


def test_texts_are_counted_without_parsing_the_body(serve, monkeypatch):
    parsed = []
    monkeypatch.setattr(request, "loads_tolerantly", lambda text: parsed.append(text) or loads_tolerantly(text))
    server = serve(replies(*[with_vectors(2)] * 4))
    with Ollama(server.url) as client:
        for more in ({}, {"extra_body": {"other": 1}}):
            client.embed("m", ["a", "b"], **more)
        client.embed("m", ("a", "b"))
        assert parsed == []
        client.embed("m", iter("ab"))
    assert len(parsed) == 1


@pytest.mark.parametrize("route", ["embed", "v1.embeddings.create"])
@pytest.mark.parametrize("sent", [{}, {"input": [101, 102]}, {"input": ["a"]}, {"input": [[101], [102]]}])
def test_the_vectors_are_counted_by_what_was_sent(world, serve, route, sent):
    texts = 2 if sent == {"input": [[101], [102]]} else 1
    server = serve(replies(with_vectors(texts)))
    with world.client(server.url) as client:
        assert len(embed_by(client, route)("m", ["a", "b"] if sent else "a", extra_body=sent)) == texts


def test_without_the_name_array_nothing_asks_for_base64(world):
    with Emulator(script={"models": [{"name": "e", "capabilities": ["embedding"]}]}) as emulator:
        with world.client(emulator.url) as client:
            plain = client.v1.embeddings.create("e", "a")
            assert client.v1.embeddings.create("e", "a", encoding_format="array").array() == pytest.approx(
                plain.array()
            )
            with pytest.raises(BadRequestError, match="hex"):
                client.v1.embeddings.create("e", "a", encoding_format="hex")
        asked = [request.json.get("encoding_format") for request in emulator.requests]
    assert asked == [None, "base64", "hex"]


# Names in paths


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        (SLASHES, "hf.co%2Forg%2Fmodel:Q4_K_M"),
        ("llama3.2", "llama3.2"),
        ("a b?c#d%e", "a%20b%3Fc%23d%25e"),
        ("modèle", "mod%C3%A8le"),
        ("..delete", "..delete"),
    ],
)
async def test_a_model_name_is_one_segment_of_the_path(name, segment, cloud):
    cloud.answers[f"/v1/models/{segment}"] = {"id": name, "object": "model", "created": 1, "owned_by": "library"}
    with Ollama(cloud.url) as client:
        assert client.v1.models.retrieve(name).id == name
    assert cloud.last.line == f"GET /v1/models/{segment} HTTP/1.1"
    async with AsyncOllama(cloud.url) as client:
        assert (await client.v1.models.retrieve(name)).id == name
    assert cloud.last.line == f"GET /v1/models/{segment} HTTP/1.1"


# The web


async def test_the_web_is_searched_at_its_own_host_with_the_key(cloud):
    with Ollama("http://gpu-1:1", api_key="key", transport=Redirected(cloud.url)) as client:
        client.web_search("ollama", max_results=2)
    assert (cloud.last.headers["host"], cloud.last.headers["authorization"]) == ("ollama.com", "Bearer key")
    assert cloud.last.json == {"query": "ollama", "max_results": 2}
    async with AsyncOllama("http://gpu-1:1", api_key="key", transport=AsyncRedirected(cloud.url)) as client:
        await client.web_fetch("https://example.com")
    assert (cloud.last.headers["host"], cloud.last.target) == ("ollama.com", "/api/web_fetch")


async def test_headers_of_the_server_do_not_go_to_the_search_host(cloud):
    mine = {"Authorization": "Basic gateway", "X-Gateway": "secret"}
    with Ollama("http://gpu-1:1", api_key="key", headers=mine, transport=Redirected(cloud.url)) as client:
        client.web_search("ollama")
        assert cloud.last.headers["authorization"] == "Bearer key"
        assert "x-gateway" not in cloud.last.headers
    async with AsyncOllama("https://ollama.com", headers=mine, transport=AsyncRedirected(cloud.url)) as client:
        await client.web_search("ollama")
    assert cloud.last.headers["x-gateway"] == "secret"


async def test_an_authorization_stands_for_the_key_at_the_search_host(cloud, monkeypatch):
    mine = {"Authorization": "Bearer mine", "X-Gateway": "secret"}
    for key in ["", "from-environment"]:
        monkeypatch.setenv("OLLAMA_API_KEY", key)
        with Ollama("http://gpu-1:1", headers=mine, transport=Redirected(cloud.url)) as client:
            client.web_search("ollama")
        assert cloud.last.headers["authorization"] == "Bearer mine"
        assert "x-gateway" not in cloud.last.headers
        async with AsyncOllama("http://gpu-1:1", transport=AsyncRedirected(cloud.url)) as client:
            await client.with_options(headers=mine).web_search("ollama")
        assert cloud.last.headers["authorization"] == "Bearer mine"


async def test_without_a_key_the_web_is_not_asked(cloud, monkeypatch):
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    before = len(cloud.requests)
    with Ollama(transport=Redirected(cloud.url)) as client:
        for call in (client.web_search, client.web_fetch, client.with_raw_response.web_search):
            with pytest.raises(ConfigurationError, match="OLLAMA_API_KEY"):
                call("https://example.com")
    async with AsyncOllama(transport=AsyncRedirected(cloud.url)) as client:
        with pytest.raises(ConfigurationError, match="api_key="):
            await client.web_search("ollama")
    assert len(cloud.requests) == before
