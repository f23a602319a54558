"""OpenTelemetry: spans, metrics and events follow the registry, hold no content unasked, and cost nothing for an item."""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from benchmarks.counting import Calls
from ollama_sdk import Cache, Failover, Ollama, OllamaError, Retry
from tests.reliability import genai_conventions
from tests.support.loopback import (
    END,
    PATIENCE,
    Connection,
    Loopback,
    chunk,
    chunked,
    replies,
    replies_and_closes,
    whole,
)
from tests.support.streamed import ROUTES, capture, streamed
from tests.support.worlds import KINDS, world
from tests.test_footprint import PACKAGE

pytest.importorskip("opentelemetry.sdk")

from opentelemetry import baggage, context, propagate, trace
from opentelemetry.metrics import NoOpMeter
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult

from ollama_sdk.reliability.otel import OpenTelemetryObserver

CONVENTIONS = genai_conventions.load()
INFERENCE, EMBEDDINGS = (CONVENTIONS["spans"][name] for name in genai_conventions.SPANS)
METRICS = CONVENTIONS["metrics"]
# A span of ours holds the text of what the conventions leave open.
_TYPES = {"string": str, "int": int, "boolean": bool, "double": float, "string[]": tuple, "any": str}
_CONTENT = {name for name, kind in INFERENCE.items() if kind.startswith("any ")}
# Of another part of the conventions, that of HTTP.
_HTTP = {"http.response.status_code"}
# What a client of Ollama cannot know.
_UNKNOWN = {
    "gen_ai.conversation.compacted",  # the server keeps no conversation
    *("gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.prompt.variable"),  # nor prompts
    # Nor does it count texts, images and sounds apart.
    *(name for name in INFERENCE if name.startswith(("gen_ai.usage.audio", "gen_ai.usage.image", "gen_ai.usage.text"))),
}

MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
KEY = "sk-canary-7&4-long-enough"
SAID = "canary-prompt"
ANSWERED = "canary-answer"


class Telemetry:
    """An observer, and what exporters would have sent."""

    def __init__(self, *, sampler: Any = None, **options: Any) -> None:
        self._spans, self._logs, self._reader = (
            InMemorySpanExporter(),
            InMemoryLogRecordExporter(),
            InMemoryMetricReader(),
        )
        tracers, loggers = TracerProvider(sampler=sampler), LoggerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        meters = MeterProvider([self._reader])
        self.observer = OpenTelemetryObserver(
            tracers.get_tracer("t"), meters.get_meter("t"), loggers.get_logger("t"), **options
        )

    def spans(self) -> list[Any]:
        assert self.observer._calls == {}
        return list(self._spans.get_finished_spans())

    def span(self) -> Any:
        (span,) = self.spans()
        return span

    def events(self) -> list[Any]:
        return [each.log_record for each in self._logs.get_finished_logs()]

    def metrics(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def text(self) -> str:
        """All that would be sent."""
        spans = [span.to_json() for span in self.spans()]
        logs = [each.to_json() for each in self._logs.get_finished_logs()]
        data = self._reader.get_metrics_data()
        return "\n".join([*spans, *logs, data.to_json() if data else ""])


def check(attributes: Any, registry: dict[str, str], *extra: str) -> None:
    """Refuse attributes that the registry does not know so, and a set of them that lacks what it requires."""
    for name, value in attributes.items():
        if name in extra:
            continue
        assert name in registry, name
        assert type(value) is _TYPES[registry[name].partition(" ")[0]], (name, value)
    required = {name for name, kind in registry.items() if kind.endswith(" required")}
    assert required <= set(attributes)
    assert ("server.port" in attributes) == ("server.address" in attributes)


def check_metrics(telemetry: Telemetry) -> None:
    for name, metric in telemetry.metrics().items():
        registered = METRICS[name]
        assert metric.unit == registered["unit"]
        for point in metric.data.data_points:
            assert hasattr(point, "bucket_counts") == (registered["instrument"] == "histogram")
            if registered["bounds"]:
                assert point.explicit_bounds == pytest.approx(registered["bounds"])
            check(point.attributes, registered["attributes"])


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest):
    with world(request.param) as found:
        yield found


# --- what a call reports

OPTIONS = {
    "num_predict": 9,
    "seed": 7,
    "temperature": 0,
    "top_k": 40,
    "top_p": 0.9,
    "stop": ["."],
    "frequency_penalty": 0.5,
    "presence_penalty": 1,
}
_SAMPLING = {
    "gen_ai.request.max_tokens": 9,
    "gen_ai.request.seed": 7,
    "gen_ai.request.temperature": 0.0,
    "gen_ai.request.top_k": 40,
    "gen_ai.request.top_p": 0.9,
    "gen_ai.request.stop_sequences": (".",),
    "gen_ai.request.frequency_penalty": 0.5,
    "gen_ai.request.presence_penalty": 1.0,
}


def _chat(text: str = ANSWERED, **fields: Any) -> bytes:
    reply = {"model": "m:1b", "message": {"role": "assistant", "content": text}, "done": True, "done_reason": "stop"}
    counts = {"prompt_eval_count": 5, "eval_count": 7, "prompt_eval_cached_count": 3}
    return json.dumps(reply | counts | fields).encode() + b"\n"


@pytest.mark.parametrize("stream", [False, True])
def test_chat_reports_its_request_and_its_reply(place, stream):
    telemetry = Telemetry()
    part = _chat(done=False, done_reason=None)
    answer = chunked("application/x-ndjson", part, part, _chat()) + END if stream else whole(_chat())
    with Loopback(replies(answer)) as server, place.client(server.url, observer=telemetry.observer) as client:
        reply = client.chat("m", MESSAGES, options=OPTIONS, format="json", think="high", stream=stream)
        if stream:
            assert len(list(reply)) == 3
    span = telemetry.span()
    attributes = dict(span.attributes)
    check(attributes, INFERENCE, *_HTTP)
    expected = {
        **_SAMPLING,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "m",
        "gen_ai.request.reasoning.level": "high",
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "m:1b",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": int(server.url.rpartition(":")[2]),
        "http.response.status_code": 200,
    }
    if stream:
        assert attributes.pop("gen_ai.response.time_to_first_chunk") > 0
        expected["gen_ai.request.stream"] = True
    assert attributes == expected
    assert span.name == "chat m"
    check_metrics(telemetry)
    names = {name.removeprefix("gen_ai.client.inference.") for name in telemetry.metrics()}
    tokens = {"operation.input_tokens", "operation.output_tokens", "usage.input_tokens", "usage.output_tokens"}
    streams = {"time_to_first_chunk", "time_per_output_chunk"} if stream else set()
    assert names == {"duration", "usage.cache_read.input_tokens"} | tokens | streams
    for name, amount in (("input_tokens", 5), ("output_tokens", 7), ("cache_read.input_tokens", 3)):
        (point,) = telemetry.metrics()[f"gen_ai.client.inference.usage.{name}"].data.data_points
        assert point.value == amount


@pytest.mark.parametrize("n", [1, 3])
def test_v1_request_reports_how_many_choices_it_asks_for(place, n):
    telemetry = Telemetry()
    said = {"index": 0, "text": "x", "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    answer = whole(json.dumps({"id": "c", "model": "m", "created": 1, "choices": [said]}).encode())
    with (
        Loopback(replies(answer, answer, whole(_chat()))) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        client.v1.chat.completions.create("m", MESSAGES, extra_body={"n": n})
        client.v1.completions.create("m", "x", extra_body={"n": n})
        client.chat("m", MESSAGES, extra_body={"n": n})
    for span in telemetry.spans():
        check(span.attributes, INFERENCE, *_HTTP)
    asked = [span.attributes.get("gen_ai.request.choice.count") for span in telemetry.spans()]
    assert asked == ([None] * 3 if n == 1 else [3, 3, None])


@pytest.mark.parametrize("route", [name for name in ROUTES if name not in {"pull", "push", "create"}])
def test_recorded_stream_of_each_route_has_tokens_and_reason(place, route):
    telemetry = Telemetry()
    answer = streamed(ROUTES[route], capture(ROUTES[route].capture))
    with Loopback(replies(answer)) as server, place.client(server.url, observer=telemetry.observer) as client:
        list(ROUTES[route].call(client, stream=True))
    attributes = dict(telemetry.span().attributes)
    check(attributes, INFERENCE, *_HTTP)
    assert attributes["gen_ai.response.finish_reasons"] != ("error",)
    assert {"gen_ai.response.time_to_first_chunk", "gen_ai.response.model"} <= attributes.keys()
    assert ("gen_ai.response.id" in attributes) == route.startswith("v1.")
    check_metrics(telemetry)


def test_reason_is_found_in_a_stream_that_was_added_up_already():
    def chunk(reason, text="x" * 6000):
        choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
        return b"data: %s\n\n" % json.dumps({"id": "c1", "model": "m", "choices": [choice]}).encode()

    telemetry = Telemetry()
    body = chunk(None) * 20 + chunk("length") + b"data: [DONE]\n\n"
    with (
        Loopback(replies(chunked("text/event-stream", body) + END)) as server,
        Ollama(server.url, observer=telemetry.observer) as client,
    ):
        list(client.v1.chat.completions.create("m", MESSAGES, stream=True))
    attributes = telemetry.span().attributes
    assert (attributes["gen_ai.response.finish_reasons"], attributes["gen_ai.response.id"]) == (("length",), "c1")


def test_embeddings_report_tokens_and_dimensions(place):
    telemetry = Telemetry()
    native = whole(json.dumps({"model": "e", "embeddings": [[1.0, 2.0, 3.0]], "prompt_eval_count": 4}).encode())
    v1 = {"object": "list", "model": "e", "data": [{"embedding": [1.0, 2.0], "index": 0, "object": "embedding"}]}
    compatible = whole(json.dumps(v1 | {"usage": {"prompt_tokens": 4, "total_tokens": 4}}).encode())
    with (
        Loopback(replies(native, compatible)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        client.embed("e", [SAID])
        client.v1.embeddings.create("e", SAID, encoding_format="float", dimensions=2)
    first, second = telemetry.spans()
    for span, dimensions in ((first, 3), (second, 2)):
        check(span.attributes, EMBEDDINGS, *_HTTP)
        assert span.name == "embeddings e"
        assert span.attributes["gen_ai.embeddings.dimension.count"] == dimensions
        assert span.attributes["gen_ai.usage.input_tokens"] == 4
    assert second.attributes["gen_ai.request.encoding_formats"] == ("float",)
    check_metrics(telemetry)
    assert set(telemetry.metrics()) == {name for name in METRICS if ".embeddings." in name}
    assert SAID not in telemetry.text()


def test_reply_tokens_that_are_part_of_others_are_counted(serve):
    telemetry = Telemetry()
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    usage = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 1}
    content = [{"type": "text", "text": "Hi"}]
    server = serve(replies(whole(json.dumps(message | {"content": content, "usage": usage}).encode())))
    with Ollama(server.url, observer=telemetry.observer) as client:
        client.v1.messages.create("m", MESSAGES, max_tokens=9)
    attributes = telemetry.span().attributes
    check(attributes, INFERENCE, *_HTTP)
    assert attributes["gen_ai.usage.input_tokens"] == 26  # with those of the cache
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == 20
    assert attributes["gen_ai.usage.cache_write.input_tokens"] == 1
    assert attributes["gen_ai.response.id"] == "msg_1"
    assert attributes["gen_ai.response.finish_reasons"] == ("end_turn",)
    check_metrics(telemetry)


def test_no_attribute_that_a_client_knows_is_missing(place):
    telemetry = Telemetry(content=True)
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    cached = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1}
    answer = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": []}
    reasoned = {
        "input_tokens": 1,
        "output_tokens": 2,
        "total_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
    }
    vectors = {"object": "list", "model": "m", "data": [{"embedding": [1.0], "index": 0, "object": "embedding"}]}
    bodies = [message | {"content": [], "usage": cached}, answer | {"usage": reasoned}, {"error": "none"}]
    bodies.append(vectors | {"usage": {"prompt_tokens": 4, "total_tokens": 4}})
    part = _chat(done=False, done_reason=None)
    answers = [whole(json.dumps(body).encode(), 404 if "error" in body else 200) for body in bodies]
    with (
        Loopback(replies(chunked("application/x-ndjson", part, _chat()) + END, *answers)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        list(client.chat("m", MESSAGES, options=OPTIONS, format="json", think="high", tools=tools, stream=True))
        client.v1.messages.create("m", MESSAGES, max_tokens=9, system=SAID)
        stored = {"conversation": "conv_1", "previous_response_id": "resp_0"}
        client.v1.responses.create("m", "x", extra_body={**stored, "n": 2})
        with pytest.raises(OllamaError):
            client.v1.embeddings.create("m", SAID)
        client.v1.embeddings.create("m", SAID, encoding_format="float", dimensions=1)
    reported: dict[str, set[str]] = {"chat": set(), "embeddings": set()}
    for span in telemetry.spans():
        reported[span.attributes["gen_ai.operation.name"]] |= span.attributes.keys() - _HTTP
    # The call that failed is one for embeddings.
    assert reported["chat"] | {"error.type"} == INFERENCE.keys() - _UNKNOWN
    assert reported["embeddings"] == EMBEDDINGS.keys()
    check_metrics(telemetry)
    assert telemetry.metrics().keys() == METRICS.keys() - {"gen_ai.client.operation.duration"}


def test_tables_of_the_conventions_are_read():
    page = """\
## Span: `gen_ai.client.inference`

| [`one.name`](a.md) | x | `Required` | string | It. [1] | `x` |
| [`two.names`](b.md) | x | `Conditionally Required` If so. | string[] | They. | |

### Metric: `gen_ai.client.inference.duration`

See [another page](other.md).

### Metric: `gen_ai.client.embeddings.duration`

This has [ExplicitBucketBoundaries] of [0.5, 1].

| `gen_ai.client.embeddings.duration` | Histogram | `s` | It. | x | |

| [`one.name`](a.md) | x | `Opt-In` | any | It. | |

### Metric: `gen_ai.server.duration`

| `gen_ai.server.duration` | Histogram | `s` | It. | x | |
"""
    duration = {"instrument": "histogram", "unit": "s", "bounds": [0.5, 1], "attributes": {"one.name": "any opt-in"}}
    assert genai_conventions.read(page) == {
        "spans": {"gen_ai.client.inference": {"one.name": "string required", "two.names": "string[] conditional"}},
        "metrics": {"gen_ai.client.embeddings.duration": duration},
    }
    assert genai_conventions.FACTS.read_text(encoding="utf-8") == genai_conventions.written(CONVENTIONS)


# --- calls that go wrong

ERRORS = {
    "status": (whole(b'{"error":"no such model"}', 404), "NotFoundError"),
    "nonsense": (whole(b"<html>"), "DecodeError"),
    "unfinished": (whole(_chat(done=False)), "IncompleteReplyError"),
}


@pytest.mark.parametrize("answer", ERRORS)
def test_failed_call_reports_its_error_and_no_tokens(place, answer):
    telemetry = Telemetry()
    sent, kind = ERRORS[answer]
    with (
        Loopback(replies_and_closes(sent)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
        pytest.raises(OllamaError),
    ):
        client.chat("m", MESSAGES)
    span = telemetry.span()
    check(span.attributes, INFERENCE, *_HTTP)
    assert span.attributes["error.type"] == kind
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, kind)
    check_metrics(telemetry)
    (point,) = telemetry.metrics()["gen_ai.client.inference.duration"].data.data_points
    assert (point.count, point.attributes["error.type"]) == (1, kind)
    (point,) = telemetry.metrics()["gen_ai.client.inference.usage.output_tokens"].data.data_points
    assert (point.value, point.attributes["gen_ai.token.modality"]) == (0, "unknown")


def test_failed_embedding_has_no_count_of_tokens(place):
    telemetry = Telemetry()
    unknown = whole(json.dumps({"model": "e", "embeddings": [[1.0]]}).encode())
    with (
        Loopback(replies(whole(b'{"error":"no such model"}', 404), unknown)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        with pytest.raises(OllamaError):
            client.embed("e", SAID)
        client.embed("e", SAID)
    check_metrics(telemetry)
    assert set(telemetry.metrics()) == {"gen_ai.client.embeddings.duration"}
    assert len(telemetry.metrics()["gen_ai.client.embeddings.duration"].data.data_points) == 2


def test_broken_stream_ends_with_the_reason_error(place):
    telemetry = Telemetry()
    answer = chunked("application/x-ndjson", _chat(done=False, done_reason=None)) + END
    with Loopback(replies(answer)) as server, place.client(server.url, observer=telemetry.observer) as client:
        stream = client.chat("m", MESSAGES, stream=True)
        with pytest.raises(OllamaError):
            list(stream)
    attributes = telemetry.span().attributes
    check(attributes, INFERENCE, *_HTTP)
    assert attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert attributes["error.type"] == "IncompleteReplyError"


def test_retries_and_failover_are_one_span_of_the_last_server(place):
    telemetry = Telemetry()
    bad, good = replies(*[whole(b'{"error":"busy"}', 503)] * 4), replies(whole(_chat()))
    with Loopback(bad) as first, Loopback(good) as second:
        policies = {"retry": Retry(attempts=2, initial=0.001), "failover": Failover("priority", tries=2)}
        with place.client([first.url, second.url], observer=telemetry.observer, **policies) as client:
            client.chat("m", MESSAGES)
        headers = [each.headers["traceparent"] for each in (*first.requests, *second.requests)]
    span = telemetry.span()
    check(span.attributes, INFERENCE, *_HTTP)
    assert span.attributes["server.port"] == int(second.url.rpartition(":")[2])
    assert "FailedOver" in {event.name for event in span.events}
    assert set(headers) == {_traceparent(span)}
    assert len(headers) == 2
    (point,) = telemetry.metrics()["gen_ai.client.inference.duration"].data.data_points
    assert point.count == 1


# --- the time of chunks


def _one_by_one(read: threading.Semaphore, items: int) -> Any:
    """The script that sends the next item of a stream once the one before has been read."""

    def script(connection: Connection) -> None:
        connection.answer(chunked("application/x-ndjson", _chat(done=False, done_reason=None)))
        for number in range(items - 1):
            assert read.acquire(timeout=PATIENCE)
            last = number == items - 2
            connection.send(chunk(_chat() if last else _chat(done=False, done_reason=None)) + (END if last else b""))
        connection.watch()

    return script


@pytest.mark.parametrize("each_chunk", [False, True])
def test_time_of_chunks_is_a_mean_unless_each_is_asked_for(place, each_chunk):
    telemetry, read = Telemetry(each_chunk=each_chunk), threading.Semaphore(0)
    with (
        Loopback(_one_by_one(read, 5)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        for _ in client.chat("m", MESSAGES, stream=True):
            read.release()
    check_metrics(telemetry)
    metrics = telemetry.metrics()
    (point,) = metrics["gen_ai.client.inference.time_per_output_chunk"].data.data_points
    (first,) = metrics["gen_ai.client.inference.time_to_first_chunk"].data.data_points
    (whole_call,) = metrics["gen_ai.client.inference.duration"].data.data_points
    assert point.count == (4 if each_chunk else 1)
    assert first.sum + point.sum * (1 if each_chunk else 4) <= whole_call.sum * 1.0001
    assert telemetry.spans()


# --- context


def _traceparent(span: Any) -> str:
    ids = span.context
    return f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{int(ids.trace_flags):02x}"


def test_request_carries_the_context_of_its_span(place):
    telemetry = Telemetry()
    with (
        Loopback(replies(whole(_chat()), chunked("application/x-ndjson", _chat()) + END)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        client.chat("m", MESSAGES)
        list(client.chat("m", MESSAGES, stream=True))
        sent = [each.headers["traceparent"] for each in server.requests]
    assert sent == [_traceparent(span) for span in telemetry.spans()]
    assert len(set(sent)) == 2


def test_context_is_not_sent_where_it_is_off_or_given(serve):
    own = f"00-{'1' * 32}-{'2' * 16}-01"
    server = serve(replies(*[whole(_chat())] * 2))
    with Ollama(server.url, observer=Telemetry(propagate=False).observer) as client:
        client.chat("m", MESSAGES)
        client.reconfigure(observer=Telemetry().observer)
        client.chat("m", MESSAGES, extra_headers={"traceparent": own})
    assert [each.headers.get("traceparent") for each in server.requests] == [None, own]


def test_request_carries_the_baggage_of_each_call(place):
    telemetry = Telemetry()
    with (
        Loopback(replies(*[whole(_chat())] * 4)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        with _attached(baggage.set_baggage("tenant", "blue & green")):
            client.chat("m", MESSAGES)
            client.chat("m", MESSAGES, extra_headers={"baggage": "tenant=own"})
        client.chat("m", MESSAGES)
        sent = [each.headers for each in server.requests]
    assert [each.get("baggage") for each in sent] == ["tenant=blue+%26+green", "tenant=own", None]
    assert [each["traceparent"] for each in sent] == [_traceparent(span) for span in telemetry.spans()]


@pytest.fixture
def lot():
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(Lot())
    yield
    propagate.set_global_textmap(before)


@pytest.mark.usefixtures("lot")
def test_another_propagator_writes_the_context(place):
    telemetry = Telemetry()
    with (
        Loopback(replies(*[whole(_chat())] * 2)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        client.chat("m", MESSAGES)
        client.chat("m", MESSAGES, extra_headers={"x-lot": "own"})
        sent = [each.headers for each in server.requests]
    spans = [format(span.context.span_id, "x") for span in telemetry.spans()]
    assert [each["x-lot"] for each in sent] == [spans[0], "own"]
    assert all("traceparent" not in each for each in sent)


@pytest.mark.parametrize("fixture", [None, "lot"])
def test_context_of_a_call_is_no_part_of_its_cache_key(place, request, fixture):
    if fixture:
        request.getfixturevalue(fixture)
    telemetry = Telemetry()
    with (
        Loopback(replies(whole(b'{"model":"m","embeddings":[[1.0]]}'))) as server,
        place.client(server.url, observer=telemetry.observer, cache=Cache()) as client,
    ):
        for tenant in ("blue", "green"):
            with _attached(baggage.set_baggage("tenant", tenant)):
                client.embed("m", "x")
        assert len(server.requests) == 1


class Lot(TextMapPropagator):
    """A propagator of one header, as those of vendors are."""

    fields = frozenset({"x-lot"})

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Any:
        raise NotImplementedError

    def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
        carrier["x-lot"] = format(trace.get_current_span(context).get_span_context().span_id, "x")


@contextlib.contextmanager
def _attached(values: Any) -> Any:
    token = context.attach(values)
    try:
        yield
    finally:
        context.detach(token)


def test_exemplar_of_a_metric_refers_to_the_span_of_its_call(place):
    telemetry = Telemetry()
    with (
        Loopback(replies(whole(_chat()))) as server,
        place.client(server.url, observer=telemetry.observer) as client,
        TracerProvider().get_tracer("another").start_as_current_span("another call"),
    ):
        client.chat("m", MESSAGES)
    metrics = telemetry.metrics()  # which forgets the exemplars
    for name in ("duration", "operation.input_tokens", "operation.output_tokens"):
        (point,) = metrics[f"gen_ai.client.inference.{name}"].data.data_points
        assert [each.span_id for each in point.exemplars] == [telemetry.span().context.span_id]


def test_call_that_is_not_sampled_has_context_and_metrics_only(place):
    telemetry = Telemetry(sampler=ALWAYS_OFF)
    with (
        Loopback(replies(whole(_chat()))) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        client.chat("m", MESSAGES)
        sent = server.requests[0].headers["traceparent"]
    assert (telemetry.spans(), int(sent[-2:], 16) & 1) == ([], 0)
    (point,) = telemetry.metrics()["gen_ai.client.inference.usage.cache_read.input_tokens"].data.data_points
    assert point.value == 3
    check_metrics(telemetry)


def test_what_a_sampler_writes_stays_in_its_call(place):
    class Writing(Sampler):
        def should_sample(self, context: Any, trace: Any, name: Any, kind: Any, attributes: Any, *_: Any) -> Any:
            again = "seen" in attributes
            attributes["seen"] = True
            return SamplingResult(Decision.RECORD_AND_SAMPLE, {"again": again})

        def get_description(self) -> str:
            return "writes into the attributes it is shown"

    telemetry = Telemetry(sampler=Writing())
    with (
        Loopback(replies(*[whole(_chat())] * 2)) as server,
        place.client(server.url, observer=telemetry.observer) as client,
    ):
        client.chat("m", MESSAGES)
        client.chat("m", MESSAGES)
    assert [span.attributes["again"] for span in telemetry.spans()] == [False, False]
    assert "seen" not in telemetry.text()


# --- content


def _talk(client: Any) -> None:
    tool = {"type": "function", "function": {"name": "weather", "description": SAID, "parameters": {"type": "object"}}}
    messages = [{"role": "system", "content": SAID}, {"role": "user", "content": SAID}]
    client.chat("m", messages, tools=[tool])
    list(client.chat("m", messages, stream=True))
    client.generate("m", SAID, system=SAID)
    for _ in range(2):
        with contextlib.suppress(OllamaError):
            client.chat("m", messages)


def _answers() -> list[bytes]:
    generated = {"model": "m", "response": ANSWERED, "thinking": KEY, "done": True, "done_reason": "stop"}
    return [
        whole(_chat()),
        chunked("application/x-ndjson", _chat(done=False), _chat()) + END,
        whole(json.dumps(generated).encode()),
        whole(json.dumps({"error": f"cannot do {SAID} with {KEY}"}).encode(), 400),
        whole(json.dumps({"model": "m", "message": f"{ANSWERED} {KEY}"}).encode()),
    ]


@pytest.mark.parametrize("events", [False, True])
def test_no_content_and_no_key_where_they_were_not_asked_for(place, events):
    telemetry = Telemetry(events=events)
    with (
        Loopback(replies(*_answers())) as server,
        place.client(server.url, api_key=KEY, observer=telemetry.observer) as client,
    ):
        _talk(client)
    assert len(telemetry.spans()) == 5
    assert len(telemetry.events()) == 5 * events
    text = telemetry.text()
    assert not [word for word in (SAID, ANSWERED, KEY, "weather") if word in text]


@pytest.mark.parametrize("events", [False, True])
def test_content_is_recorded_once_when_asked_for_without_the_key(place, events):
    telemetry = Telemetry(content=True, events=events)
    with (
        Loopback(replies(*_answers())) as server,
        place.client(server.url, api_key=KEY, observer=telemetry.observer) as client,
    ):
        _talk(client)
    assert KEY not in telemetry.text()
    spans = [dict(span.attributes) for span in telemetry.spans()]
    found = [dict(record.attributes) for record in telemetry.events()] if events else spans
    for attributes in spans:
        check(attributes, INFERENCE, *_HTTP)
        assert not (events and _CONTENT & attributes.keys())
    if not events:
        found = [{name: json.loads(each[name]) for name in _CONTENT if name in each} for each in spans]
    chat, stream, generate, *_ = found
    user = {"role": "user", "parts": ({"type": "text", "content": SAID},)}
    assert _plain(chat["gen_ai.input.messages"])[1] == _plain(user)
    said = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWERED}]}]
    assert _plain(chat["gen_ai.output.messages"]) == said
    assert _plain(chat["gen_ai.tool.definitions"]) == [{"type": "function", "name": "weather"}]
    assert _plain(stream["gen_ai.output.messages"])[0]["parts"][0]["content"] == ANSWERED * 2
    assert _plain(generate["gen_ai.system_instructions"]) == [{"type": "text", "content": SAID}]
    assert _plain(generate["gen_ai.output.messages"])[0]["parts"][1:] == said[0]["parts"]


@pytest.mark.parametrize("route", [name for name in ROUTES if name not in {"pull", "push", "create"}])
def test_content_of_a_recorded_stream_is_what_was_collected(serve, route):
    telemetry = Telemetry(content=True)
    server = serve(replies(streamed(ROUTES[route], capture(ROUTES[route].capture))))
    with Ollama(server.url, observer=telemetry.observer) as client:
        stream = ROUTES[route].call(client, stream=True)
        list(stream)
    span = telemetry.span()
    (message,) = json.loads(span.attributes["gen_ai.output.messages"])
    (sent,) = json.loads(span.attributes["gen_ai.input.messages"])
    assert (message["role"], sent["role"]) == ("assistant", "user")
    texts = [part["content"] for part in message["parts"] if part["type"] == "text"]
    assert len(texts) == 1
    assert texts[0]
    assert json.dumps(texts[0])[1:-1] in json.dumps(stream.collect().to_dict())


def _plain(value: Any) -> Any:
    """With lists for the sequences, and dicts for the mappings, that exporters make of them."""
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return {name: _plain(each) for name, each in value.items()} if hasattr(value, "items") else value


def test_event_belongs_to_its_span_and_follows_the_registry(serve):
    telemetry = Telemetry(events=True)
    server = serve(replies(whole(_chat())))
    with Ollama(server.url, observer=telemetry.observer) as client:
        client.chat("m", MESSAGES, options=OPTIONS)
    (event,) = telemetry.events()
    span = telemetry.span()
    assert event.event_name == "gen_ai.client.inference.operation.details"
    assert (event.trace_id, event.span_id) == (span.context.trace_id, span.context.span_id)
    check(event.attributes, INFERENCE)
    assert {"gen_ai.request.seed", "gen_ai.response.finish_reasons", "gen_ai.usage.input_tokens"} <= set(
        event.attributes
    )


def test_observer_pickles_with_what_was_asked_of_it():
    asked = Telemetry(content=True, events=True, propagate=False, each_chunk=True)
    copy = pickle.loads(pickle.dumps(asked.observer))
    assert (copy._content, copy._logger is not None, copy._propagate, copy.wants_chunks) == (True, True, False, True)


# --- cost


def _calls_of_stream(items: int, **options: Any) -> int:
    answer = chunked("application/x-ndjson", *[_chat(done=False, done_reason=None)] * (items - 1), _chat()) + END
    with (
        Loopback(replies(answer, answer)) as server,
        Ollama(server.url, timeout=PATIENCE, **options) as client,
    ):
        list(client.chat("m", MESSAGES, stream=True))
        with Calls(PACKAGE) as calls:
            assert sum(1 for _ in client.chat("m", MESSAGES, stream=True)) == items
    return calls.python.total()


class _OneByOne(httpx.SyncByteStream):
    """A body whose every item is read by itself, as at the pace of a model."""

    def __init__(self, items: int) -> None:
        self._items = [_chat(done=False, done_reason=None)] * (items - 1) + [_chat()]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._items)


def _calls_of_paced_stream(items: int, observer: Any) -> int:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "application/x-ndjson"}, stream=_OneByOne(items))

    with Ollama(transport=httpx.MockTransport(answer), observer=observer) as client:
        list(client.chat("m", MESSAGES, stream=True))
        with Calls() as calls:
            assert sum(1 for _ in client.chat("m", MESSAGES, stream=True)) == items
    return calls.python.total()


def test_telemetry_costs_no_call_for_an_item_read_by_itself():
    observers: dict[str, Any] = {"none": None, "idle": lambda _: None, "telemetry": Telemetry().observer}
    each = {
        name: (_calls_of_paced_stream(505, observer) - _calls_of_paced_stream(5, observer)) / 500
        for name, observer in observers.items()
    }
    assert each["idle"] == each["none"], each
    assert each["telemetry"] - each["none"] < 0.1, each  # OpenTelemetry's sampling of exemplars moves a few


def test_telemetry_costs_few_calls_and_none_for_an_item():
    more = {
        items: _calls_of_stream(items, observer=Telemetry().observer) - _calls_of_stream(items) for items in (5, 505)
    }
    assert more[505] - more[5] < 25, more  # for the chunks in which the items come
    assert more[5] < 150, more  # for its start, its end and what is in between


def test_telemetry_costs_few_calls_for_a_reply(serve):
    counts = []
    for options in ({}, {"observer": Telemetry().observer}):
        server = serve(replies(*[whole(_chat())] * 21))
        with Ollama(server.url, timeout=PATIENCE, **options) as client:
            client.chat("m", MESSAGES)
            with Calls(PACKAGE) as calls:
                for _ in range(20):
                    client.chat("m", MESSAGES, options=OPTIONS)
        counts.append(calls.python.total() / 20)
    plain, observed = counts
    assert observed - plain < 80, counts


def test_a_call_that_is_not_sampled_costs_nearly_nothing(serve):
    counts = []
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("t")
    for observer in (lambda _: None, OpenTelemetryObserver(tracer, NoOpMeter("t"), propagate=False)):
        server = serve(replies(*[whole(_chat())] * 21))
        with Ollama(server.url, timeout=PATIENCE, observer=observer) as client:
            client.chat("m", MESSAGES)
            with Calls(PACKAGE) as calls:
                for _ in range(20):
                    client.chat("m", MESSAGES, options=OPTIONS)
        counts.append(calls.python)
    idle, observed = counts
    assert not {"_body_of", "_request_attributes", "_reply_attributes"} & observed.keys()
    assert (observed - idle).total() / 20 < 20, observed - idle
