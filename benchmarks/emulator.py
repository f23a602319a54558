"""Measures how fast the emulator starts and streams, compared with uvicorn sending the same bytes."""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

sys.path.insert(0, str(Path(__file__).parent.parent))

from ollama_sdk.testing import Emulator

COUNT = 50_000
ROUNDS = 5
MARK = b"created_at"
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode()
ITEM = (
    json.dumps(
        {
            "model": "m",
            "created_at": "2026-11-21T11:20:08.233638190Z",
            "message": {"role": "assistant", "content": " tick"},
            "done": False,
        }
    ).encode()
    + b"\n"
)


def read_all(url: str, count: int) -> float:
    """Return the seconds from the request until a raw socket has received ``count`` items."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n"
        begin, received, tail = time.perf_counter(), 0, b""
        connection.sendall(head.encode() + BODY)
        while received < count:
            data = tail + connection.recv(1 << 18)
            received += data.count(MARK)
            tail = data[1 - len(MARK) :]  # the mark of an item may be split between two reads
        return time.perf_counter() - begin


async def bare(scope, _receive, send):
    """ASGI application that only sends the items."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]})
    for _ in range(COUNT):
        await send({"type": "http.response.body", "body": ITEM, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def floor() -> float:
    """Return the minimum seconds of bare uvicorn."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(bare, log_level="error", http="httptools"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    least = min(read_all(url, COUNT) for _ in range(ROUNDS))
    server.should_exit = True
    thread.join()
    return least


def emulator() -> float:
    """Return the minimum seconds of the emulator."""
    with Emulator() as server:
        server.models.add("m")
        server.reply(lambda _: itertools.repeat(" tick", COUNT))
        return min(read_all(server.url, COUNT) for _ in range(ROUNDS))


def start() -> float:
    """Return the minimum seconds to start and stop an emulator."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        with Emulator():
            pass
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    ours, theirs = emulator(), floor()
    print(f"start and stop   {start() * 1e3:8.1f} ms")
    print(f"items a second   {COUNT / ours:8.0f}    bare uvicorn {COUNT / theirs:8.0f}    ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
