"""Handles one request: reads its body, runs its answer, records both, and detects a disconnected client."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from ollama_sdk.testing._server.interception import Interception

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ollama_sdk.testing._server.connection import ServerConnection
    from ollama_sdk.testing._server.interception import Action
    from ollama_sdk.testing.requests import RecordedRequest, Requests

__all__ = ["RequestHandler"]


class RequestHandler:
    """ASGI application in front of the routes.

    Args:
        app: The routes.
        requests: Records the requests.
        fault_for: Returns the action for a request in place of an answer; ``None`` to answer it.
    """

    def __init__(self, app: ASGIApp, requests: Requests, fault_for: Callable[[RecordedRequest], Action | None]) -> None:
        self._app = app
        self._requests = requests
        self._fault_for = fault_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = self._requests.record(scope["method"], scope["path"], scope["query_string"].decode(), headers)
        body = await _read_body(receive)
        if body is None:
            request.hang_up()
            return
        request.body = body
        connection: ServerConnection = scope["state"]["connection"]
        recording_send = _record_answer(send, request, connection)
        interception = Interception(self._app, scope, _replay(body), recording_send, connection, request)
        answering = asyncio.ensure_future(self._answer(interception))
        leaving = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done() and request.finished_at is None and not connection.ended_by_server:
                request.hang_up()
            if leaving.done() and request.finished_at is None:
                answering.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answering
            if connection.ended_by_server:
                # Uvicorn must have noticed the end before this returns; otherwise it logs an incomplete answer.
                await leaving
        finally:
            leaving.cancel()
            if not request.hung_up:
                request.finish()

    async def _answer(self, interception: Interception) -> None:
        act = self._fault_for(interception.request)
        await (act(interception) if act else interception.proceed())


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole body; ``None`` if the client disconnected before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _record_answer(send: Send, request: RecordedRequest, connection: ServerConnection) -> Send:
    async def recording_send(message: Message) -> None:
        if connection.is_closing:
            # The client has disconnected; wait for the cancellation, which follows as soon as the event loop notices it.
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            request.status = message["status"]
        elif message.get("body"):
            request.items += 1
        if message["type"] == "http.response.body" and not message.get("more_body"):
            request.finish()
        await send(message)

    return recording_send
