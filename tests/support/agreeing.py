"""The loopback server with a canned reply for every call; it keeps the requests."""

from __future__ import annotations

import json
from typing import Any

from .loopback import Connection, Loopback, Request, head

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
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ANSWERS = {
    "/api/chat": CHAT,
    "/api/generate": GENERATE,
    "/api/embed": {"model": "all-minilm", "embeddings": [[0.5]]},
    "/v1/embeddings": {"data": [{"embedding": [0.5]}]},
    "/api/create": {"status": "success"},
    "/api/version": {"version": "0.33.0"},
    "/api/web_search": {"results": [{"title": "t", "url": "https://example.com", "content": "c"}]},
    "/api/web_fetch": {"title": "t", "content": "c", "links": []},
    "/v1/chat/completions": V1_CHAT,
    "/v1/responses": RESPONSES,
    "/v1/messages": MESSAGES,
    "/v1/audio/transcriptions": {"text": "Hello."},
}


class Agreeing(Loopback):
    """Answers every request; ``answers`` are its replies by path, empty where there is none."""

    def __init__(self) -> None:
        super().__init__(self._agree)
        self.answers: dict[str, Any] = dict(ANSWERS)

    @property
    def last(self) -> Request:
        return self.requests[-1]

    @property
    def sent(self) -> Any:
        """The last JSON body without what every streaming call says."""
        return {name: value for name, value in self.last.json.items() if name != "stream"}

    def _agree(self, connection: Connection) -> None:
        while True:
            request = connection.request()
            answer = self.answers.get(request.path)
            content, kind = (b"", None) if answer is None else (json.dumps(answer).encode(), "application/json")
            connection.send(head(200, kind, content_length=len(content), date="Sun, 18 Jan 2026 12:00:00 GMT"))
            if not request.line.startswith("HEAD "):
                connection.send(content)
