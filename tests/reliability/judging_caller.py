"""A caller that decodes replies, as the clients of this package do, and reports the outcome to the policies."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx

from ollama_sdk._outcome import CallOutcome
from ollama_sdk.errors import DecodeError, IncompleteReplyError, ReplyFailedError


def judge(response: httpx.Response, outcome: CallOutcome) -> None:
    """Report ``outcome`` to the policies."""
    for report in response.extensions.get("outcome", ()):
        report(outcome)


def asked(url: str = "http://a/api/chat", content: bytes = b"{}", **extensions: Any) -> httpx.Request:
    """A request whose caller will report how it decoded the reply."""
    known = {"operation": "chat", "model": "m", "deterministic": True, "outcome": True, **extensions}
    return httpx.Request("POST", url, content=content, extensions=known)


class _Reading:
    """Decodes a body so far: lines of JSON, the last of which says ``"done": true``."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def goes_on(self, chunk: bytes) -> bool:
        """Decode ``chunk``, which is whole lines. Returns whether to read on."""
        try:
            self.items += [json.loads(line) for line in chunk.splitlines()]
        except ValueError:
            self.error = DecodeError("no JSON")
            return False
        if "error" in self.items[-1]:
            self.error = ReplyFailedError("failed", message=self.items[-1]["error"])
        return self.error is None

    def outcome(self) -> CallOutcome:
        last = self.items[-1] if self.items else {}
        if self.error is None and not last.get("done"):
            self.error = IncompleteReplyError("cut off", items=len(self.items))
        return CallOutcome(
            self.error, last.get("model"), last.get("prompt_eval_count"), last.get("eval_count"), len(self.items)
        )


def understood(caller: Any, transport: Any, request: httpx.Request) -> str:
    """Send ``request``, decode the reply and report. Returns ``"good"`` or the name of the error."""
    if caller.colour == "sync":
        return _understood(transport, request)
    return anyio.run(_aunderstood, transport, request, backend=caller.colour)


def _understood(transport: Any, request: httpx.Request) -> str:
    response, reading = transport.handle_request(request), _Reading()
    try:
        for chunk in response.stream if request.extensions.get("stream") else [response.read()]:
            if not reading.goes_on(chunk):
                break
    except httpx.TransportError as error:
        reading.error = error
    outcome = reading.outcome()
    judge(response, outcome)
    response.close()
    return "good" if outcome.error is None else type(outcome.error).__name__


async def _aunderstood(transport: Any, request: httpx.Request) -> str:
    response, reading = await transport.handle_async_request(request), _Reading()
    try:
        if request.extensions.get("stream"):
            async for chunk in response.stream:
                if not reading.goes_on(chunk):
                    break
        else:
            reading.goes_on(await response.aread())
    except httpx.TransportError as error:
        reading.error = error
    outcome = reading.outcome()
    judge(response, outcome)
    await response.aclose()
    return "good" if outcome.error is None else type(outcome.error).__name__


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that arrives in parts, or breaks off with an error."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self._parts = parts
        self.is_closed = False

    def __iter__(self) -> Any:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    def __aiter__(self) -> Any:
        self._rest = iter(self)
        return self

    async def __anext__(self) -> bytes:
        await anyio.lowlevel.checkpoint()
        for part in self._rest:
            return part
        raise StopAsyncIteration

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        await anyio.lowlevel.checkpoint()
        self.is_closed = True


PAGE = b"<html>gateway</html>"
PART = b'{"model": "m:1b", "done": false}\n'
LAST = b'{"model": "m:1b", "done": true, "prompt_eval_count": 5, "eval_count": 7}\n'
FAILURE = b'{"error": "boom"}\n'


def whole(body: bytes, status: int = 200) -> Any:
    """A transport's response in one piece."""
    return lambda _: httpx.Response(status, content=body)


def flowing(*parts: bytes | Exception) -> Any:
    """A transport's response as a stream."""
    return lambda _: httpx.Response(200, stream=Body(*parts))
