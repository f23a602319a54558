"""A raw view returns the status and the headers with what the plain method returns."""

from __future__ import annotations

import gzip
import inspect

import pytest

from ollama_sdk import AsyncOllama, NotFoundError, Ollama, RawResponse, Retry
from ollama_sdk.testing import Emulator
from tests.support.loopback import closed_port, replies, whole

pytestmark = pytest.mark.anyio
USER = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def server():
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion"])
        server.reply("Hello", " there")
        yield server


def test_raw_reply_has_status_headers_and_model(server):
    with Ollama(server.url) as client:
        raw = client.with_raw_response.chat("llama3.2", USER)
    assert isinstance(raw, RawResponse)
    assert (raw.status_code, raw.parsed.message.content) == (200, "Hello there")
    assert raw.headers["content-type"].startswith("application/json")


def test_raw_reply_has_its_body(world, serve):
    said, sound = '{"version": "1.2.3", "é": "\\u00e9"}', whole(b"RIFF", content_type="audio/wav")
    packed = whole(gzip.compress(said.encode()), content_encoding="gzip")
    server = serve(replies(whole(said.encode()), packed, whole(said.encode()), sound, whole(b"")))
    with world.client(server.url) as client:
        raw = client.with_raw_response
        for reply in (raw.version(), raw.version(), raw.request("GET", "/api/version")):
            assert (reply.content, reply.text) == (said.encode(), said)
        streamed = raw.v1.audio.speech.create("m", "Hi")
        assert (streamed.content, streamed.text, streamed.parsed.read()) == (None, None, b"RIFF")
        assert raw.delete("m").content == b""


def test_raw_reply_has_the_body_that_a_policy_has_read(world, serve):
    said = b'{"version": "1.2.3"}'
    server = serve(replies(whole(b"busy", 503), whole(said)))
    with world.client(server.url, retry=Retry(attempts=2, initial=0.001)) as client:
        assert client.with_raw_response.version().content == said


def test_unreachable_server_has_no_body(world):
    with world.client(f"http://127.0.0.1:{closed_port()}") as client:
        raw = client.with_raw_response.is_available()
    assert (raw.status_code, raw.parsed, raw.content, raw.text) == (0, False, None, None)


def test_the_repr_of_a_raw_reply_is_short(server):
    server.reply(*["long"] * 200)
    with Ollama(server.url) as client:
        raw = client.with_raw_response.chat("llama3.2", USER)
        assert len(repr(raw)) <= 300
        with client.chat("llama3.2", USER, stream=True) as stream:
            assert len(repr(stream.head)) <= 300
            assert len(repr(stream)) <= 300


def test_raw_replies_are_compared_by_what_was_parsed(server):
    with Ollama(server.url) as client:
        one, two = (client.with_raw_response.show("llama3.2") for _ in range(2))
    assert one == one  # noqa: PLR0124
    assert one != two
    assert one.parsed == two.parsed
    assert len({one, two}) == 2


def test_raw_stream_has_its_head_before_its_items(server):
    with Ollama(server.url) as client:
        raw = client.with_raw_response.chat("llama3.2", USER, stream=True)
        assert (raw.status_code, raw.headers["content-type"]) == (200, "application/x-ndjson")
        with raw.parsed as stream:
            assert "".join(part.message.content for part in stream) == "Hello there"


async def test_async_raw_stream_has_its_head_before_its_items(server):
    async with AsyncOllama(server.url) as client:
        raw = await client.with_raw_response.chat("llama3.2", USER, stream=True)
        assert (raw.status_code, raw.headers["content-type"]) == (200, "application/x-ndjson")
        async with raw.parsed as stream:
            assert (await stream.collect()).message.content == "Hello there"


def test_raw_methods_raise_what_plain_methods_raise(server):
    with Ollama(server.url) as client, pytest.raises(NotFoundError):
        client.with_raw_response.show("missing")
    with Ollama(server.url) as client, pytest.raises(TypeError, match="temperature"):
        client.with_raw_response.chat("llama3.2", USER, temperature=1)


@pytest.mark.parametrize("make", [Ollama, AsyncOllama])
def test_raw_methods_have_signature_and_docstring_of_plain_ones(make):
    client = make()
    for plain, raw in (
        (client.chat, client.with_raw_response.chat),
        (client.upload_blob, client.with_raw_response.upload_blob),
        (client.v1.chat.completions.create, client.with_raw_response.v1.chat.completions.create),
    ):
        assert inspect.signature(raw) == inspect.signature(plain)
        assert inspect.getdoc(raw) == inspect.getdoc(plain)
