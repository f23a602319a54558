"""Tells an observer when calls and attempts begin and end; the policies tell it what lies between."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import httpx

from ollama_sdk._bodies import WatchedBody
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._outcome import Verdict, await_verdict

from ._outcome import Outcome, described
from ._replies import acomplete, asettle, complete, flows, settle
from ._request import about, is_stream, model_of
from .events import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Event,
    Observer,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AsyncAttemptTransport", "AsyncCallTransport", "AttemptTransport", "CallTransport"]

_FIRST_ERROR = 400


def _reason(error: BaseException | None) -> str | None:
    return None if error is None else described(error)


class _Telling:
    """Tells one observer of one request."""

    def __init__(self, notify: Callable[[Event], None], clock: Clock, request: httpx.Request) -> None:
        self._notify = notify
        self._clock = clock
        self._request = request
        self._started = clock.monotonic()

    def _about(self) -> tuple[int, str, str, float]:
        return about(self._request, self._clock)

    def _seconds(self) -> float:
        return self._clock.monotonic() - self._started


class _Attempt(_Telling):
    """One request to an endpoint."""

    def started(self) -> None:
        self._notify(AttemptStarted(*self._about(), self._number()))

    def ended(self, outcome: Outcome | BaseException) -> None:
        if not isinstance(outcome, httpx.Response) or outcome.status_code >= _FIRST_ERROR:
            self._notify(AttemptFailed(*self._about(), self._number(), self._seconds(), described(outcome)))

    def _number(self) -> int:
        number: int = self._request.extensions.get("attempt", 1)
        return number


class _Call(_Telling):
    """One call, from the caller's side.

    It is over when its stream is, if it has one, and when the verdict on its reply has come, if there will be one. A stream
    given up before its end gets none that has not been given yet, and neither does a reply that nobody holds any more.
    """

    _status: int | None = None
    _flows = False
    _awaits_verdict = False
    _error: str | None = None
    # Of the verdict only what is told: its error leads back to the response, which would outlive the call.
    _judged: tuple[str | int | None, ...] | None = None

    def __init__(self, notify: Callable[[Event], None], clock: Clock, request: httpx.Request) -> None:
        super().__init__(notify, clock, request)
        # Counts from 0, which only one of several threads gets; a flag might be read by two.
        self._ends = count()

    def started(self) -> None:
        # A request that is sent again is another call.
        self._request.extensions.pop("call", None)
        # All that happens to the call is told to the observer that it began with, whatever is changed meanwhile.
        self._request.extensions["observer"] = self._notify
        self._notify(CallStarted(*self._about(), model_of(self._request), is_stream(self._request)))

    def failed(self, error: BaseException) -> None:
        self.stream_ended(error)
        self._error = described(error)
        self._end()

    def answered(self, response: httpx.Response) -> httpx.Response:
        self._status = response.status_code
        self._awaits_verdict = await_verdict(self._request, response, self.judged)
        if flows(response):
            self._flows = True
            self._stream_ends = count()
            response.stream = _Watched(response.stream, self)
            self._notify(StreamStarted(*self._about(), response.status_code, self._seconds()))
        self._end_if_over()
        return response

    def first_item(self) -> None:
        self._notify(StreamFirstItem(*self._about(), self._seconds()))

    def stream_ended(self, error: BaseException | None = None, *, complete: bool = False) -> None:
        if not self._flows or next(self._stream_ends):
            return
        self._error = _reason(error)
        self._notify(StreamEnded(*self._about(), self._seconds(), complete, self._error))
        if error is None and not complete:
            self._awaits_verdict = False
        self._flows = False
        self._end_if_over()

    def judged(self, verdict: Verdict) -> None:
        self._judged = (
            _reason(verdict.error),
            verdict.model,
            verdict.input_tokens,
            verdict.output_tokens,
            verdict.items,
        )
        self._awaits_verdict = False
        self._end_if_over()

    def __del__(self) -> None:
        self.stream_ended()
        self._end()

    def _end_if_over(self) -> None:
        if not (self._flows or self._awaits_verdict):
            self._end()

    def _end(self) -> None:
        if next(self._ends):
            return
        outcome: Any = self._judged or (self._error,)
        self._notify(CallEnded(*self._about(), self._seconds(), self._status, *outcome))


class _Watched(WatchedBody):
    """A stream whose reading is told; the one place where an observer costs something for each chunk."""

    def __init__(self, inner: Any, call: _Call) -> None:
        super().__init__(inner)
        self._call = call
        self._begun = False

    def on_chunk(self, chunk: bytes) -> None:  # noqa: ARG002 - it matters when, not what
        if not self._begun:
            self._begun = True
            self._call.first_item()

    def on_error(self, error: Exception) -> None:
        self._call.stream_ended(error)

    def on_end(self) -> None:
        self._call.stream_ended(complete=True)

    def on_close(self) -> None:
        self._call.stream_ended()


class CallTransport(httpx.BaseTransport):
    """The outermost layer: tells when a call begins and ends, and how its stream fares."""

    def __init__(self, inner: httpx.BaseTransport, observer: Observer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._inner = inner
        self._notify = guarded(observer)
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``."""
        call = _Call(self._notify, self._clock, request)
        try:
            call.started()
            return call.answered(complete(request, self._inner.handle_request(request)))
        except BaseException as error:
            call.failed(error)
            raise

    def close(self) -> None:
        """Close the transport within."""
        self._inner.close()


class AsyncCallTransport(httpx.AsyncBaseTransport):
    """As :class:`CallTransport`, on asyncio and trio."""

    def __init__(self, inner: httpx.AsyncBaseTransport, observer: Observer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._inner = inner
        self._notify = guarded(observer)
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``."""
        call = _Call(self._notify, self._clock, request)
        try:
            call.started()
            return call.answered(await acomplete(request, await self._inner.handle_async_request(request)))
        except BaseException as error:
            call.failed(error)
            raise

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()


class AttemptTransport(httpx.BaseTransport):
    """The innermost layer: tells of each request that really goes out."""

    def __init__(self, inner: httpx.BaseTransport, observer: Observer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._inner = inner
        self._notify = guarded(observer)
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``."""
        attempt = _Attempt(self._notify, self._clock, request)
        try:
            attempt.started()
            response = settle(request, self._inner.handle_request(request))
        except BaseException as error:
            attempt.ended(error)
            raise
        attempt.ended(response)
        return response

    def close(self) -> None:
        """Close the transport within."""
        self._inner.close()


class AsyncAttemptTransport(httpx.AsyncBaseTransport):
    """As :class:`AttemptTransport`, on asyncio and trio."""

    def __init__(self, inner: httpx.AsyncBaseTransport, observer: Observer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._inner = inner
        self._notify = guarded(observer)
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``."""
        attempt = _Attempt(self._notify, self._clock, request)
        try:
            attempt.started()
            response = await asettle(request, await self._inner.handle_async_request(request))
        except BaseException as error:
            attempt.ended(error)
            raise
        attempt.ended(response)
        return response

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()
