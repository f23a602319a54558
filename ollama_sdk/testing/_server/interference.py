"""What a fault does to an answer on its way to the client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from attrs import frozen

from ollama_sdk.testing._server.http import Refusal, dialect_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ollama_sdk.testing._server.wire import Wire
    from ollama_sdk.testing.requests import RecordedRequest

__all__ = [
    "END",
    "MEGABYTE",
    "RUNNER_DIED",
    "Act",
    "Exchange",
    "Insertion",
    "Interruption",
    "error_item",
    "huge_item",
    "last_words",
]

RUNNER_DIED = "an error was encountered while running the model: unexpected EOF"
MEGABYTE = 2**20
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}
_NAMED_EVENTS = ("/v1/responses", "/v1/messages")


@frozen
class Exchange:
    """One request on its way to the application: what a fault may get between."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    wire: Wire
    request: RecordedRequest

    async def answered(self, send: Send | None = None) -> None:
        """Let the application answer, through ``send`` if one is given."""
        try:
            await self.app(self.scope, self.receive, send or self.send)
        except _Over:
            return

    async def body(self, data: bytes) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": data, "more_body": True})


class _Over(Exception):  # noqa: N818 - it carries no failure, it unwinds the application
    """The answer has ended here."""


Act = Callable[[Exchange], Awaitable[None]]


class Interruption:
    """Passes a number of items on and then does something else.

    Args:
        after: How many.
        then: What to do.
        ends_well: Whether that completes the body, which then has another length than announced.
    """

    def __init__(self, after: int, then: Act, *, ends_well: bool = False) -> None:
        self._after = after
        self._then = then
        self._ends_well = ends_well

    async def act(self, exchange: Exchange) -> None:
        """Answer, up to the interruption."""
        start: list[Message] = []
        count = 0

        async def send(message: Message) -> None:
            nonlocal count
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body: bytes = message.get("body", b"")
            one_piece = not message.get("more_body") and not count and bool(body)
            if start:
                await exchange.send(_without_length(start.pop()) if self._ends_well else start.pop())
            if one_piece:
                await exchange.body(body[: len(body) // 2])
            if one_piece or count == self._after or not message.get("more_body"):
                await self._then(exchange)
                raise _Over
            count += 1
            await exchange.send(message)

        await exchange.answered(send)


class Insertion:
    """Puts something between two items."""

    def __init__(self, after: int, what: Callable[[str], bytes]) -> None:
        self._after = after
        self._what = what

    async def act(self, exchange: Exchange) -> None:
        """Answer, with the insertion."""
        count = 0

        async def send(message: Message) -> None:
            nonlocal count
            if message["type"] == "http.response.start":
                await exchange.send(_without_length(message))
                return
            if count == self._after or (count < self._after and not message.get("more_body")):
                data = self._what(exchange.request.path)
                for at in range(0, len(data), MEGABYTE):
                    await exchange.body(data[at : at + MEGABYTE])
                count = self._after + 1
            count += 1
            await exchange.send(message)

        await exchange.answered(send)


def _without_length(start: Message) -> Message:
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    return {**start, "headers": headers}


def error_item(path: str, message: str) -> bytes:
    """An error as an item of the stream of a path."""
    refusal = Refusal(500, message)
    body = orjson.dumps(dialect_of(path)(refusal))
    if path.startswith("/v1/messages"):
        return b"event: error\ndata: " + body + b"\n\n"
    return b"data: " + body + b"\n\n" if path.startswith("/v1/") else body + b"\n"


def last_words(path: str) -> bytes:
    """What the server still sends on a path when a model's runner has died."""
    if path.startswith(_NAMED_EVENTS):
        return b""
    if not path.startswith("/v1/"):
        return error_item(path, RUNNER_DIED)
    is_chat = path.startswith("/v1/chat")
    choice: dict[str, Any] = {"index": 0, "finish_reason": None}
    choice |= {"delta": {"content": ""}} if is_chat else {"text": ""}
    kind = "chat.completion.chunk" if is_chat else "text_completion"
    chunk = {"id": "chatcmpl-0", "object": kind, "created": 0, "model": "", "system_fingerprint": "fp_ollama"}
    return b"data: " + orjson.dumps({**chunk, "choices": [choice]}) + b"\n\n"


def huge_item(path: str, size: int) -> bytes:
    """One item of ``size`` bytes for the stream of a path."""
    if path.startswith("/v1/"):
        head, tail = b'data: {"choices":[{"index":0,"delta":{"content":"', b'"}}]}\n\n'
    elif path == "/api/generate":
        head, tail = b'{"done":false,"response":"', b'"}\n'
    else:
        head, tail = b'{"done":false,"message":{"role":"assistant","content":"', b'"}}\n'
    return head + b"a" * max(size - len(head) - len(tail), 0) + tail
