"""Reports the start and end of calls and attempts to an observer; the policies report the events in between."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import httpx

from ollama_sdk._bodies import EndWatchedBody, WatchedBody, WholeBody
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._outcome import CallOutcome, on_outcome
from ollama_sdk._secrets import redact

from ._driver import STARTED
from ._extensions import CALLS, about, endpoint_of
from ._failures import described
from .events import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    Detail,
    Notify,
    Observer,
    StreamChunk,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._driver import Flow, Send

__all__ = ["AttemptReporter", "CallReporter"]


_FIRST_ERROR = 400  # httpx.codes.BAD_REQUEST, which is an enum's member and slow to look up


class AttemptReporter:
    """The innermost policy: reports each attempt."""

    judges_attempts = True

    def __init__(self, observer: Observer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self._notify = guarded(observer)

    def flow(self, send: Send, request: httpx.Request) -> Flow:  # noqa: ARG002 - only the transport is further in
        """Report one attempt."""
        call, operation, endpoint, at = about(request, self.clock)
        started = AttemptStarted(call, operation, endpoint, at, request.extensions.get("attempt", 1))
        try:
            self._notify.pass_on(started)
            response: httpx.Response = yield request
        except BaseException as error:
            self._report_failure(error, request, started)
            raise
        if response.status_code >= _FIRST_ERROR:
            self._report_failure(response, request, started)
        return response

    def _report_failure(
        self, outcome: httpx.Response | BaseException, request: httpx.Request, started: AttemptStarted
    ) -> None:
        beginning = about(request, self.clock)
        seconds = beginning[-1] - started.at
        self._notify(AttemptFailed(*beginning, started.attempt, seconds, described(outcome, request)))


class CallReporter:
    """The outermost policy: reports the start and end of a call and of its stream."""

    judges_attempts = False

    def __init__(self, observer: Observer, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self._notify = guarded(observer)

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Report one call."""
        notify = self._notify
        call = _Call(notify, self.clock, request)
        try:
            notify.pass_on(call.started, call.detail)
            response = yield from send(request)
            call.answered(response)
        except BaseException as error:
            call.failed(error)
            raise
        return response


class _Call:
    """One call, as its caller sees it.

    It ends when its stream has ended and the outcome of its reply has been reported, as far as they are expected. A stream that is
    closed early gets no outcome, and neither does a reply that is garbage-collected.

    Several threads may report ends at once, and the garbage collector may at any line of any thread. So the first end is found
    without a lock: it is the one that draws 0 from a counter, because ``next()`` is atomic.
    """

    _stream_ends: Iterator[int]
    _has_ended = True  # while it is made

    def __init__(self, notify: Notify, clock: Clock, request: httpx.Request) -> None:
        extensions = request.extensions
        extensions["call"] = next(CALLS)  # a request that is sent again is another call
        # All events of the call go to the same observer, even if another one is configured meanwhile.
        extensions["observer"] = notify
        number, operation, endpoint, at = about(request, clock)
        model = extensions.get("model")
        self.started = CallStarted(number, operation, endpoint, at, model, extensions.get("stream", False))
        self.detail = Detail(request) if notify.wants_details else None
        self._notify = notify
        self._clock = clock
        self._request = request
        self._number: int = number
        self._operation: str = operation
        self._model: str | None = model
        self._began: float = at
        self._ends = count()
        self._status: int | None = None
        self._streams = self._awaits_outcome = False
        self._error: str | None = None
        # The fields of the outcome, which has precedence over ``_error``. Not the outcome itself: its error refers to the response,
        # which would outlive the call.
        self._judged: tuple[Any, ...] = ()
        self._has_ended = False

    def failed(self, error: BaseException) -> None:
        self.stream_ended(error)
        self._error = described(error, self._request)
        self._end()

    def answered(self, response: httpx.Response) -> None:
        self._status = response.status_code
        self._awaits_outcome = on_outcome(self._request, response, self.judged)
        if not isinstance(response.stream, WholeBody):
            self._stream_ends = count()
            self._streams = True
            body = _ReportedChunks(response.stream, self) if self._notify.wants_chunks else response.stream
            response.stream = _ReportedBody(body, self)
            self._notify(StreamStarted(*self._about(), response.status_code, self._seconds()))
            if response.extensions.get(STARTED):
                self._notify(StreamFirstItem(*self._about(), self._seconds()))
        if not self._awaits_outcome and not self._streams:
            self._end()

    def chunk(self) -> None:
        self._notify(StreamChunk(*self._about(), self._seconds()))

    def stream_ended(self, error: BaseException | None = None, *, complete: bool = False) -> None:
        if not self._streams or next(self._stream_ends):
            return
        self._error = None if error is None else described(error, self._request)
        self._notify(StreamEnded(*self._about(), self._seconds(), complete, self._error))
        if error is None and not complete:
            self._awaits_outcome = False
        self._streams = False
        if not self._awaits_outcome:
            self._end()

    def judged(self, outcome: CallOutcome) -> None:
        error, model = outcome.error, outcome.model
        if model is not None and model != self._model:  # usually equal, which needs no redaction
            model = redact(self._request, model)
        reason = None if error is None else described(error, self._request)
        self._judged = reason, model, outcome.input_tokens, outcome.output_tokens, outcome.items
        if self.detail is not None:
            self.detail = self._detail_of(outcome)
        self._awaits_outcome = False
        if not self._streams:
            self._end()

    def _detail_of(self, outcome: CallOutcome) -> Detail:
        whole = None
        if self._notify.wants_whole_replies:
            whole = outcome.whole() if outcome.whole is not None else next(iter(outcome.parts), None)
        return Detail(self._request, outcome.parts, whole)

    def __del__(self) -> None:
        if not self._has_ended:
            self.stream_ended()
            self._end()

    def _end(self) -> None:
        if next(self._ends):
            return
        self._has_ended = True
        request, now = self._request, self._clock.monotonic()
        endpoint = request.extensions.get("endpoint") or endpoint_of(request)
        outcome: tuple[Any, ...] = self._judged or (self._error,)
        ended = CallEnded(self._number, self._operation, endpoint, now, now - self._began, self._status, *outcome)
        detail, self.detail = self.detail, None  # so that the reply is freed before its response
        self._notify.pass_on(ended, detail)

    def _about(self) -> tuple[int, str, str, float]:
        """As :func:`about`, of this call: its request may be sent again meanwhile, which is another call."""
        request = self._request
        return self._number, self._operation, endpoint_of(request), self._clock.monotonic()

    def _seconds(self) -> float:
        return self._clock.monotonic() - self._began


class _ReportedChunks(WatchedBody):
    """A stream whose chunks after the first are reported."""

    def __init__(self, inner: Any, call: _Call) -> None:
        super().__init__(inner)
        self._call = call
        self._has_begun = False

    def on_chunk(self, chunk: bytes, /) -> None:
        if self._has_begun and chunk:  # other transports also yield chunks without bytes
            self._call.chunk()
        self._has_begun = True


class _ReportedBody(EndWatchedBody):
    """A stream whose end is reported."""

    def __init__(self, inner: Any, call: _Call) -> None:
        super().__init__(inner)
        self._call = call

    def on_error(self, error: Exception) -> None:
        self._call.stream_ended(error)

    def on_end(self) -> None:
        self._call.stream_ended(complete=True)

    def on_close(self) -> None:
        self._call.stream_ended()
