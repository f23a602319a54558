"""The sync and async shells between a prepared request and a transport: send, read, decide."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any, Generic, TypeVar, cast

import anyio
import httpx
from attrs import frozen

from ollama_sdk._bodies import is_whole
from ollama_sdk._codec import codec_of
from ollama_sdk._stack import AsyncTransports, SyncTransports
from ollama_sdk.errors import (
    APIConnectionError,
    APITimeoutError,
    CircuitOpenError,
    DecodeError,
    NoEndpointError,
    OllamaError,
)
from ollama_sdk.streaming._accumulation import Fold, MergeFold, MessagesFold, ResponsesFold
from ollama_sdk.streaming._framing import NDJSONFramer, SSEFramer
from ollama_sdk.streaming._reader import Reader
from ollama_sdk.streaming._stream import AsyncStream, Exchange, Stream

from .operation import Operation, Streaming
from .request import CallOptions, Prepared, Settings, prepare
from .response import (
    check_content_type,
    connection_error,
    folded,
    is_answer,
    judge,
    misfit,
    one_piece,
    place_of,
    status_error,
    unsecret,
)

__all__ = ["AsyncRuntime", "RawResponse", "SyncRuntime"]

logger = logging.getLogger("ollama_sdk")

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")

_FRAMERS = {"ndjson": NDJSONFramer, "sse": SSEFramer}


@frozen
class RawResponse(Generic[ReplyT]):
    """A reply together with what came before its body.

    Attributes:
        status_code: The HTTP status.
        headers: The response headers.
        parsed: What the plain method would have returned.
    """

    status_code: int
    headers: httpx.Headers
    parsed: ReplyT


# What sync and async decide alike


def _exchange(
    operation: Operation[ReplyT, ItemT], prepared: Prepared, response: httpx.Response, max_item_bytes: int
) -> Exchange[ItemT, ReplyT]:
    """The response of a streaming call, ready to be read."""
    streaming = operation.streaming
    assert streaming is not None  # noqa: S101 - only streaming operations have a stream argument
    try:
        check_content_type(operation, prepared, response)
    except DecodeError as exc:
        _log(prepared, response.status_code, error=exc)
        raise
    place = place_of(prepared)
    reader = Reader(
        _FRAMERS[streaming.format](max_item_bytes),
        last=streaming.last,
        failed=streaming.failed,
        place=place,
        clean=partial(unsecret, prepared),
    )
    return Exchange(
        response=response,
        reader=reader,
        pace=prepared.deadlines,
        convert=codec_of(operation.models).converter(streaming.item, partial(misfit, prepared)),
        fold=_fold(streaming),
        reply=partial(folded, operation, prepared),
        explain=partial(connection_error, prepared),
        ended=partial(_ended, prepared, response, reader),
    )


def _ended(prepared: Prepared, response: httpx.Response, reader: Reader, items: int, error: Exception | None) -> None:
    """A stream has ended: well, with ``error``, or given up by its caller, which is no verdict on it."""
    if reader.finished or error is not None:
        judge(response, error, reader.counted, items, reader.first)
    _log(prepared, response.status_code, items, error)


def _parsed(
    operation: Operation[ReplyT, Any], prepared: Prepared, response: httpx.Response, body: bytes
) -> RawResponse[ReplyT]:
    """The one-piece reply, or the error that it is."""
    _log(prepared, response.status_code, 1)
    if not is_answer(operation, response):
        raise status_error(prepared, response, body)
    reply = one_piece(operation, prepared, response, body)
    judge(response, reply=reply)
    return RawResponse(response.status_code, response.headers, reply)


def _fold(streaming: Streaming) -> Fold:
    if streaming.collect == "messages":
        return MessagesFold()
    return ResponsesFold() if streaming.collect == "responses" else MergeFold(streaming.merge)


def _log(prepared: Prepared, status: int | None, items: int = 0, error: Exception | None = None) -> None:
    """One line a call."""
    if logger.isEnabledFor(logging.DEBUG):
        milliseconds = prepared.deadlines.elapsed() * 1000
        outcome = " ".join(str(part) for part in (status, type(error).__name__ if error else None) if part)
        logger.debug("%s %s %s %.1f ms %d items", prepared.method, prepared.url.path, outcome, milliseconds, items)


def _is_here(response: httpx.Response) -> bool:
    """Whether a policy has read the body, as it is: going through httpx once more would cost as much as all policies."""
    return is_whole(response.stream) and "content-encoding" not in response.headers


_UNREACHABLE = (APIConnectionError, APITimeoutError, CircuitOpenError, NoEndpointError)


def _unreachable(operation: Operation[ReplyT, Any], error: OllamaError) -> RawResponse[ReplyT]:
    """The answer of a call that asks whether the server is there, or the error for any other."""
    if operation.reply == "reachable" and isinstance(error, _UNREACHABLE):
        return RawResponse(0, httpx.Headers(), cast("ReplyT", False))
    raise error


# Sync


@frozen(eq=False, repr=False)
class SyncRuntime:
    """Calls operations over a transport.

    Attributes:
        settings: What the client was made with.
        transports: Where requests go.
    """

    settings: Settings
    transports: SyncTransports

    def raw(
        self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions
    ) -> RawResponse[ReplyT]:
        """Call an operation for its one-piece reply."""
        prepared = prepare(operation, values, options, self.settings, stream=False)
        try:
            response = self._send(prepared)
        except OllamaError as exc:
            return _unreachable(operation, exc)
        try:
            try:
                body = self._body(prepared, response)
            finally:
                response.close()
            return _parsed(operation, prepared, response, body)
        except OllamaError as exc:
            judge(response, exc)
            raise

    def call(self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions) -> ReplyT:
        """Call an operation for its one-piece reply, and return it."""
        return self.raw(operation, values, options).parsed

    def invoke(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, stream: bool
    ) -> ReplyT | Stream[ItemT, ReplyT]:
        """Call an operation as ``stream`` says."""
        return self.stream(operation, values, options) if stream else self.call(operation, values, options)

    def stream(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions
    ) -> Stream[ItemT, ReplyT]:
        """Call an operation for a stream of items."""
        prepared = prepare(operation, values, options, self.settings, stream=True)
        response = self._send(prepared)
        try:
            if not response.is_success:
                body = self._body(prepared, response)
                _log(prepared, response.status_code)
                raise status_error(prepared, response, body)
            return Stream(_exchange(operation, prepared, response, self.settings.max_item_bytes))
        except BaseException as exc:
            judge(response, exc if isinstance(exc, Exception) else None)
            response.close()
            raise

    def _send(self, prepared: Prepared) -> httpx.Response:
        """The response as soon as its headers are there."""
        try:
            response = self.transports.current.handle_request(prepared.request())
        except Exception as exc:
            error = connection_error(prepared, exc)
            _log(prepared, None, error=error)
            if error is exc:  # it has its own cause
                raise
            raise error from exc
        prepared.answered_by(response)
        return response

    def _body(self, prepared: Prepared, response: httpx.Response) -> bytes:
        """The whole body."""
        if _is_here(response):
            return b"".join(cast("httpx.ByteStream", response.stream))
        try:
            return response.read()
        except Exception as exc:
            error = connection_error(prepared, exc)
            _log(prepared, response.status_code, error=error)
            raise error from exc


# Async


@frozen(eq=False, repr=False)
class AsyncRuntime:
    """Calls operations over an async transport; the async twin of :class:`SyncRuntime`."""

    settings: Settings
    transports: AsyncTransports

    async def raw(
        self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions
    ) -> RawResponse[ReplyT]:
        """Call an operation for its one-piece reply."""
        prepared = await self._prepare(operation, values, options, stream=False)
        try:
            response = await self._send(prepared)
        except OllamaError as exc:
            return _unreachable(operation, exc)
        try:
            try:
                body = await self._body(prepared, response)
            finally:
                await _aclose(response)
            return _parsed(operation, prepared, response, body)
        except OllamaError as exc:
            judge(response, exc)
            raise

    async def call(self, operation: Operation[ReplyT, Any], values: Mapping[str, Any], options: CallOptions) -> ReplyT:
        """Call an operation for its one-piece reply, and return it."""
        return (await self.raw(operation, values, options)).parsed

    async def invoke(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions, stream: bool
    ) -> ReplyT | AsyncStream[ItemT, ReplyT]:
        """Call an operation as ``stream`` says."""
        if stream:
            return await self.stream(operation, values, options)
        return await self.call(operation, values, options)

    async def stream(
        self, operation: Operation[ReplyT, ItemT], values: Mapping[str, Any], options: CallOptions
    ) -> AsyncStream[ItemT, ReplyT]:
        """Call an operation for a stream of items."""
        prepared = await self._prepare(operation, values, options, stream=True)
        response = await self._send(prepared)
        try:
            if not response.is_success:
                body = await self._body(prepared, response)
                _log(prepared, response.status_code)
                raise status_error(prepared, response, body)
            return AsyncStream(_exchange(operation, prepared, response, self.settings.max_item_bytes))
        except BaseException as exc:
            judge(response, exc if isinstance(exc, Exception) else None)
            await _aclose(response)
            raise

    async def _prepare(
        self, operation: Operation[Any, Any], values: Mapping[str, Any], options: CallOptions, *, stream: bool
    ) -> Prepared:
        if operation.body not in {"binary", "multipart"}:
            return prepare(operation, values, options, self.settings, stream=stream)
        import anyio.to_thread  # noqa: PLC0415 - only uploads pay for it

        # Files are digested and read here: not on the event loop.
        return await anyio.to_thread.run_sync(
            partial(prepare, operation, values, options, self.settings, stream=stream)
        )

    async def _send(self, prepared: Prepared) -> httpx.Response:
        """The response as soon as its headers are there."""
        try:
            response = await self.transports.current.handle_async_request(prepared.request())
        except Exception as exc:
            error = connection_error(prepared, exc)
            _log(prepared, None, error=error)
            if error is exc:  # it has its own cause
                raise
            raise error from exc
        prepared.answered_by(response)
        return response

    async def _body(self, prepared: Prepared, response: httpx.Response) -> bytes:
        """The whole body."""
        if _is_here(response):
            return b"".join(cast("httpx.ByteStream", response.stream))
        try:
            return await response.aread()
        except Exception as exc:
            error = connection_error(prepared, exc)
            _log(prepared, response.status_code, error=error)
            raise error from exc


async def _aclose(response: httpx.Response) -> None:
    with anyio.CancelScope(shield=True):
        await response.aclose()
