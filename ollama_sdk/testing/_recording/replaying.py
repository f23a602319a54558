"""Answers requests with recordings, byte for byte, with or without the pauses of the recorded server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ollama_sdk.testing._recording.forwarding import request_of
from ollama_sdk.testing._routes.errors import error_body_of, error_response
from ollama_sdk.testing._server.status_error import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from ollama_sdk.testing._recording.matching import Recordings
    from ollama_sdk.testing.recording import RecordedExchange

__all__ = ["Replaying"]

# Uvicorn frames the body and dates the reply.
_NOT_SENT = frozenset({"connection", "date", "keep-alive", "transfer-encoding"})


class Replaying:
    """ASGI application that answers from recordings.

    Args:
        recordings: The recordings.
        timing: Whether each chunk is sent at its time in the recording; otherwise at once.
        report: Takes the reason why a request had no reply.
    """

    def __init__(self, recordings: Recordings, report: Callable[[str], None], *, timing: bool) -> None:
        self._recordings = recordings
        self._report = report
        self._timing = timing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope, (await receive())["body"])
        exchange = self._recordings.take(request)
        if exchange is None:
            await self._refuse(self._recordings.explain(request), scope, receive, send)
        else:
            await self._play(exchange, scope, send)

    async def _refuse(self, text: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._report(text)
        answer = error_response(StatusError(501, text), error_body_of(scope["path"]))
        # Otherwise the clients of OpenAI and Anthropic retry after any 5xx.
        answer.headers["x-should-retry"] = "false"
        await answer(scope, receive, send)

    async def _play(self, exchange: RecordedExchange, scope: Scope, send: Send) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in exchange.headers
            if name.lower() not in _NOT_SENT
        ]
        for number, chunk in enumerate(exchange.chunks):
            if self._timing and chunk.at is not None:
                await asyncio.sleep(started + chunk.at - loop.time())
            if not number:
                await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
            await send({"type": "http.response.body", "body": chunk.data, "more_body": True})
        if not exchange.chunks:
            await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
        if exchange.complete:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await scope["state"]["connection"].cut()
