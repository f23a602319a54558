"""Lets a fault intervene between a request and the application's answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ollama_sdk.testing._server.connection import ServerConnection
    from ollama_sdk.testing.requests import RecordedRequest

__all__ = ["MEGABYTE", "Action", "Interception", "insert_after", "interrupt_after"]

MEGABYTE = 2**20


class _AnswerEndedError(Exception):
    """Unwinds the application after a fault has ended its answer."""


@frozen
class Interception:
    """One request that a fault may answer, change, or forward to the application.

    Attributes:
        app: The ASGI application.
        scope: The ASGI scope of the request.
        receive: Receives ASGI messages from the client.
        send: Sends ASGI messages to the client.
        connection: The connection below HTTP.
        request: The record of the request.
    """

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    connection: ServerConnection
    request: RecordedRequest

    async def proceed(self, send: Send | None = None) -> None:
        """Let the application answer, through another ``send`` if one is given."""
        try:
            await self.app(self.scope, self.receive, send or self.send)
        except _AnswerEndedError:
            return

    async def send_body(self, data: bytes) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def end_body(self) -> None:
        """End the body."""
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


Action = Callable[[Interception], Awaitable[None]]


def interrupt_after(items: int, then: Action, *, ends_body: bool = False) -> Action:
    """Return an action that sends a number of items and then runs another action.

    Args:
        items: The number of items; a one-piece answer is interrupted in the middle of its body.
        then: The action afterwards.
        ends_body: Whether ``then`` ends the body properly; the length header would be wrong then, and is left out.
    """

    async def act(interception: Interception) -> None:
        start: list[Message] = []
        count = 0

        async def send(message: Message) -> None:
            nonlocal count
            if message["type"] == "http.response.start":
                start.append(message)
                return
            body: bytes = message.get("body", b"")
            is_one_piece = not message.get("more_body") and not count and bool(body)
            if start:
                await interception.send(_without_length(start.pop()) if ends_body else start.pop())
            if is_one_piece:
                await interception.send_body(body[: len(body) // 2])
            if is_one_piece or count == items or not message.get("more_body"):
                await then(interception)
                raise _AnswerEndedError
            count += 1
            await interception.send(message)

        await interception.proceed(send)

    return act


def insert_after(items: int, make: Callable[[str], bytes]) -> Action:
    """Return an action that inserts bytes after a number of items; ``make`` gets the path."""

    async def act(interception: Interception) -> None:
        count = 0

        async def send(message: Message) -> None:
            nonlocal count
            if message["type"] == "http.response.start":
                await interception.send(_without_length(message))
                return
            if count == items or (count < items and not message.get("more_body")):
                data = make(interception.request.path)
                for start in range(0, len(data), MEGABYTE):
                    await interception.send_body(data[start : start + MEGABYTE])
                count = items + 1
            count += 1
            await interception.send(message)

        await interception.proceed(send)

    return act


def _without_length(start: Message) -> Message:
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    return {**start, "headers": headers}
