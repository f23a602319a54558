"""A loopback server that agrees to everything: it keeps each request as it came and answers with a canned reply."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CHAT = {
    "model": "llama3.2",
    "created_at": "2026-01-02T03:04:05Z",
    "message": {"role": "assistant", "content": "Because."},
    "done": True,
    "done_reason": "stop",
}
GENERATE = {"model": "llama3.2", "created_at": "2026-01-02T03:04:05Z", "response": "Because.", "done": True}
V1_CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767322800,
    "model": "llama3.2",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Because."}, "finish_reason": "stop"}],
}
RESPONSES = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1767322800,
    "status": "completed",
    "model": "llama3.2",
    "output": [],
}
MESSAGES = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "llama3.2",
    "content": [],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ANSWERS = {
    "/api/chat": CHAT,
    "/api/generate": GENERATE,
    "/api/embed": {"model": "all-minilm", "embeddings": [[0.5]]},
    "/api/create": {"status": "success"},
    "/api/version": {"version": "0.33.0"},
    "/api/web_search": {"results": [{"title": "t", "url": "https://example.com", "content": "c"}]},
    "/api/web_fetch": {"title": "t", "content": "c", "links": []},
    "/v1/chat/completions": V1_CHAT,
    "/v1/responses": RESPONSES,
    "/v1/messages": MESSAGES,
    "/v1/audio/transcriptions": {"text": "Hello."},
}


@dataclass
class Received:
    """One request, byte for byte where that matters.

    Attributes:
        line: The request line, as in ``POST /api/chat HTTP/1.1``.
        headers: By name in lower case.
        size: Bytes of the body.
        body: The body, unless it is too large to be kept.
    """

    line: str
    headers: dict[str, str]
    size: int = 0
    body: bytes = b""

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


_KEPT = 1 << 20


@dataclass
class Recorder:
    """The server; ``received`` are its requests so far, ``answers`` what it says by path, ``ended`` is released once for
    each connection that ended."""

    received: list[Received] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=lambda: dict(ANSWERS))
    connections: int = 0
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"recorder": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def last(self) -> Received:
        return self.received[-1]

    @property
    def sent(self) -> Any:
        """The last JSON body without what every streaming call says."""
        return {name: value for name, value in self.last.json.items() if name != "stream"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    recorder: Recorder

    def setup(self) -> None:
        super().setup()
        self.recorder.connections += 1

    def finish(self) -> None:
        super().finish()
        self.recorder.ended.release()

    def do_POST(self) -> None:
        request = Received(self.requestline, {name.lower(): value for name, value in self.headers.items()})
        for piece in self._pieces():
            request.size += len(piece)
            if request.size <= _KEPT:
                request.body += piece
        self.recorder.received.append(request)
        self._answer(self.recorder.answers.get(self.path.partition("?")[0]))

    do_GET = do_HEAD = do_DELETE = do_POST  # noqa: N815 - http.server's names

    def _answer(self, answer: Any) -> None:
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(200)
        if answer is not None:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _pieces(self) -> Iterator[bytes]:
        left = int(self.headers.get("content-length", 0))
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            left -= len(piece)
            yield piece
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

    def log_message(self, *args: object) -> None:
        """Keep quiet."""
