"""Answers like Ollama from prepared bytes, one HTTP chunk per item, so that the server costs the client no time.

The model name selects the answer: ``20000x100`` is a stream of 20,000 items whose texts are 100 bytes long.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
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
_OK = b"HTTP/1.1 200 OK\r\ncontent-type: "


def _json(data: object) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _whole(data: object) -> bytes:
    body = _json(data)
    return _OK + b"application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


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


_WHOLE = {b"/api/chat": _chat, b"/api/embed": _embed, b"/api/tags": _tags}
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
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while True:
            await _answer(reader, writer)
    writer.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    path = head.split(b" ", 2)[1]
    found = _LENGTH.search(head)
    left = int(found[1]) if found else 0
    body = b""
    while left:
        piece = await reader.read(1 << 20)
        left -= len(piece)
        body = body or piece  # only the beginning is needed
    size = _SIZE.search(body)
    if path.startswith(b"/api/blobs/"):
        writer.write(_CREATED)
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


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=1 << 22, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until the parent process closes it
    server.close()


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
    asyncio.run(_main())
