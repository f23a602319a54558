"""Observer: which events a call reports, once its outcome is known, and the spans that OpenTelemetry gets."""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import httpx2
import pytest

from ollama_sdk import Ollama
from ollama_sdk._outcome import CallOutcome
from ollama_sdk.errors import (
    CircuitOpenError,
    ConfigurationError,
    DecodeError,
    NoEndpointError,
    OllamaError,
    ReplyFailedError,
)
from ollama_sdk.reliability import (
    AsyncRetryTransport,
    AttemptFailed,
    AttemptStarted,
    Cache,
    CallEnded,
    CallStarted,
    CircuitBreaker,
    CircuitOpened,
    Endpoint,
    EndpointEjected,
    Event,
    FailedOver,
    Failover,
    Policies,
    RateLimit,
    Retry,
    RetryScheduled,
    RetryTransport,
    StreamChunk,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
    build_async_stack,
    build_stack,
)
from ollama_sdk.reliability.events import Detail, DetailedObserver
from tests.reliability.judging_caller import FAILURE, LAST, PAGE, PART, Body, asked, flowing, judge, understood, whole
from tests.support.callers import Caller, Script
from tests.support.clocks import HandClock
from tests.support.loopback import END, PATIENCE, chunked, replies, replies_and_closes, replies_and_resets
from tests.support.worlds import World

STREAM = [StreamStarted, StreamFirstItem, StreamEnded, CallEnded]


class Watched:
    """A wire under an observer, and the events that it got."""

    def __init__(self, caller: Caller, *outcomes: Any, clock: HandClock | None = None, **policies: Any) -> None:
        self.events: list[Any] = []
        self.wire = Script(*outcomes)
        policies.setdefault("observer", self.events.append)
        builder: Any = build_stack if caller.colour == "sync" else build_async_stack
        self.transport = builder(
            self.wire, [Endpoint("http://a")], Policies(**policies), clock=clock or HandClock()
        ).transport

    def all(self, *kinds: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events if type(event) in STREAM]

    def end(self) -> CallEnded:
        (end,) = self.all(CallEnded)
        assert self.events[-1] is end
        return end


# --- once the reply is understood


@pytest.mark.parametrize(
    ("body", "error"), [(LAST, None), (PAGE, "DecodeError: no JSON"), (PART, "IncompleteReplyError: cut off")]
)
def test_a_call_ends_with_the_outcome_of_its_caller(caller: Caller, body: bytes, error: str | None) -> None:
    watched = Watched(caller, whole(body))
    understood(caller, watched.transport, asked())
    end = watched.end()
    assert (end.status, end.error) == (200, error)


@pytest.mark.parametrize("stream", [False, True])
def test_the_end_reports_model_and_token_counts(caller: Caller, stream: bool) -> None:
    watched = Watched(caller, flowing(PART, LAST))
    assert understood(caller, watched.transport, asked(stream=stream)) == "good"
    end = watched.end()
    assert (end.model, end.input_tokens, end.output_tokens, end.items) == ("m:1b", 5, 7, 2)


@pytest.mark.parametrize(
    ("parts", "complete", "broke", "error"),
    [
        ((PART, LAST), True, None, None),
        ((PART, PART), True, None, "IncompleteReplyError: cut off"),
        ((PART, FAILURE, PART), False, None, "ReplyFailedError: failed"),
        ((PART, httpx.ReadError("reset")), False, "ReadError: reset", "ReadError: reset"),
    ],
)
def test_a_complete_body_may_still_be_a_failed_call(
    caller: Caller, parts: Any, complete: bool, broke: str | None, error: str | None
) -> None:
    watched = Watched(caller, flowing(*parts))
    understood(caller, watched.transport, asked(stream=True))
    assert watched.kinds() == STREAM
    (stream,) = watched.all(StreamEnded)
    assert (stream.complete, stream.error) == (complete, broke)
    assert watched.end().error == error


def test_without_a_outcome_a_call_ends_at_once(caller: Caller) -> None:
    watched = Watched(caller, whole(PAGE))
    response = caller.call(watched.transport)
    assert "outcome" not in response.extensions
    end = watched.end()
    assert (end.error, end.model, end.input_tokens, end.output_tokens, end.items) == (None,) * 5


def test_a_call_lasts_until_its_outcome() -> None:
    watched = Watched(Caller("sync"), whole(LAST))
    response = watched.transport.handle_request(asked())
    response.read()
    response.close()
    assert watched.all(CallEnded) == []
    judge(response, CallOutcome())
    assert watched.end().error is None


def test_a_stream_ends_after_its_outcome_and_its_body() -> None:
    watched = Watched(Caller("sync"), flowing(LAST, b"\n"))
    response = watched.transport.handle_request(asked(stream=True))
    body = iter(response.stream)
    next(body)
    judge(response, CallOutcome(model="m:1b"))
    assert watched.all(CallEnded) == []
    assert list(body) == [b"\n"]
    assert watched.kinds() == STREAM
    assert watched.all(StreamEnded)[0].complete
    assert watched.end().model == "m:1b"


def test_a_body_broken_after_its_last_item_is_no_failure() -> None:
    watched = Watched(Caller("sync"), flowing(LAST, httpx.ReadError("reset")))
    response = watched.transport.handle_request(asked(stream=True))
    body = iter(response.stream)
    next(body)
    with pytest.raises(httpx.ReadError):
        next(body)
    judge(response, CallOutcome())
    assert watched.end().error is None


# --- no end is reported twice, and none is lost


def test_a_second_or_late_outcome_is_ignored() -> None:
    watched = Watched(Caller("sync"), flowing(PART, LAST))
    for stream in (False, True):
        response = watched.transport.handle_request(asked(stream=stream))
        response.close()
        judge(response, CallOutcome(model="first"))
        judge(response, CallOutcome(DecodeError("second")))
    del response
    assert [(end.model, end.error) for end in watched.all(CallEnded)] == [("first", None), (None, None)]


def test_a_stream_closed_early_ends_there(caller: Caller) -> None:
    watched = Watched(caller, flowing(PART, LAST))

    async def closes_early() -> None:
        response = await watched.transport.handle_async_request(asked(stream=True))
        await anext(aiter(response.stream))
        await response.aclose()
        assert watched.kinds() == STREAM

    if caller.colour == "sync":
        response = watched.transport.handle_request(asked(stream=True))
        next(iter(response.stream))
        response.close()
        assert watched.kinds() == STREAM
    else:
        anyio.run(closes_early, backend=caller.colour)
    assert not watched.all(StreamEnded)[0].complete


@pytest.mark.parametrize("stream", [False, True])
def test_a_dropped_reply_ends_its_call_without_collection(stream: bool) -> None:
    watched = Watched(Caller("sync"), flowing(PART, LAST))
    gc.disable()
    try:
        response = watched.transport.handle_request(asked(stream=stream))
        if stream:
            chunks = iter(response.stream)
            next(chunks)
            del chunks
        assert watched.all(CallEnded) == []
        del response
        assert watched.end().error is None
    finally:
        gc.enable()
    assert watched.kinds() == (STREAM if stream else [CallEnded])


def test_a_judged_reply_is_freed_despite_its_errors_traceback() -> None:
    watched = Watched(Caller("sync"), whole(PAGE))

    def fails() -> Any:
        response = watched.transport.handle_request(asked())
        try:
            raise DecodeError("no JSON")
        except DecodeError as error:
            judge(response, CallOutcome(error))
        return weakref.ref(response)

    gc.disable()
    try:
        assert fails()() is None
    finally:
        gc.enable()


@pytest.mark.anyio
async def test_a_cancelled_call_ends_also_within_its_stream() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not request.extensions.get("stream"):
                await anyio.sleep_forever()
            return httpx.Response(200, stream=_FirstThenSilence(PART))

    events: list[Event] = []
    transport = build_async_stack(Silent(), [Endpoint("http://a")], Policies(observer=events.append)).transport

    async def call(stream: bool) -> None:
        response = await transport.handle_async_request(asked(stream=stream))
        try:
            async for _ in response.stream:
                pass
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    for stream in (False, True):
        async with anyio.create_task_group() as group:
            group.start_soon(call, stream)
            await anyio.wait_all_tasks_blocked()
            assert [type(event) for event in events].count(CallEnded) == int(stream)
            group.cancel_scope.cancel()
    assert "Cancel" in next(event.reason for event in events if isinstance(event, AttemptFailed))
    first, second = [event for event in events if isinstance(event, CallEnded)]
    assert "Cancel" in str(first.error)
    assert (second.status, second.error) == (200, None)


class _FirstThenSilence(Body):
    async def __anext__(self) -> bytes:
        for part in self._rest:
            return part
        await anyio.sleep_forever()
        raise AssertionError


@pytest.mark.parametrize("kind", [CallStarted, AttemptStarted, StreamStarted, StreamFirstItem, StreamEnded])
def test_an_interrupt_at_any_event_ends_each_call_once(caller: Caller, kind: type[Event]) -> None:
    events: list[Event] = []

    def observer(event: Event) -> None:
        events.append(event)
        if type(event) is kind:
            raise KeyboardInterrupt

    watched = Watched(caller, flowing(PART, LAST), observer=observer)
    with pytest.raises(KeyboardInterrupt):
        understood(caller, watched.transport, asked(stream=True))
    gc.collect()
    kinds = [type(event) for event in events]
    assert (kinds[0], kinds[-1], kinds.count(CallEnded)) == (CallStarted, CallEnded, 1)
    assert kinds.count(AttemptStarted) - kinds.count(AttemptFailed) == (
        0 if kind in {CallStarted, AttemptStarted} else 1
    )
    assert kinds.count(StreamStarted) == kinds.count(StreamEnded)


def test_an_observer_may_hold_a_plain_lock() -> None:
    lock, ends = threading.Lock(), 0

    def observer(event: Event) -> None:
        nonlocal ends
        with lock:
            gc.collect()
            ends += type(event) is CallEnded

    watched = Watched(Caller("sync"), flowing(PART, LAST), flowing(PART, LAST), 200, observer=observer)

    def forgets_replies() -> None:
        for _ in range(2):
            cycle: list[Any] = [watched.transport.handle_request(asked(stream=True))]
            cycle.append(cycle)
            del cycle
        watched.transport.handle_request(httpx.Request("GET", "http://a/x"))

    thread = threading.Thread(target=forgets_replies, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert ends == 3


# --- which observer

BAD_DAY: dict[str, Any] = {
    "retry": Retry(attempts=2),
    "failover": Failover(eject_after=1),
    "circuit_breaker": CircuitBreaker(window=1, minimum_calls=1),
    "rate_limit": RateLimit(concurrent=1),
    "cache": Cache(operations={"GET /x"}, any_call=True),
}


@pytest.mark.parametrize("begins_observed", [True, False])
@pytest.mark.parametrize("goes_on_observed", [True, False])
def test_a_call_keeps_the_observer_it_began_with(caller: Caller, begins_observed: bool, goes_on_observed: bool) -> None:
    old: list[Event] = []
    new: list[Event] = []

    def changes_the_observer(_: httpx.Request) -> httpx.Response:
        stack.reconfigured(observer=new.append if goes_on_observed else None)
        return httpx.Response(503)

    builder: Any = build_stack if caller.colour == "sync" else build_async_stack
    policies = Policies(**BAD_DAY, observer=old.append if begins_observed else None)
    endpoints = [Endpoint("http://a"), Endpoint("http://b")]
    stack: Any = builder(Script(changes_the_observer, 503, 200), endpoints, policies, clock=HandClock())
    with contextlib.suppress(NoEndpointError, CircuitOpenError):
        caller.call(stack.transport)
    kinds = [type(event) for event in old]
    assert new == []
    assert not begins_observed or {CircuitOpened, EndpointEjected, FailedOver, RetryScheduled} <= set(kinds)
    assert not begins_observed or (kinds[0], kinds[-1]) == (CallStarted, CallEnded)


async def async_observer(_: Event) -> None: ...


class AsyncObserver:
    async def __call__(self, _: Event) -> None: ...


@pytest.mark.parametrize("observer", [async_observer, AsyncObserver(), functools.partial(async_observer)])
def test_an_async_observer_is_refused(caller: Caller, observer: Any) -> None:
    with pytest.raises(ConfigurationError, match="async"):
        Policies(observer=observer)
    with pytest.raises(ConfigurationError, match="async"):
        caller.wrap((RetryTransport, AsyncRetryTransport), Script(200), Retry(), observer=observer)


def test_a_failing_observer_without_a_repr_breaks_no_call(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    class Nameless:
        def __repr__(self) -> str:
            raise ValueError("no repr")

        def __call__(self, _: Event) -> None:
            raise KeyError("failed")

    class Faulty(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise ValueError(record)

    watched = Watched(caller, 200, observer=Nameless())
    assert caller.call(watched.transport).status_code == 200
    assert "Nameless" in caplog.text
    log, faulty = logging.getLogger("ollama_sdk"), Faulty()
    log.addFilter(faulty)
    try:
        assert caller.call(Watched(caller, 200, observer=Nameless()).transport).status_code == 200
    finally:
        log.removeFilter(faulty)


# --- what each event says


def test_a_request_that_is_sent_again_is_another_call(caller: Caller) -> None:
    watched = Watched(caller, 200)
    request = httpx.Request("GET", "http://a/x")

    async def send() -> None:
        await watched.transport.handle_async_request(request)

    for _ in range(2):
        if caller.colour == "sync":
            watched.transport.handle_request(request)
        else:
            anyio.run(send, backend=caller.colour)
    assert len({event.call for event in watched.events}) == 2


def test_times_are_those_of_the_clock(caller: Caller, clock: HandClock) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        clock.now += 2
        return httpx.Response(503 if len(watched.wire.requests) == 1 else 200, stream=Body(PART, LAST))

    watched = Watched(caller, slow, clock=clock, retry=Retry(attempts=2, initial=1, jitter="none"))
    begun = clock.now
    understood(caller, watched.transport, asked(stream=True, repeat="safe"))
    seconds = {type(event): event.seconds for event in watched.events if hasattr(event, "seconds")}
    assert seconds == {AttemptFailed: 2, **dict.fromkeys(STREAM, 5)}
    assert watched.events[0].at == begun
    assert watched.end().at == begun + 5


def test_an_async_stream_that_breaks_reports_the_error() -> None:
    for colour in ("asyncio", "trio"):
        watched = Watched(Caller(colour), flowing(PART, httpx.ReadError("reset")))
        with pytest.raises(httpx.ReadError):
            Caller(colour).call(watched.transport, extensions={"stream": True})
        (stream,) = watched.all(StreamEnded)
        assert (stream.complete, stream.error) == (False, "ReadError: reset")
        assert watched.end().error == "ReadError: reset"


# --- OpenTelemetry


class Spans:
    """What an OpenTelemetry exporter would have sent."""

    def __init__(self, **options: Any) -> None:
        trace = pytest.importorskip("opentelemetry.sdk.trace")
        export = pytest.importorskip("opentelemetry.sdk.trace.export")
        memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
        from ollama_sdk.reliability.otel import OpenTelemetryObserver

        self._exporter = memory.InMemorySpanExporter()
        provider = trace.TracerProvider()
        provider.add_span_processor(export.SimpleSpanProcessor(self._exporter))
        self.observer = OpenTelemetryObserver(provider.get_tracer("test"), **options)

    def all(self) -> list[Any]:
        assert self.observer._calls == {}
        return list(self._exporter.get_finished_spans())

    def one(self) -> Any:
        (span,) = self.all()
        return span


@pytest.fixture
def spans() -> Spans:
    return Spans()


def through(spans: Spans, *outcomes: Any, urls: tuple[str, ...] = ("http://a",), **policies: Any) -> Any:
    stack = build_stack(
        Script(*outcomes),
        [Endpoint(url) for url in urls],
        Policies(observer=spans.observer, **policies),
        clock=HandClock(),
    )
    return stack.transport


def test_a_span_reports_server_operation_and_tokens(spans: Spans) -> None:
    understood(Caller("sync"), through(spans, whole(LAST)), asked("https://a/api/chat"))
    span = spans.one()
    assert (span.name, span.kind.name, span.status.status_code.name) == ("chat m", "CLIENT", "UNSET")
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m:1b",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "http.response.status_code": 200,
        "server.address": "a",
        "server.port": 443,
    }


@pytest.mark.parametrize(
    ("outcome", "stream", "error", "description"),
    [
        (whole(PAGE), False, "DecodeError", "DecodeError: no JSON"),
        (whole(PART), False, "IncompleteReplyError", "IncompleteReplyError: cut off"),
        (flowing(PART, PART), True, "IncompleteReplyError", "IncompleteReplyError: cut off"),
        (flowing(PART, FAILURE), True, "ReplyFailedError", "ReplyFailedError: failed"),
        (httpx.ReadError("gone"), False, "ReadError", "ReadError: gone"),
        (httpx.ReadError(""), False, "ReadError", "ReadError"),
    ],
)
@pytest.mark.parametrize("content", [True, False])
def test_a_failed_call_is_a_failed_span(
    outcome: Any, stream: bool, error: str, description: str, content: bool
) -> None:
    spans = Spans(content=content)
    with contextlib.suppress(httpx.ReadError):
        understood(Caller("sync"), through(spans, outcome), asked(stream=stream))
    span = spans.one()
    assert span.attributes["error.type"] == error
    # The text of an error may quote the reply.
    assert (span.status.status_code.name, span.status.description) == ("ERROR", description if content else error)


@pytest.mark.parametrize(("status", "name"), [(200, "UNSET"), (399, "UNSET"), (400, "ERROR"), (503, "ERROR")])
def test_an_error_status_is_a_failed_span(spans: Spans, status: int, name: str) -> None:
    Caller("sync").call(through(spans, status))
    span = spans.one()
    assert span.status.status_code.name == name
    assert span.attributes.get("error.type") == (str(status) if name == "ERROR" else None)
    assert span.attributes["http.response.status_code"] == status


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [("http://a", "a", 80), ("https://a", "a", 443), ("https://a:11434", "a", 11434), ("http://[::1]:1", "::1", 1)],
)
def test_a_span_names_the_server_and_its_port(spans: Spans, url: str, address: str, port: int) -> None:
    Caller("sync").call(through(spans, 200, urls=(url,)), url=f"{url}/x")
    attributes = spans.one().attributes
    assert (attributes["server.address"], attributes["server.port"]) == (address, port)


def test_a_span_names_the_last_server_and_earlier_events(spans: Spans) -> None:
    transport = through(spans, 503, 200, urls=("http://a:1", "https://b"), failover=Failover(tries=2))
    Caller("sync").call(transport, url="http://a:1/x", extensions={"operation": "x"})
    span = spans.one()
    assert (span.attributes["server.address"], span.attributes["server.port"]) == ("b", 443)
    events = {event.name: dict(event.attributes) for event in span.events}
    assert events["FailedOver"] == {
        "ollama_sdk.operation": "x",
        "ollama_sdk.endpoint": "http://a:1",
        "ollama_sdk.to": "https://b",
        "ollama_sdk.reason": "status 503",
    }
    assert {"CallStarted", "CallEnded"}.isdisjoint(events)


@pytest.mark.parametrize(("content", "reason"), [(False, "ReadError"), (True, "ReadError: quoted")])
def test_an_event_of_a_span_quotes_only_when_asked(content: bool, reason: str) -> None:
    spans = Spans(content=content)
    transport = through(spans, httpx.ReadError("quoted"), 200, retry=Retry(attempts=2))
    Caller("sync").call(transport)
    events = {event.name: dict(event.attributes) for event in spans.one().events}
    assert events["RetryScheduled"]["ollama_sdk.reason"] == reason


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("chat", "chat"),
        ("generate", "text_completion"),
        ("embed", "embeddings"),
        ("embeddings", "embeddings"),
        ("v1.chat.completions.create", "chat"),
        ("v1.completions.create", "text_completion"),
        ("v1.embeddings.create", "embeddings"),
        ("v1.messages.create", "chat"),
        ("v1.responses.create", "chat"),
        ("show", "show"),
    ],
)
def test_operations_are_named_as_the_conventions_do(spans: Spans, operation: str, name: str) -> None:
    Caller("sync").call(through(spans, 200), extensions={"operation": operation})
    span = spans.one()
    assert (span.name, span.attributes["gen_ai.operation.name"]) == (name, name)
    assert "gen_ai.request.model" not in span.attributes


def test_a_client_with_spans_pickles_without_its_tracer(spans: Spans) -> None:
    client = pickle.loads(pickle.dumps(Ollama("gpu-1", observer=spans.observer)))
    assert type(client.reconfigure().observer) is type(spans.observer)


def test_opentelemetry_is_not_loaded_unless_asked_for() -> None:
    code = "import sys, ollama_sdk.reliability; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


# --- streams of clients, which report the end of a body themselves

ITEM, FINAL = (
    b'{"model":"m","message":{"role":"assistant","content":"a"},"done":%s}\n' % done for done in (b"false", b"true")
)
_WIRES = {
    "ours": lambda _: None,
    "httpx": lambda kind: httpx.HTTPTransport() if kind == "sync" else httpx.AsyncHTTPTransport(),
    "httpx2": lambda kind: httpx2.HTTPTransport() if kind == "sync" else httpx2.AsyncHTTPTransport(),
}
_ENDINGS = {
    "whole": (replies(chunked("application/x-ndjson", ITEM, FINAL) + END), (True, "")),
    "broken": (replies_and_closes(chunked("application/x-ndjson", ITEM)), (False, "RemoteProtocolError")),
    "reset": (replies_and_resets(chunked("application/x-ndjson", ITEM)), (False, "ReadError")),
    "failed": (replies(chunked("application/x-ndjson", ITEM, b'{"error":"boom"}\n')), (False, "")),
    "left": (replies(chunked("application/x-ndjson", ITEM)), (False, "")),
    "empty": (replies(chunked("application/x-ndjson") + END), (True, "")),
}


@pytest.mark.plain
@pytest.mark.parametrize("raw", [False, True], ids=["plain", "raw"])
@pytest.mark.parametrize("wire", _WIRES)
@pytest.mark.parametrize("ending", _ENDINGS)
def test_stream_of_a_client_reports_how_its_body_ended(
    world: World, serve: Any, ending: str, wire: str, raw: bool
) -> None:
    events: list[Any] = []
    script, (complete, broke) = _ENDINGS[ending]
    options = {"transport": _WIRES[wire](world.kind), "observer": events.append}
    with world.client(serve(script).url, **options) as client, contextlib.suppress(OllamaError):
        view = client.with_raw_response if raw else client
        stream = view.chat("m", [], stream=True)
        stream = stream.parsed if raw else stream
        for _ in stream:
            if ending == "left":
                stream.close()
    firsts = [] if ending == "empty" else [StreamFirstItem]
    kinds = [CallStarted, AttemptStarted, StreamStarted, *firsts, StreamEnded, CallEnded]
    assert [type(event) for event in events] == kinds
    end = events[-2]
    assert (end.complete, (end.error or "").partition(":")[0]) == (complete, broke)
    assert (events[-1].error is None) == (ending in {"whole", "left"})


def test_json_in_place_of_bytes_is_read_to_its_reported_end(world: World, serve: Any) -> None:
    events: list[Any] = []
    server = serve(replies(chunked("application/json", b'{"error":', b'"boom"}') + END))
    with world.client(server.url, observer=events.append) as client, pytest.raises(ReplyFailedError):
        client.v1.audio.speech.create("m", "x")
    assert [type(event) for event in events[2:]] == [StreamStarted, StreamFirstItem, StreamEnded, CallEnded]
    assert (events[-2].complete, events[-1].error.partition(":")[0]) == (True, "ReplyFailedError")


class Padded(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that yields an empty chunk before each other one, as the decoders of some transports do."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.full = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.inner:
            self.full += 1
            yield from (b"", chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.inner:
            self.full += 1
            yield b""
            yield chunk

    def close(self) -> None:
        self.inner.close()

    async def aclose(self) -> None:
        await self.inner.aclose()


class PaddingTransport(httpx.HTTPTransport):
    """A transport of httpx whose bodies are padded."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.stream = self.body = Padded(response.stream)
        return response


class AsyncPaddingTransport(httpx.AsyncHTTPTransport):
    """As the sync one."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        response.stream = self.body = Padded(response.stream)
        return response


class OfChunks(DetailedObserver):
    """Keeps the events, also of each chunk."""

    wants_chunks = True

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event, detail: Detail | None = None) -> None:
        self.events.append(event)


@pytest.mark.plain
def test_empty_chunks_of_a_transport_are_not_reported(world: World, serve: Any) -> None:
    seen = OfChunks()
    transport: Any = PaddingTransport() if world.kind == "sync" else AsyncPaddingTransport()
    server = serve(replies(chunked("application/x-ndjson", ITEM, ITEM, FINAL) + END))
    with world.client(server.url, transport=transport, observer=seen) as client:
        assert len(list(client.chat("m", [], stream=True))) == 3
    kinds = [type(event) for event in seen.events]
    assert transport.body.full > 1
    assert kinds.count(StreamFirstItem) == 1
    assert kinds.count(StreamChunk) == transport.body.full - 1


def test_a_request_that_is_sent_again_reports_each_of_its_calls() -> None:
    events: list[Event] = []
    wire = httpx.MockTransport(flowing(b"a", b"b"))
    stack = build_stack(wire, [], Policies(observer=events.append))
    with httpx.Client(transport=stack.transport) as client:
        request = client.build_request("GET", "http://a/", extensions={"stream": True})
        answers = [client.send(request, stream=True) for _ in range(2)]
        for answer in answers:
            answer.read()
    calls = [event.call for event in events if isinstance(event, StreamEnded)]
    assert calls == [event.call for event in events if isinstance(event, CallStarted)]
