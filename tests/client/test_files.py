"""Files are regular ones, read to the end that their size says and never on an event loop; names stay in their path."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from ollama_sdk import ConfigurationError
from ollama_sdk._call.uploads import Upload
from tests.support.loopback import Connection, replies, whole

_MESSAGE = {"role": "assistant", "content": "Hi"}
_REPLY = whole(json.dumps({"model": "m", "message": _MESSAGE, "response": "", "text": "", "done": True}).encode())
_DIGEST = "sha256:" + "0" * 64


def _answering(connection: Connection):
    while True:
        connection.answer(_REPLY)


@pytest.fixture
def odd_paths(tmp_path):
    """Paths to what is no regular file, by what a message says of them."""
    pipe, bound = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bound))
        yield {
            "a device": Path("/dev/zero"),
            "a pipe": pipe,
            "a socket": bound,
            "a directory": tmp_path,
            "No such file": tmp_path / "none",
            "null": Path("a\0b"),
            "more than 0 bytes, its size": Path("/proc/self/status"),
        }


def _calls(client, file):
    """Every way in which a file is given."""
    message = {"role": "user", "content": "x", "images": [file]}
    return {
        "chat": lambda: client.chat("m", [message]),
        "streamed chat": lambda: client.chat("m", [message], stream=True),
        "generate": lambda: client.generate("m", prompt="x", images=[file]),
        "blob": lambda: client.upload_blob(content=file, digest=_DIGEST),
        "blob without a digest": lambda: client.upload_blob(content=file),
        "transcription": lambda: client.v1.audio.transcriptions.create("m", file=file),
    }


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_what_is_no_regular_file_is_refused_by_name(world, serve, odd_paths):
    server = serve(_answering)
    with world.client(server.url) as client:
        for said, path in odd_paths.items():
            for name, call in _calls(client, path).items():
                with pytest.raises(ConfigurationError) as caught:
                    call()
                assert said in str(caught.value), name
                assert repr(str(path)) in str(caught.value), name
    assert [request for request in server.requests if request.body and b"images" in request.body] == []


def test_opened_device_is_refused(world, serve):
    server = serve(_answering)
    with world.client(server.url) as client, Path("/dev/zero").open("rb") as device:
        for call in _calls(client, device).values():
            with pytest.raises(ConfigurationError, match="/dev/zero"):
                call()


def test_regular_files_and_opened_pipes_are_sent(world, serve, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(b"x" * 3_000_000)
    server = serve(_answering)
    with world.client(server.url) as client:
        for call in _calls(client, path).values():
            call()
        read, write = os.pipe()
        os.write(write, b"piped")
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            client.upload_blob(content=pipe, digest=_DIGEST)
    assert server.requests[-1].body == b"piped"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert any(digest in request.target and request.size == 3_000_000 for request in server.requests)


@pytest.mark.parametrize("change", ["grows", "shrinks", "vanishes", "becomes a pipe"])
def test_file_that_changes_while_it_is_sent_is_named(world, serve, tmp_path, monkeypatch, change):
    path = tmp_path / "blob"
    path.write_bytes(b"x" * 3_000_000)

    def altered(digest):
        def compute(upload):
            result = digest(upload)
            if change == "grows":
                path.write_bytes(b"x" * 3_000_001)
            elif change == "shrinks":
                path.write_bytes(b"x" * 2_000_000)
            else:
                path.unlink()
            if change == "becomes a pipe":
                os.mkfifo(path)
            return result

        return compute

    monkeypatch.setattr(Upload, "digest", altered(Upload.digest))
    server = serve(lambda connection: connection.watch(), _answering)
    with world.client(server.url) as client:
        with pytest.raises(ConfigurationError) as caught:
            client.upload_blob(content=path)
        assert repr(str(path)) in str(caught.value)
        assert client.chat("m", []).message.content == "Hi"


class _Failing(io.RawIOBase):
    name = "/mnt/broken"

    def readable(self):
        return True

    def seekable(self):
        return False

    def readinto(self, _):
        raise OSError(5, "Input/output error")


def test_file_whose_reading_fails_is_named(world, serve):
    server = serve(lambda connection: connection.watch())
    with world.client(server.url) as client:
        for call in (
            lambda: client.upload_blob(content=_Failing(), digest=_DIGEST),
            lambda: client.generate("m", prompt="x", images=[_Failing()]),
        ):
            with pytest.raises(ConfigurationError, match=r"/mnt/broken.*Input/output error"):
                call()


class _Watching(io.BytesIO):
    """Notes in which thread it is read."""

    def __init__(self, data, threads):
        super().__init__(data)
        self._threads = threads

    def read(self, size=-1):
        self._threads.add(threading.get_ident())
        return super().read(size)


@pytest.mark.anyio
async def test_no_file_is_read_on_the_event_loop(serve, tmp_path, monkeypatch):
    from ollama_sdk import AsyncOllama, _files
    from ollama_sdk._concurrency.loops import leave_loop

    path = tmp_path / "picture"
    path.write_bytes(b"x")
    threads: set[int] = set()
    opening = _files.open_regular

    def noted(*arguments):
        leave_loop()
        threads.add(threading.get_ident())
        return opening(*arguments)

    monkeypatch.setattr(_files, "open_regular", noted)
    server = serve(_answering)
    async with AsyncOllama(server.url, timeout=60) as client:
        for given in (lambda: path, lambda: _Watching(b"x", threads)):
            for name in _calls(client, None):
                await _calls(client, given())[name]()
        await client.chat("m", ({"role": "user", "content": "x", "images": [path]} for _ in range(2)))
    assert threads
    assert threading.get_ident() not in threads
    assert server.requests[-1].json["messages"][1]["images"] == ["eA=="]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/..", "../a", "a/./b", "a//b", "/a", "a/", "..\\a", "%2e%2e", "a%2F..%2Fb"]
)
def test_no_name_leaves_its_path(world, serve, name):
    server = serve(replies(_REPLY))
    with world.client(server.url) as client:
        for call in (
            lambda: client.upload_blob(content=b"x", digest=name),
            lambda: client.blob_exists(name),
            lambda: client.v1.models.retrieve(name),
        ):
            with pytest.raises(ConfigurationError, match="name"):
                call()
    assert server.requests == []
