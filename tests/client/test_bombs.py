"""Limits count bytes after decompression; what is longer ends early, and what is corrupt is a DecodeError."""

from __future__ import annotations

import gc
import gzip
import importlib
import json
import random
import tracemalloc
import zlib

import pytest

from ollama_sdk import AsyncOllama, ConfigurationError, DecodeError, InternalServerError, Ollama, OllamaError
from ollama_sdk._coding import SLICE, CodingError, decoder_of
from tests.support.library import library
from tests.support.loopback import head, replies, replies_and_closes, whole
from tests.support.streamed import LAST, chat_item, drain

_GOOD = chat_item("Hi", done=True, done_reason="stop").strip()
_ZEROS = 2**30
_MOST_MEMORY = 48 * 2**20


def _gzip_bomb(before=b"", size=_ZEROS):
    """About a megabyte that stands for a gigabyte."""
    compress = zlib.compressobj(9, wbits=31)
    block = b"0" * 2**20
    pieces = [
        compress.compress(before),
        *(compress.compress(block) for _ in range(size // len(block))),
        compress.flush(),
    ]
    return b"".join(pieces)


@pytest.fixture(scope="module")
def bomb():
    return _gzip_bomb(b'{"model":"')


def _peak(work):
    """The most memory that ``work`` has held at once, and what it returned."""
    gc.collect()
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _fails(client, *, stream=False):
    try:
        reply = client.chat("m", [], stream=stream)
        drained = drain(reply) if stream else ([], None)
    except OllamaError as error:
        return error
    return drained[1]


def test_compressed_error_body_is_read_up_to_a_megabyte(world, serve, bomb):
    server = serve(replies_and_closes(whole(bomb, 500, content_encoding="gzip")))
    with world.client(server.url) as client:
        error, peak = _peak(lambda: _fails(client))
    assert isinstance(error, InternalServerError)
    assert len(error.response.content) <= 2**20 + SLICE
    assert peak < _MOST_MEMORY


@pytest.mark.parametrize("length", [True, False], ids=["compressed", "plain"])
def test_reply_longer_than_max_body_bytes_is_a_decode_error(world, serve, bomb, length):
    answer = whole(bomb, content_encoding="gzip") if length else head(200) + b'{"model":"' + b"0" * 2**24
    server = serve(replies_and_closes(answer))
    with world.client(server.url, max_body_bytes=2**20) as client:
        error, peak = _peak(lambda: _fails(client))
    assert isinstance(error, DecodeError)
    assert "longer than 1,048,576 bytes" in str(error)
    assert "max_body_bytes" in str(error)
    assert peak < _MOST_MEMORY


def test_compressed_stream_obeys_max_item_bytes(world, serve, bomb):
    server = serve(replies_and_closes(whole(bomb, content_encoding="gzip")))
    with world.client(server.url, max_item_bytes=2**20) as client:
        error, peak = _peak(lambda: _fails(client, stream=True))
    assert isinstance(error, DecodeError)
    assert "max_item_bytes" in str(error)
    assert peak < _MOST_MEMORY


def _codings():
    yield "gzip", gzip.compress
    yield "deflate", zlib.compress
    yield "deflate", lambda data: zlib.compress(data, wbits=-15)
    yield "gzip, deflate", lambda data: zlib.compress(gzip.compress(data))
    yield "identity", lambda data: data
    for name, module, compress in (
        ("br", "brotli", lambda library, data: library.compress(data)),
        ("zstd", "zstandard", lambda library, data: library.ZstdCompressor().compress(data)),
    ):
        try:
            library = importlib.import_module(module)
        except ImportError:
            continue
        yield name, lambda data, library=library, compress=compress: compress(library, data)


_CODINGS = list(_codings())


@pytest.mark.parametrize(("name", "compress"), _CODINGS, ids=[name for name, _ in _CODINGS])
def test_compressed_replies_streams_and_errors_are_read(world, serve, name, compress):
    stream = chat_item("Hi") + LAST
    server = serve(
        replies(
            whole(compress(_GOOD), content_encoding=name),
            whole(compress(stream), content_encoding=name),
            whole(compress(b'{"error":"boom"}'), 500, content_encoding=name),
        )
    )
    with world.client(server.url) as client:
        assert client.chat("m", []).message.content == "Hi"
        assert client.chat("m", [], stream=True).collect().message.content == "Hi"
        error = _fails(client)
    assert error.message == "boom"
    assert "content-encoding" not in error.response.headers


@pytest.mark.parametrize(("name", "compress"), [each for each in _CODINGS if each[0] != "identity"])
@pytest.mark.parametrize("damage", ["other", "cut", "altered"])
@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
def test_corrupt_encoding_is_a_decode_error(world, serve, name, compress, damage, stream):
    text = chat_item("".join(random.Random(7).choices("abcdef", k=2000))) + (b"" if stream else b" ")
    good = compress(text if stream else text.strip())
    altered = good[: len(good) // 2] + bytes(255 - each for each in good[len(good) // 2 :])
    bad = {"other": b"<html>" + text, "cut": good[:-6], "altered": altered}[damage]
    server = serve(replies_and_closes(whole(bad, content_encoding=name)))
    with world.client(server.url) as client:
        error = _fails(client, stream=stream)
    assert isinstance(error, DecodeError)
    assert "does not match its Content-Encoding" in str(error)


def test_unknown_encoding_is_named(world, serve):
    server = serve(replies(whole(b"?", content_encoding="lzma"), whole(b"?", 502, content_encoding="lzma")))
    with world.client(server.url) as client:
        assert "'lzma'" in str(_fails(client))
        assert isinstance(_fails(client), InternalServerError)


@pytest.mark.parametrize("how", ["own transport", "http client"])
def test_leaving_a_compressed_stream_early_warns_nowhere(world, serve, how, recwarn):
    if world.kind == "trio" and how == "http client":
        pytest.skip("httpx nests generators of its own, which it does not close")
    gc.collect()
    recwarn.clear()  # of what other tests left behind
    body = gzip.compress(b"".join(chat_item(str(number)) for number in range(5000)) + LAST)
    server = serve(replies_and_closes(whole(body, content_encoding="gzip", connection="close")))
    with world.http_client() as http_client:
        options = {"http_client": http_client} if how == "http client" else {}
        with world.client(server.url, **options) as client:
            stream = client.chat("m", [], stream=True)
            next(stream)
            stream.close()
            del stream
            stream = client.chat("m", [], stream=True)
            next(stream)
            del stream
            gc.collect()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_limits_are_checked_and_kept_by_views_and_pickles():
    for kind in (Ollama, AsyncOllama):
        with pytest.raises(ConfigurationError, match="max_body_bytes=0"):
            kind(max_body_bytes=0)
        client = kind(max_body_bytes=5).with_options(max_item_bytes=6)
        assert (client._runtime.settings.max_body_bytes, client._runtime.settings.max_item_bytes) == (5, 6)
        assert client.with_options(max_body_bytes=7)._runtime.settings.max_body_bytes == 7


def test_policies_see_decoded_bytes_and_the_limit(world, serve, bomb):
    from ollama_sdk import Cache, Retry

    good = b'{"model":"m","embeddings":[[1.0]]}'
    server = serve(replies(whole(gzip.compress(good), content_encoding="gzip"), whole(bomb, content_encoding="gzip")))
    with world.client(server.url, retry=Retry(), cache=Cache(), max_body_bytes=2**20) as client:
        for _ in range(2):
            assert client.embed("m", "a").embeddings == [[1.0]]
        with pytest.raises(DecodeError, match="max_body_bytes"):
            client.embed("m", "b")
    assert len(server.requests) == 2


@pytest.mark.parametrize(("name", "compress"), _CODINGS)
def test_each_step_of_decoding_is_small(name, compress):
    decoder = decoder_of(name)
    if decoder is None:
        assert name == "identity"
        return
    largest = {"zstd": 16 * 2**20, "br": 4 * SLICE}.get(name, SLICE)  # those libraries are bounded loosely
    data = json.dumps("0" * 2**24).encode()
    total = 0
    for piece in decoder.feed(compress(data)):
        assert len(piece) <= largest
        total += len(piece)
    decoder.end()
    assert total == len(data)


def test_decoder_takes_members_padding_and_single_bytes():
    decoder = decoder_of("gzip")
    data = gzip.compress(b"one") + gzip.compress(b"two") + b"\0\0"
    assert b"".join(piece for each in data for piece in decoder.feed(bytes([each]))) == b"onetwo"
    decoder.end()
    with pytest.raises(CodingError):
        decoder_of("gzip").end() or list(decoder_of("gzip").feed(b"no"))


def test_httpx_transport_obeys_the_limits_too(serve, bomb):
    server = serve(replies_and_closes(whole(bomb, 500, content_encoding="gzip")))
    with library.HTTPTransport() as transport, Ollama(server.url, transport=transport) as client:
        error, peak = _peak(lambda: _fails(client))
    assert isinstance(error, InternalServerError)
    assert peak < _MOST_MEMORY


def test_items_before_a_corrupt_place_are_delivered(world, serve):
    good = gzip.compress(b"".join(chat_item(f"{number}{'x' * 2000}") for number in range(500)))
    server = serve(replies_and_closes(whole(good[: len(good) - 9], content_encoding="gzip")))
    with world.client(server.url) as client:
        items, error = drain(client.chat("m", [], stream=True))
    assert len(items) == 500
    assert isinstance(error, DecodeError)
