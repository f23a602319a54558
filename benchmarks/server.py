"""Answers like Ollama from prepared bytes, one HTTP chunk per item, so that the server costs the client no time.

The model name selects the answer:

- ``20000x100`` is a stream of 20,000 items whose texts are 100 bytes long, as fast as the client takes them.
- ``100x1000/s`` is a stream of 100 items, 1,000 a second, and of its end.
- ``20@100`` is a stream of 20 items a second that ends when the client hangs up. Its first item comes with the head; the
  others begin when 100 such streams are open, each at its own phase of the interval, and are never less than that apart. The text of an item is the time at
  which it was sent, in nanoseconds of the monotonic clock.

``GET /connections`` returns how many connections were accepted so far. As Go's server does, a body is sent with its length
up to 2,048 bytes, and as one chunk beyond.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import heapq
import json
import os
import re
import resource
import struct
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_WHEN = "2026-11-21T12:00:00.123456789Z"
_COUNTERS = {
    "total_duration": 4_935_886_791,
    "load_duration": 534_986_708,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 107_345_000,
    "eval_count": 298,
    "eval_duration": 4_289_432_000,
}
_BLOCK_BYTES = 1 << 18
_LENGTH_UP_TO = 2048
HOSTS = 100  # addresses that the server listens on
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: "


def _json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _whole(data: object) -> bytes:
    body = _json(data)
    head = _OK + b"application/json; charset=utf-8\r\n"
    if len(body) <= _LENGTH_UP_TO:
        return head + b"content-length: %d\r\n\r\n" % len(body) + body
    return head + b"transfer-encoding: chunked\r\n\r\n" + _chunk(body) + _chunk(b"")


# Streams: the head, one item, and the end


def _chat_item(text: str, **fields: object) -> bytes:
    message = {"role": "assistant", "content": text}
    return _chunk(
        _json({"model": "llama3.2", "created_at": _WHEN, "message": message, "done": False, **fields}) + b"\n"
    )


def _ndjson(text: str) -> tuple[bytes, bytes, bytes]:
    last = _chat_item("", done=True, done_reason="stop", **_COUNTERS)
    return _OK + b"application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n", _chat_item(text), last + _chunk(b"")


def _event(text: str | None) -> bytes:
    delta = {} if text is None else {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": "stop" if text is None else None}
    frame = {
        "id": "chatcmpl-298",
        "object": "chat.completion.chunk",
        "created": 1_795_262_400,
        "model": "llama3.2",
        "system_fingerprint": "fp_ollama",
        "choices": [choice],
    }
    return _chunk(b"data: " + _json(frame) + b"\n\n")


def _sse(text: str) -> tuple[bytes, bytes, bytes]:
    end = _event(None) + _chunk(b"data: [DONE]\n\n") + _chunk(b"")
    return _OK + b"text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n", _event(text), end


# Paced streams

_GOLDEN = 0.618034  # its multiples, modulo 1, are spread evenly


class _Pacer:
    """Sends the items of all paced streams, in a thread of its own, so that a millisecond is a millisecond."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, _Paced]] = []
        self._waiting: dict[int, list[_Paced]] = defaultdict(list)
        self._changed = threading.Condition()
        self._count = 0
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, stream: _Paced, together: int) -> None:
        """Send the items of a stream as soon as ``together`` such streams are open."""
        waiting = self._waiting[together]
        waiting.append(stream)
        if len(waiting) < together:
            return
        del self._waiting[together]
        now = time.monotonic()
        with self._changed:
            for number, one in enumerate(waiting):
                self._count += 1
                heapq.heappush(self._due, (now + one.interval * (1 + number * _GOLDEN % 1), self._count, one))
            self._changed.notify()

    def drop(self, stream: _Paced, together: int) -> None:
        """Forget a stream that is about to be closed."""
        stream.close()
        if stream in self._waiting.get(together, ()):
            self._waiting[together].remove(stream)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due:
                    self._changed.wait()
                due, number, stream = self._due[0]
                wait = due - time.monotonic()
                if wait <= 0:
                    heapq.heappop(self._due)
            if wait > 0:
                time.sleep(min(wait, 0.05))
            elif stream.send():
                with self._changed:
                    heapq.heappush(self._due, (time.monotonic() + stream.interval, number, stream))


class _Paced:
    """One paced stream."""

    def __init__(self, descriptor: int, path: bytes, rate: float) -> None:
        self.interval = 1 / rate
        self._is_open = True
        self._sending = threading.Lock()  # a descriptor may be another connection's as soon as it is closed
        self._descriptor = descriptor
        self._before, self._after = _STREAMS[path](_STAMP.decode())[1].split(_STAMP)

    def send(self) -> bool:
        """Send an item; return whether the stream is still open."""
        with self._sending:
            if self._is_open:
                try:
                    os.write(self._descriptor, self.item())
                except BlockingIOError:
                    pass  # a client that reads too slowly misses an item
                except OSError:
                    self._is_open = False
            return self._is_open

    def close(self) -> None:
        with self._sending:
            self._is_open = False

    def item(self) -> bytes:
        return b"%b%019d%b" % (self._before, time.monotonic_ns(), self._after)


_STAMP = b"0" * 19

# Replies in one piece


def _chat() -> bytes:
    message = {"role": "assistant", "content": "The sky is blue because of Rayleigh scattering. " * 12}
    done = {"done": True, "done_reason": "stop", **_COUNTERS}
    return _whole({"model": "llama3.2", "created_at": _WHEN, "message": message, **done})


def _embed() -> bytes:
    vectors = [[(row * 31 + column * 17) % 2000 / 12345.678 - 0.08 for column in range(1024)] for row in range(256)]
    counters = {"total_duration": 14_143_917, "load_duration": 1_019_500, "prompt_eval_count": 8}
    return _whole({"model": "all-minilm", "embeddings": vectors, **counters})


def _tags() -> bytes:
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    }
    models = [
        {
            "name": f"model-{number}:latest",
            "model": f"model-{number}:latest",
            "modified_at": "2026-05-04T17:37:44.706015396-07:00",
            "size": 2_019_393_189 + number,
            "digest": "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
            "details": details,
        }
        for number in range(100)
    ]
    return _whole({"models": models})


def _embeddings() -> bytes:
    vectors = json.loads(_embed().partition(b"{")[2].rpartition(b"}")[0].join((b"{", b"}")))["embeddings"]
    data = [
        {"object": "embedding", "embedding": base64.b64encode(struct.pack("<1024f", *vector)).decode(), "index": index}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return _whole({"object": "list", "data": data, "model": "all-minilm", "usage": usage})


_WHOLE = {b"/api/chat": _chat, b"/api/embed": _embed, b"/api/tags": _tags, b"/v1/embeddings": _embeddings}
_STREAMS = {b"/api/chat": _ndjson, b"/v1/chat/completions": _sse}
_CREATED = b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n"


@cache
def _prepared(path: bytes) -> bytes:
    return _WHOLE[path]()


@cache
def _stream(path: bytes, count: int, length: int) -> tuple[bytes, bytes, int, bytes]:
    """Return the head, a block of many items, how often to send it, and the remaining items with the end."""
    head, item, end = _STREAMS[path]("x" * length)
    many = min(count - 1, max(1, _BLOCK_BYTES // len(item)))
    times, over = divmod(count - 1, many) if many else (0, 0)
    return head, item * many, times, item * over + end


_SIZE = re.compile(rb'"model": ?"(\d+)x(\d+)"')
_FINITE = re.compile(rb'"model": ?"(\d+)x([\d.]+)/s"')
_PACE = re.compile(rb'"model": ?"([\d.]+)@(\d+)"')
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class _Server:
    """Serves connections.

    Attributes:
        accepted: Connections accepted so far.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self._pacer = _Pacer()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ", 2)[1]
        found = _LENGTH.search(head)
        left = int(found[1]) if found else 0
        body = b""
        while left:
            piece = await reader.read(1 << 20)
            left -= len(piece)
            body = body or piece  # only the beginning is needed
        size, pace, finite = (form.search(body) for form in (_SIZE, _PACE, _FINITE))
        if path == b"/connections":
            writer.write(_whole(self.accepted))
        elif path.startswith(b"/api/blobs/"):
            writer.write(_CREATED)
        elif pace:
            await self._paced(reader, writer, path, float(pace[1]), int(pace[2]))
        elif finite:
            await _send_paced(writer, path, int(finite[1]), float(finite[2]))
        elif size is None:
            writer.write(_prepared(path))
        else:
            begin, block, times, rest = _stream(path, int(size[1]), int(size[2]))
            writer.write(begin)
            for _ in range(times):
                writer.write(block)
                await writer.drain()
            writer.write(rest)
        await writer.drain()

    async def _paced(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: bytes, rate: float, together: int
    ) -> None:
        stream = _Paced(writer.get_extra_info("socket").fileno(), path, rate)
        writer.write(_STREAMS[path]("")[0] + stream.item())
        self._pacer.add(stream, together)
        try:
            await reader.read(1)  # until the client hangs up
        finally:
            self._pacer.drop(stream, together)
        raise ConnectionAbortedError


async def _send_paced(writer: asyncio.StreamWriter, path: bytes, count: int, rate: float) -> None:
    head, item, end = _STREAMS[path]("x")
    writer.write(head)
    began = time.monotonic()
    for number in range(1, count + 1):
        await asyncio.sleep(began + number / rate - time.monotonic())
        writer.write(item if number < count else end)


async def _main() -> None:
    serving = _Server()
    server = await asyncio.start_server(serving.serve, "127.0.0.1", 0, limit=1 << 22, backlog=1 << 14)
    port = server.sockets[0].getsockname()[1]
    if sys.platform == "linux":  # all of 127.0.0.0/8 is this machine
        await asyncio.start_server(
            serving.serve, [f"127.0.0.{host}" for host in range(2, HOSTS + 1)], port, limit=1 << 22
        )
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until the parent process closes it
    os._exit(0)  # open streams are not waited for


def open_files() -> None:
    """Allow as many open files as the system lets this process have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Run the server in another process; yield its URL."""
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
            process.wait()


if __name__ == "__main__":
    open_files()
    asyncio.run(_main())
