"""Bars and lines that show how far a call is."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ollama_sdk import AsyncOllama, ConfigurationError, Ollama, ReplyFailedError
from ollama_sdk.progress import track, track_file
from ollama_sdk.testing import Emulator
from tests.support.loopback import Loopback, replies, whole

pytestmark = pytest.mark.anyio
PULL = [
    {"status": "pulling manifest"},
    {"status": "pulling aaa", "digest": "sha256:aaa", "total": 4_000},
    {"status": "pulling aaa", "digest": "sha256:aaa", "total": 4_000, "completed": 1_000},
    {"status": "pulling aaa", "digest": "sha256:aaa", "total": 4_000, "completed": 2_000},
    {"status": "pulling bbb", "digest": "sha256:bbb", "total": 50, "completed": 50},
    {"status": "pulling aaa", "digest": "sha256:aaa", "total": 4_000, "completed": 4_000},
    {"status": "pulling aaa", "digest": "sha256:aaa", "total": 4_000, "completed": 4_000},
    {"status": "verifying sha256 digest"},
    {"status": "verifying sha256 digest"},
    {"status": "success"},
]
RATE = r"(, [\d.]+ \w?B/s)?"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def pulling(serve):
    def start(items=PULL):
        body = b"".join(json.dumps(item).encode() + b"\n" for item in items)
        server: Loopback = serve(replies(whole(body, content_type="application/x-ndjson")))
        return server.url

    return start


def assert_lines(text):
    patterns = [
        "pulling manifest",
        r"pulling bbb: 50 B of 50 B \(100%\)",
        rf"pulling aaa: 4 kB of 4 kB \(100%\){RATE}",
        "verifying sha256 digest",
        "success",
    ]
    lines = text.splitlines()
    assert len(lines) == len(patterns), text
    for pattern, line in zip(patterns, lines, strict=True):
        assert re.fullmatch(pattern, line), line


def test_a_log_gets_one_line_per_layer_and_step(pulling, sync_client):
    log = io.StringIO()
    with sync_client(pulling()).pull("llama3.2", stream=True) as stream:
        items = list(track(stream, file=log, log_interval=1e9))
    assert [item.status for item in items] == [each["status"] for each in PULL]
    assert_lines(log.getvalue())


async def test_an_async_stream_is_tracked_alike(pulling):
    log = io.StringIO()
    async with AsyncOllama(pulling()) as client, await client.pull("llama3.2", stream=True) as stream:
        items = [item async for item in track(stream, file=log, log_interval=1e9)]
    assert len(items) == len(PULL)
    assert_lines(log.getvalue())


def test_a_log_shows_progress_at_its_interval(pulling, sync_client):
    log = io.StringIO()
    with sync_client(pulling()).pull("llama3.2", stream=True) as stream:
        list(track(stream, file=log, log_interval=0))
    assert log.getvalue().count("pulling aaa: 4 kB") == 1
    assert "pulling aaa: 2 kB of 4 kB (50%)" in log.getvalue()
    assert " left\n" in log.getvalue()


def test_a_terminal_shows_one_bar_per_layer(pulling, sync_client):
    terminal = Terminal()
    with sync_client(pulling()).pull("llama3.2", stream=True) as stream:
        list(track(stream, file=terminal))
    text = terminal.getvalue()
    assert "pulling manifest\n" in text
    assert re.search(r"pulling aaa: +25%.*1\.00k/4\.00k", text)  # what was there at the beginning is shown
    for layer, size in (("aaa", "4.00k/4.00k"), ("bbb", "50.0/50.0")):
        assert re.search(rf"pulling {layer}: 100%.*{size} \[.*B/s\]", text)
    assert text.count("success") == 1


def test_a_failure_ends_the_bars_and_reaches_the_caller(pulling, sync_client):
    log, seen = io.StringIO(), []
    with sync_client(pulling([*PULL[:4], {"error": "no space"}])).pull("llama3.2", stream=True) as stream:
        tracked = track(stream, file=log, log_interval=1e9)
        with pytest.raises(ReplyFailedError, match="no space"):
            seen.extend(tracked)
    assert re.search(r"pulling aaa: 2 kB of 4 kB \(50%\)", log.getvalue())


def test_leaving_the_block_ends_the_bars(pulling, sync_client):
    log = io.StringIO()
    with sync_client(pulling()).pull("llama3.2", stream=True) as stream:
        with track(stream, file=log, log_interval=1e9) as tracked:
            while next(tracked).completed != 2_000:
                pass
        assert log.getvalue().count("pulling aaa: 2 kB of 4 kB (50%)") == 1
        assert next(stream).status == "pulling bbb"  # the stream stays the caller's


def test_a_reply_in_one_piece_cannot_be_tracked(pulling, sync_client):
    reply = sync_client(pulling(PULL[-1:])).pull("llama3.2")
    with pytest.raises(ConfigurationError, match="items is of type ProgressResponse; give a stream"):
        track(reply)


async def test_a_call_that_was_not_awaited_cannot_be_tracked(pulling):
    async with AsyncOllama(pulling()) as client:
        call = client.pull("llama3.2", stream=True)
        with pytest.raises(ConfigurationError, match="items is of type coroutine; await it first"):
            track(call)
        call.close()


@pytest.mark.parametrize("content", ["model.gguf", b"GGUF", 5])
def test_what_is_no_file_cannot_be_tracked(content):
    with pytest.raises(ConfigurationError, match=r"content is of type \w+; give a pathlib.Path or a file"):
        track_file(content)


def test_a_file_in_text_mode_cannot_be_tracked(tmp_path: Path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    with path.open() as opened:
        for content in (opened, io.StringIO("GGUF")):
            with pytest.raises(ConfigurationError, match=r"give a pathlib.Path or a file opened in binary mode"):
                track_file(content)


def test_other_items_are_counted():
    log = io.StringIO()
    assert list(track(["a", "b"], file=log, log_interval=1e9)) == ["a", "b"]
    assert log.getvalue().startswith("2 items of 2 items (100%)")


@pytest.mark.parametrize("kind", ["path", "file"])
def test_an_upload_is_tracked_while_it_is_read(tmp_path: Path, kind: str):
    path, log = tmp_path / "model.gguf", io.StringIO()
    path.write_bytes(b"x" * 300_000)
    with Emulator() as server, Ollama(server.url) as client, path.open("rb") as opened:
        content = track_file(path if kind == "path" else opened, file=log, log_interval=1e9)
        digest = client.upload_blob(content=content)
        assert server.blobs.get(digest) == path.read_bytes()
        content.close()
        assert opened.closed is False
    lines = log.getvalue().splitlines()
    assert len(lines) == 2  # read for the digest, then sent
    assert all(line.startswith("model.gguf: 300 kB of 300 kB (100%)") for line in lines)


def test_a_pull_of_the_emulator_is_tracked():
    log = io.StringIO()
    with Emulator() as server, Ollama(server.url) as client, client.pull("llama3.2", stream=True) as stream:
        list(track(stream, file=log))
    assert "(100%)" in log.getvalue()
    assert log.getvalue().endswith("success\n")


def test_a_terminal_without_tqdm_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ConfigurationError, match=r"ollama-sdk\[progress\]"):
        track(list[int](), file=Terminal())
    with pytest.raises(ConfigurationError, match="cannot open"):
        track_file(Path("/nowhere/at/all"), file=io.StringIO())


def test_tqdm_is_loaded_only_where_bars_are_drawn():
    code = (
        "import io, sys; from ollama_sdk.progress import track; list(track([1], file=io.StringIO()));"
        "print([name for name in sys.modules if name.partition('.')[0] in {'tqdm', 'rich', 'httpx', 'attr'}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout == "[]\n"
