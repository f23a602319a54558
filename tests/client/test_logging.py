"""One line a call at DEBUG on the logger ``ollama_sdk``, and nothing louder by itself."""

from __future__ import annotations

import gc
import logging
import re

import pytest

from ollama_sdk import OllamaError
from tests.support.loopback import PATIENCE, closed_port, head, replies, replies_and_closes, whole
from tests.support.streamed import LAST, ROUTES, chat_item, drain, streamed

_ONE_PIECE = whole(b'{"version":"1"}')
_STREAM = streamed(ROUTES["chat"], chat_item() + LAST)
_LINE = re.compile(r"(?P<method>[A-Z]+) (?P<path>/\S*) (?P<outcome>.+?) (?P<ms>[0-9.]+) ms (?P<items>[0-9]+) items?")


@pytest.fixture
def lines(caplog):
    """The lines so far, each taken apart; all of them are at DEBUG."""
    caplog.set_level(logging.DEBUG, logger="ollama_sdk")

    def read():
        records = [record for record in caplog.records if record.name.startswith("ollama_sdk")]
        assert all(record.levelno == logging.DEBUG and record.name == "ollama_sdk" for record in records)
        return [_LINE.fullmatch(record.getMessage()).groupdict() for record in records]

    return read


def test_a_call_in_one_piece_is_one_line(world, serve, lines):
    server = serve(replies(_ONE_PIECE))
    with world.client(server.url) as client:
        client.version()
    (line,) = lines()
    assert (line["method"], line["path"], line["outcome"]) == ("GET", "/api/version", "200")
    assert 0 < float(line["ms"]) < 5000


@pytest.mark.parametrize("how", ["iterated", "collected", "closed early", "dropped"])
def test_a_stream_is_one_line_at_its_end(world, serve, lines, how):
    server = serve(replies(_STREAM))
    with world.client(server.url) as client:
        stream = client.chat("m", [], stream=True)
        assert lines() == []
        if how == "iterated":
            drain(stream)
        elif how == "collected":
            stream.collect()
        elif how == "closed early":
            next(stream)
            stream.close()
        del stream
        gc.collect()
    (line,) = lines()
    assert (line["method"], line["path"]) == ("POST", "/api/chat")
    assert line["outcome"].startswith("200")
    assert int(line["items"]) == (0 if how == "dropped" else 2)


_FAILURES = {
    "404": (replies(whole(b'{"error":"x"}', 404)), "404"),
    "no response": (replies_and_closes(b""), "APIConnectionError"),
    "cut": (replies_and_closes(head(200, content_length=9)), "IncompleteReplyError"),
    "page": (replies(whole(b"<html>", content_type="text/html")), "200"),
    "unfinished": (replies(streamed(ROUTES["chat"], chat_item())), "200"),
    "silent": (lambda connection: (connection.request(), connection.watch()), "APITimeoutError"),
}


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
@pytest.mark.parametrize(("script", "outcome"), _FAILURES.values(), ids=_FAILURES)
def test_a_call_that_fails_is_one_line_too(world, serve, lines, script, outcome, stream):
    server = serve(script)
    limit = 0.1 if outcome == "APITimeoutError" else PATIENCE
    with world.client(server.url, timeout=limit) as client, pytest.raises(OllamaError):  # noqa: PT012
        reply = client.chat("m", [], stream=stream)
        if stream:
            list(reply)
    (line,) = lines()
    if not (stream and outcome == "IncompleteReplyError"):
        assert outcome in line["outcome"]


def test_an_unreachable_server_is_one_line(world, lines):
    with world.client(f"127.0.0.1:{closed_port()}") as client:
        client.is_available()
    (line,) = lines()
    assert "APIConnectionError" in line["outcome"]


def test_nothing_is_logged_above_debug_level(world, serve, caplog, capfd):
    caplog.set_level(logging.INFO)
    server = serve(replies(_ONE_PIECE, _STREAM))
    with world.client(server.url) as client:
        client.version()
        drain(client.chat("m", [], stream=True))
    with world.client(f"127.0.0.1:{closed_port()}") as client, pytest.raises(OllamaError):
        client.chat("m", [])
    assert [record for record in caplog.records if record.name.startswith(("ollama_sdk", "httpx", "httpcore"))] == []
    assert capfd.readouterr() == ("", "")


def test_questions_and_bodies_are_not_logged(world, serve, lines, caplog):
    server = serve(replies(_STREAM))
    with world.client(server.url) as client:
        drain(client.chat("m", [{"role": "user", "content": "between us"}], stream=True, extra_query={"q": "hush"}))
    assert lines()
    text = "".join(record.getMessage() for record in caplog.records if record.name == "ollama_sdk")
    assert "between us" not in text
    assert "hush" not in text
