"""Forwards each request to a real server and the reply to the client, and records both.

The client gets the reply as it arrives, in the server's chunks. If the client disconnects, the request to the server ends. An
incomplete exchange is recorded as far as it went.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import httpx
from attrs import evolve

from ollama_sdk.testing._compression import from_zstd
from ollama_sdk.testing._recording.redaction import remove_secrets
from ollama_sdk.testing._routes.errors import error_body_of, error_response
from ollama_sdk.testing._server.status_error import StatusError
from ollama_sdk.testing.recording import RecordedChunk, RecordedExchange

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from ollama_sdk.testing.recording import RecordingFolder

__all__ = ["Forwarding", "request_of"]

# Headers of a connection, not of the exchange; httpx and uvicorn set their own.
_OF_THE_CONNECTION = frozenset({
    "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
_NOT_SENT_ON = _OF_THE_CONNECTION | {"accept-encoding"}
_NOT_SENT_BACK = (_OF_THE_CONNECTION - {"content-length"}) | {"date"}
_TIMEOUT = httpx.Timeout(None, connect=30)  # seconds; how long a reply may take is the client's business
_VERSION_TIMEOUT = 5  # seconds


class Forwarding:
    """ASGI application that forwards to a server.

    Args:
        upstream: The address of the server.
        folder: Where to write recordings.
        report: Takes the reason why a request could not be recorded.
    """

    def __init__(self, upstream: httpx.URL, folder: RecordingFolder, report: Callable[[str], None]) -> None:
        self._upstream = upstream
        self._folder = folder
        self._report = report
        self._version: str | None = None
        self._version_is_known = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = request_of(scope, (await receive())["body"])
        name = self._folder.name(request.method, request.path)
        try:
            body = _decompressed(request)
        except ValueError as error:
            await self._refuse(f"cannot record {request.method} {request.path}: {error}", 415, scope, receive, send)
            return
        async with self._client() as client:
            version = await self._server_version(client)
            started = time.monotonic()
            try:
                response = await client.send(self._outgoing(request), stream=True)
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {error}".rstrip(": ")
                text = f"the recorder got no reply from {str(self._upstream).rstrip('/')} to {request.method} {request.path} ({reason})"
                await self._refuse(text, 502, scope, receive, send)
                return
            recorded = evolve(
                request,
                name=name,
                request_body=body,
                request_headers=tuple(
                    (name, value)
                    for name, value in request.request_headers
                    if name.lower() not in _NOT_SENT_ON | {"content-encoding"}
                ),
                status=response.status_code,
                headers=_headers(response),
                recorded_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                server_version=version,
            )
            await self._relay(response, recorded, started, scope, send)

    async def _relay(
        self, response: httpx.Response, exchange: RecordedExchange, started: float, scope: Scope, send: Send
    ) -> None:
        """Send the reply to the client as it arrives; record it even if it is incomplete."""
        chunks: list[RecordedChunk] = []
        complete = False
        try:
            passed = [(name, value) for name, value in exchange.headers if name.lower() not in _NOT_SENT_BACK]
            encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in passed]
            await send({"type": "http.response.start", "status": response.status_code, "headers": encoded})
            async for data in response.aiter_bytes():
                chunks.append(RecordedChunk(data, time.monotonic() - started))
                await send({"type": "http.response.body", "body": data, "more_body": True})
            complete = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except httpx.HTTPError:
            await scope["state"]["connection"].cut()
        finally:
            self._folder.add(remove_secrets(evolve(exchange, chunks=chunks, complete=complete)))
            await response.aclose()

    async def _refuse(self, text: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._report(text)
        answer = error_response(StatusError(status, text), error_body_of(scope["path"]))
        await answer(scope, receive, send)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(verify=_certificates(), timeout=_TIMEOUT)

    def _outgoing(self, request: RecordedExchange) -> httpx.Request:
        kept = [(name, value) for name, value in request.request_headers if name.lower() not in _NOT_SENT_ON]
        target = self._upstream.raw_path.rstrip(b"/") + request.target.encode("latin-1")
        return httpx.Request(
            request.method,
            self._upstream.copy_with(raw_path=target),
            # A compressed reply could not be reviewed, nor searched for secrets.
            headers=[*kept, ("accept-encoding", "identity")],
            content=request.request_body or None,
        )

    async def _server_version(self, client: httpx.AsyncClient) -> str | None:
        """Return the server's version, requested until the server has replied once; ``None`` without one."""
        async with self._version_is_known:
            if self._version is None:
                url = self._upstream.copy_with(raw_path=self._upstream.raw_path.rstrip(b"/") + b"/api/version")
                try:
                    answer = await client.get(url, timeout=_VERSION_TIMEOUT)
                except httpx.HTTPError:
                    return None
                try:
                    self._version = str(answer.json()["version"])
                except (ValueError, KeyError, TypeError):
                    self._version = ""
            return self._version or None


def request_of(scope: Scope, body: bytes) -> RecordedExchange:
    """Return a request as an exchange without a reply."""
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return RecordedExchange(
        method=scope["method"], target=target.decode("latin-1"), request_headers=headers, request_body=body, status=0
    )


def _headers(response: httpx.Response) -> tuple[tuple[str, str], ...]:
    """Return the headers of a reply whose body httpx has decompressed."""
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
    if "content-encoding" in response.headers:
        pairs = [pair for pair in pairs if pair[0].lower() not in {"content-encoding", "content-length"}]
    return tuple(pairs)


def _decompressed(request: RecordedExchange) -> bytes:
    """Return the body of a request as it was before it was compressed.

    Raises:
        ValueError: Its compression is not supported.
    """
    encoding = request.request_header("content-encoding").lower()
    if encoding in {"", "identity"}:
        return request.request_body
    if encoding in {"gzip", "deflate"}:
        try:
            return zlib.decompress(request.request_body, wbits=zlib.MAX_WBITS | 32)
        except zlib.error as error:
            raise ValueError(f"its body is not {encoding}: {error}") from None
    if encoding == "zstd":
        try:
            return from_zstd(request.request_body)
        except ValueError as error:
            raise ValueError(f"its body is {error}") from None
    raise ValueError(f"its body is in {encoding}, which the recorder cannot search for secrets")


@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()
