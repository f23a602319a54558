"""Streams of bytes: every way to take them, and every way in which a transfer can end badly."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from ollama_sdk import (
    APITimeoutError,
    ByteStream,
    DecodeError,
    IncompleteReplyError,
    NotFoundError,
    RateLimit,
    ReplyFailedError,
    Retry,
    Timeout,
)
from tests.support.loopback import END, chunk, chunked, head, replies, replies_and_closes, replies_and_resets, whole
from tests.support.streamed import drain

WAV = "audio/wav"
PARTS = (b"RIFF\xff\xff\xff\xff", b"WAVE", bytes(range(256)) * 300)
SOUND = b"".join(PARTS)
GOOD = chunked(WAV, *PARTS) + END
BROKEN = chunked(WAV, *PARTS)


def speak(client: Any, **more: Any) -> Any:
    return client.v1.audio.speech.create("phonon", "The kettle is on.", **more)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_request_asks_for_any_content_and_has_no_stream_field(world, serve):
    server = serve(replies(GOOD))
    with world.client(server.url) as client, speak(client, voice="Freya", extra_body={"speed": 2}) as sound:
        assert sound.read() == SOUND
    [sent] = server.requests
    assert sent.json == {"model": "phonon", "input": "The kettle is on.", "voice": "Freya", "speed": 2}
    assert sent.headers["accept"] == "*/*"
    assert sent.headers["accept-encoding"] == "identity"


def test_chunks_arrive_before_the_next_one_exists(world, serve):
    go = threading.Event()

    def script(connection):
        connection.answer(chunked(WAV, b"one"))
        connection.wait(go)
        connection.send(chunk(b"two") + END)
        connection.watch()

    server = serve(script)
    with world.client(server.url) as client, speak(client) as sound:
        assert sound.head.headers["content-type"] == WAV
        assert next(sound) == b"one"
        go.set()
        assert b"".join(sound) == b"two"
        assert sound.state == "finished"
        assert sound.read() == b""


@pytest.mark.parametrize("response", [GOOD, whole(SOUND, content_type=WAV), whole(SOUND, content_type=None)])
def test_reading_returns_what_was_not_taken(world, serve, response):
    server = serve(replies(response, response))
    with world.client(server.url) as client:
        with speak(client) as sound:
            first = next(sound)
            assert first + sound.read() == SOUND
        with speak(client) as sound:  # on the same connection
            assert sound.collect() == SOUND
    assert len(server.requests) == 2


@pytest.mark.parametrize("empty", [whole(b"", content_type=WAV), chunked(WAV) + END, whole(b"", content_type=None)])
def test_empty_body_is_an_incomplete_reply(world, serve, tmp_path, empty):
    server = serve(replies(empty, empty, empty, GOOD))
    with world.client(server.url) as client:
        with pytest.raises(IncompleteReplyError, match="the body ended before the first byte") as caught:
            speak(client).read()
        assert (caught.value.items, caught.value.partial) == (0, b"")
        with pytest.raises(IncompleteReplyError):
            list(speak(client))
        with pytest.raises(IncompleteReplyError):
            speak(client).save(tmp_path / "silence.wav")
        assert speak(client).read() == SOUND
    assert names_in(tmp_path) == []


def test_empty_body_of_an_unknown_route_is_no_bytes(world, serve, tmp_path):
    server = serve(replies(whole(b"", content_type=WAV), chunked("application/octet-stream") + END))
    with world.client(server.url) as client:
        assert client.request("GET", "/file", stream="bytes").read() == b""
        assert client.request("GET", "/file", stream="bytes").save(tmp_path / "file") == 0
    assert (tmp_path / "file").read_bytes() == b""


def test_saving_replaces_the_file_and_leaves_no_other(world, serve, tmp_path):
    target = tmp_path / "kettle.wav"
    target.write_bytes(b"old")
    server = serve(replies(GOOD, GOOD))
    with world.client(server.url) as client:
        assert speak(client).save(target) == len(SOUND)
        assert target.read_bytes() == SOUND
        assert speak(client).save(os.fspath(tmp_path / "second.wav")) == len(SOUND)
    assert names_in(tmp_path) == ["kettle.wav", "second.wav"]


def test_saving_writes_through_a_link_and_with_usual_permissions(sync_client, serve, tmp_path):
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    (tmp_path / "plain").write_bytes(b"")
    speak(sync_client(serve(replies(GOOD)).url)).save(tmp_path / "link.wav")
    assert (tmp_path / "link.wav").is_symlink()
    assert (tmp_path / "real.wav").read_bytes() == SOUND
    assert (tmp_path / "real.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(replies_and_closes(BROKEN), id="chunked, closed"),
        pytest.param(replies_and_closes(BROKEN + b"5\r\nab"), id="in the middle of a chunk"),
        pytest.param(replies_and_closes(head(200, WAV, content_length=len(SOUND) + 1) + SOUND), id="too short"),
        pytest.param(replies_and_closes(BROKEN + b"nonsense\r\n"), id="malformed"),
    ],
)
def test_broken_transfer_is_an_incomplete_reply(world, serve, tmp_path, script):
    target = tmp_path / "kettle.wav"
    target.write_bytes(b"old")
    server = serve(script)
    with world.client(server.url) as client:
        with pytest.raises(IncompleteReplyError, match="bytes") as error:
            speak(client).read()
        assert error.value.partial[: len(SOUND)] == SOUND
        stream = speak(client)
        with pytest.raises(IncompleteReplyError) as error:
            stream.save(target)
        assert stream.state == "failed"
        assert error.value.partial is None  # what was taken is not kept
    assert target.read_bytes() == b"old"
    assert names_in(tmp_path) == ["kettle.wav"]


def test_iteration_delivers_bytes_before_it_raises(world, serve):
    server = serve(replies_and_closes(BROKEN))
    with world.client(server.url) as client, speak(client) as sound:
        taken, error = drain(sound)
        assert b"".join(taken) == SOUND
        assert isinstance(error, IncompleteReplyError)
        assert "/v1/audio/speech: the connection was lost before the end, after 76812 bytes" in str(error)


def test_reset_after_the_last_byte_is_no_failure(world, serve):
    gone = threading.Event()
    server = serve(replies_and_resets(GOOD, gone))
    with world.client(server.url) as client, speak(client) as sound:
        assert sound.read() == SOUND
        gone.set()


def test_silence_between_bytes_ends_in_a_timeout(world, serve, tmp_path):
    server = serve(replies(BROKEN))
    limits = Timeout(between_items=0.1, first_item=60, total=60)
    with world.client(server.url, timeout=limits) as client, pytest.raises(APITimeoutError):
        speak(client).save(tmp_path / "kettle.wav")
    assert names_in(tmp_path) == []


def test_cancelling_wakes_a_reader_and_saves_nothing(serve, sync_client, tmp_path):
    server = serve(replies(BROKEN))
    stream = speak(sync_client(server.url))
    threading.Timer(0.05, stream.cancel).start()
    with pytest.raises(IncompleteReplyError, match="cancelled"):
        stream.save(tmp_path / "kettle.wav")
    assert server.hung_up()
    assert names_in(tmp_path) == []


def test_leaving_the_block_closes_the_connection(world, serve):
    server = serve(replies(BROKEN))
    with world.client(server.url) as client:
        with speak(client) as sound:
            next(sound)
        assert server.hung_up()
        assert sound.state == "closed"


def test_pause_holds_bytes_back(sync_client, serve):
    with speak(sync_client(serve(replies(GOOD)).url)) as sound:
        next(sound)
        sound.pause()
        assert sound.state == "paused"
        sound.resume()
        assert sound.read()


def test_file_that_cannot_be_written_closes_the_stream(world, serve, tmp_path):
    server = serve(replies_and_closes(BROKEN))
    with world.client(server.url) as client:
        for path in (tmp_path / "nowhere" / "kettle.wav", tmp_path):
            stream = speak(client)
            with pytest.raises(OSError, match=f"'{re.escape(str(path))}'$"):
                stream.save(path)
            assert stream.state == "closed"
    assert names_in(tmp_path) == []


def test_error_status_is_raised_by_the_call(world, serve):
    body = b'{"error":{"message":"model \'phonon\' not found","type":"not_found_error"}}'
    server = serve(replies(whole(body, 404)))
    with world.client(server.url) as client, pytest.raises(NotFoundError, match="model 'phonon' not found"):
        speak(client)


def test_json_or_a_page_is_not_taken_for_sound(world, serve):
    page = whole(b"<html>log in</html>", content_type="text/html")
    server = serve(replies(whole(b'{"error":"no voice"}'), whole(b"{}"), page))
    with world.client(server.url) as client:
        with pytest.raises(ReplyFailedError, match="no voice"):
            speak(client)
        for expected in ("bytes are due", "log in"):
            with pytest.raises(DecodeError, match=expected):
                speak(client)


def test_raw_response_has_the_head_and_the_stream(sync_client, serve):
    raw = speak(sync_client(serve(replies(GOOD)).url).with_raw_response)
    assert (raw.status_code, raw.headers["content-type"]) == (200, WAV)
    assert isinstance(raw.parsed, ByteStream)
    assert raw.parsed.read() == SOUND


def test_stream_passes_through_every_policy(world, serve):
    server = serve(replies(whole(b"busy", 503), GOOD))
    policies = {"retry": Retry(attempts=2, initial=0.001), "rate_limit": RateLimit(concurrent=1)}
    with world.client(server.url, **policies) as client:
        assert speak(client).read() == SOUND
    assert len(server.requests) == 2
