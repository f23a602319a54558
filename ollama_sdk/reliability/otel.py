"""An observer that reports calls to OpenTelemetry by its conventions for generative AI; needs the extra ``[otel]``.

Spans, metrics and the optional event follow version 0.1.0 of those conventions. The observer works only at the start and the end of
a call, so it adds no cost per streamed item.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import httpx
import orjson
from opentelemetry import metrics, trace
from opentelemetry.propagate import get_global_textmap, inject

from ollama_sdk._bodies import is_whole
from ollama_sdk._secrets import redact, redact_data

from ._genai_messages import (
    input_messages,
    object_of,
    objects_in,
    output_messages,
    system_instructions,
    tool_definitions,
)
from .events import (
    AttemptStarted,
    CallEnded,
    CallStarted,
    Detail,
    DetailedObserver,
    Event,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
)

if TYPE_CHECKING:
    from opentelemetry._logs import Logger
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.trace import Span, Tracer

__all__ = ["OpenTelemetryObserver"]

Attributes = dict[str, Any]  # the values are attribute values of OpenTelemetry

# Operation names of the conventions. Other operations keep their own name.
_EMBEDDINGS = {"embed", "embeddings", "v1.embeddings.create"}
_INFERENCE = {
    "chat": "chat",
    "generate": "text_completion",
    "v1.chat.completions.create": "chat",
    "v1.completions.create": "text_completion",
    "v1.messages.create": "chat",
    "v1.responses.create": "chat",
}
_OPERATIONS = _INFERENCE | dict.fromkeys(_EMBEDDINGS, "embeddings")
_PORTS = {"http": 80, "https": 443}

# The attributes of request fields, which are in ``options`` on native routes, else in the body.
_INTEGERS = {
    "num_predict": "gen_ai.request.max_tokens",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "seed": "gen_ai.request.seed",
    "top_k": "gen_ai.request.top_k",
}
_NUMBERS = {key: f"gen_ai.request.{key}" for key in ("temperature", "top_p", "frequency_penalty", "presence_penalty")}
# The fields of a request that name the conversation or response that it continues.
_EARLIER = {
    "conversation": "gen_ai.conversation.id",
    "previous_response_id": "gen_ai.request.previous_response.id",
}
# By operation: the attributes and the paths of token counts that are parts of the prompt's or the answer's.
_CACHED, _WRITTEN, _REASONED = (
    f"gen_ai.usage.{kind}"
    for kind in ("cache_read.input_tokens", "cache_write.input_tokens", "reasoning.output_tokens")
)
_COMPLETION_TOKENS = (
    (_CACHED, ("usage", "prompt_tokens_details", "cached_tokens")),
    (_REASONED, ("usage", "completion_tokens_details", "reasoning_tokens")),
)
_TOKENS = {
    "chat": ((_CACHED, ("prompt_eval_cached_count",)),),
    "generate": ((_CACHED, ("prompt_eval_cached_count",)),),
    "v1.chat.completions.create": _COMPLETION_TOKENS,
    "v1.completions.create": _COMPLETION_TOKENS,
    "v1.messages.create": (
        (_CACHED, ("usage", "cache_read_input_tokens")),
        (_WRITTEN, ("usage", "cache_creation_input_tokens")),
    ),
    "v1.responses.create": (
        (_CACHED, ("usage", "input_tokens_details", "cached_tokens")),
        (_REASONED, ("usage", "output_tokens_details", "reasoning_tokens")),
    ),
}
_SECONDS = [0.01 * 2**power for power in range(14)]
_TOKEN_COUNTS = [4**power for power in range(14)]
# Events of every call or stream; the attributes of the span already contain their values.
_ROUTINE = (AttemptStarted, StreamStarted, StreamFirstItem, StreamEnded)
_DETAILS_EVENT = "gen_ai.client.inference.operation.details"


class OpenTelemetryObserver(DetailedObserver):
    """An observer that makes a client span for each call, with the events of its policies as span events, and client metrics.

    The parent of a span is the span that is current when the call starts. A span covers all attempts and ends with
    :class:`CallEnded`, for a stream when the stream has ended. Requests carry its context as the global propagator writes it, by
    default as ``traceparent``, ``tracestate`` and ``baggage``, unless the caller has set such a header.

    Spans and metrics contain no prompts, replies or other texts of the server, unless ``content`` is true. They never contain API
    keys. ``error.type`` is the class of the error, such as ``NotFoundError``, or the error status of a reply for which nothing was
    raised.

    A client or :func:`build_stack` reports calls. A policy transport alone reports only the policy's events, which make no span.
    An unpickled observer uses the global providers of its process. If another observer calls this one with the event only,
    request and reply are not reported.

    Args:
        tracer: Makes the spans; by default the global provider's.
        meter: Makes the metrics; by default the global provider's.
        logger: Emits the events; by default the global provider's.
        content: Whether to record messages, tools and error texts: in the event if there is one, else in the span.
        events: Whether to emit an event, as a log record, with the details of each inference.
        propagate: Whether requests carry the context of their span, and the baggage.
    """

    def __init__(
        self,
        tracer: Tracer | None = None,
        meter: Meter | None = None,
        logger: Logger | None = None,
        *,
        content: bool = False,
        events: bool = False,
        propagate: bool = True,
    ) -> None:
        self._tracer = tracer or trace.get_tracer("ollama_sdk")
        self._metrics = _Metrics(meter or metrics.get_meter("ollama_sdk"))
        self._content = content
        self._propagate = propagate
        self._logger: Logger | None = None
        if events:
            from opentelemetry._logs import get_logger  # imported only for events: its interface is not stable

            self._logger = logger or get_logger("ollama_sdk")
        self.wants_whole_replies = content
        self._calls: dict[int, _Call] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without tracer, meter, logger and spans, which belong to their process."""
        events = self._logger is not None
        return partial(type(self), content=self._content, events=events, propagate=self._propagate), ()

    def __call__(self, event: Event, detail: Detail | None = None) -> None:
        """Handle one event."""
        if isinstance(event, CallStarted):
            self._calls[event.call] = self._start(event, detail)
        elif isinstance(event, CallEnded):
            call = self._calls.pop(event.call, None)
            if call is not None:
                self._end(call, event, detail)
        elif event.call in self._calls:
            call = self._calls[event.call]
            if isinstance(event, StreamFirstItem):
                call.first_chunk = event.seconds
            if not isinstance(event, _ROUTINE) and call.span.is_recording():
                call.span.add_event(type(event).__name__, _event_attributes(event, self._content))

    def _start(self, event: CallStarted, detail: Detail | None) -> _Call:
        operation = _OPERATIONS.get(event.operation, event.operation)
        common: Attributes = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "ollama"}
        if event.model is not None:
            common["gen_ai.request.model"] = event.model
        name = operation if event.model is None else f"{operation} {event.model}"
        place = _server(event.endpoint)
        span = self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes={**common, **place})
        call = _Call(span, common, place, event.stream)
        if detail is None:
            return call
        if self._propagate:
            _inject(span, detail.request)
        if event.operation in _OPERATIONS and (span.is_recording() or self._logger is not None):
            body = _body_of(detail.request)
            call.request = _request_attributes(event, body)
            span.set_attributes(call.request)
            if self._content and event.operation in _INFERENCE:
                call.input = _input_content(body)
        return call

    def _end(self, call: _Call, event: CallEnded, detail: Detail | None) -> None:
        place = _server(event.endpoint)  # set again, because failover may have moved the call
        model: Attributes = {} if event.model is None else {"gen_ai.response.model": event.model}
        call.common |= {**model, **place}
        reply = _outcome_attributes(call, event, detail)
        content = self._content_of(call, event, detail)
        span = call.span
        if span.is_recording():
            span.set_attributes({**model, **(place if place != call.server else {}), **reply})
            if event.status is not None:
                span.set_attribute("http.response.status_code", event.status)
            if self._logger is None:
                span.set_attributes({name: orjson.dumps(each).decode() for name, each in content.items()})
            if "error.type" in reply:
                span.set_status(trace.StatusCode.ERROR, event.error if self._content else str(reply["error.type"]))
        self._metrics.record(call, event, reply)
        if self._logger is not None and event.operation in _INFERENCE:
            attributes = {**call.common, **call.request, **reply, **content}
            self._logger.emit(context=trace.set_span_in_context(span), event_name=_DETAILS_EVENT, attributes=attributes)
        span.end()

    def _content_of(self, call: _Call, event: CallEnded, detail: Detail | None) -> dict[str, Any]:
        """The content of a call without API keys; ``{}`` unless content is recorded."""
        if not self._content or detail is None or event.operation not in _INFERENCE:
            return {}
        output = output_messages(detail.whole) if detail.whole else []
        content = {**call.input, **({"gen_ai.output.messages": output} if output else {})}
        return {name: redact_data(each, partial(redact, detail.request)) for name, each in content.items()}


@attrs.define(eq=False)
class _Call:
    """A call that has started.

    Attributes:
        span: The span of the call.
        common: The attributes that span, metrics and event share.
        server: The attributes of the server at which it started.
        streams: Whether the caller asked for a stream.
        request: The attributes of the request.
        input: The content of the request.
        first_chunk: Seconds to the first bytes of the stream.
    """

    span: Span
    common: Attributes
    server: Attributes
    streams: bool
    request: Attributes = attrs.Factory(Attributes)
    input: dict[str, Any] = attrs.Factory(dict[str, Any])
    first_chunk: float | None = None


class _Metrics:
    """The client metrics of the conventions.

    ``time_per_output_chunk`` is recorded once for each stream, as the mean of its chunks: recording each chunk would take longer
    than reading it.
    """

    def __init__(self, meter: Meter) -> None:
        def seconds(name: str, description: str) -> Histogram:
            return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=_SECONDS)

        def tokens(name: str, description: str) -> Histogram:
            return meter.create_histogram(
                name, "{token}", description, explicit_bucket_boundaries_advisory=_TOKEN_COUNTS
            )

        self._inference = seconds("gen_ai.client.inference.duration", "How long an inference took, with all attempts.")
        self._embeddings = seconds("gen_ai.client.embeddings.duration", "How long a call for embeddings took.")
        self._other = seconds("gen_ai.client.operation.duration", "How long another call took.")
        self._first = seconds("gen_ai.client.inference.time_to_first_chunk", "Time to the first bytes of a stream.")
        self._per_chunk = seconds(
            "gen_ai.client.inference.time_per_output_chunk", "Mean time of a stream's other chunks."
        )
        self._embedded = tokens("gen_ai.client.embeddings.operation.input_tokens", "Tokens of the texts of a call.")
        self._per_call = {
            kind: tokens(
                f"gen_ai.client.inference.operation.{kind}", f"{kind.replace('_', ' ').capitalize()} of a call."
            )
            for kind in ("input_tokens", "output_tokens")
        }
        self._used = {
            kind: meter.create_counter(f"gen_ai.client.inference.usage.{kind}", "{token}", "Tokens of all calls.")
            for kind in (
                "input_tokens",
                "output_tokens",
                "cache_read.input_tokens",
                "cache_write.input_tokens",
                "reasoning.output_tokens",
            )
        }

    def record(self, call: _Call, event: CallEnded, reply: Attributes) -> None:
        """Record a call that has ended, with the attributes of its reply."""
        common = call.common
        ended = common if "error.type" not in reply else {**common, "error.type": reply["error.type"]}
        if event.operation in _EMBEDDINGS:
            self._embeddings.record(event.seconds, ended)
            if "gen_ai.usage.input_tokens" in reply:
                self._embedded.record(_count(reply, "input_tokens"), common)
            return
        if event.operation not in _INFERENCE:
            self._other.record(event.seconds, ended)
            return
        self._inference.record(event.seconds, ended)
        for kind, histogram in self._per_call.items():
            histogram.record(_count(reply, kind), ended)
        for kind, counter in self._used.items():
            name = f"gen_ai.usage.{kind}"
            # Ollama does not report how many tokens of a prompt come from images.
            modality = "text" if kind.endswith("output_tokens") and name in reply else "unknown"
            if name in reply or "." not in kind:
                counter.add(_count(reply, kind), {**common, "gen_ai.token.modality": modality})
        if call.streams and call.first_chunk is not None:
            self._first.record(call.first_chunk, common)
            if event.items is not None and event.items > 1:
                self._per_chunk.record((event.seconds - call.first_chunk) / (event.items - 1), common)


def _count(reply: Attributes, kind: str) -> int:
    count = reply.get(f"gen_ai.usage.{kind}", 0)
    return count if isinstance(count, int) else 0


# The request


def _inject(span: Span, request: httpx.Request) -> None:
    """Add the context of a span to a request, and remove the context of an earlier call with the same request."""
    for name in request.extensions.pop("propagated", ()):
        del request.headers[name]
    # A context that the caller has set is kept whole, because a mixture of two contexts is invalid.
    if any(name in request.headers for name in get_global_textmap().fields - {"baggage"}):
        return
    carrier: dict[str, str] = {}
    inject(carrier, trace.set_span_in_context(span))
    added = {name: value for name, value in carrier.items() if name not in request.headers}
    request.extensions["propagated"] = tuple(added)
    request.headers.update(added)


def _body_of(request: httpx.Request) -> dict[str, Any]:
    """The JSON object that a request sends; ``{}`` for any other body."""
    if not is_whole(request.stream):
        return {}
    try:
        body = orjson.loads(request.read())
    except orjson.JSONDecodeError:
        return {}
    return object_of(body)


def _request_attributes(event: CallStarted, body: dict[str, Any]) -> Attributes:
    found: Attributes = {}
    if event.operation in _EMBEDDINGS:
        if isinstance(body.get("dimensions"), int):
            found["gen_ai.embeddings.dimension.count"] = body["dimensions"]
        if isinstance(body.get("encoding_format"), str):
            found["gen_ai.request.encoding_formats"] = [body["encoding_format"]]
        return found
    given = object_of(body.get("options")) | body
    _add_sampling(given, found)
    if event.stream:
        found["gen_ai.request.stream"] = True
    choices = given.get("n")
    if event.operation.startswith("v1.") and isinstance(choices, int) and choices != 1:  # the conventions leave 1 out
        found["gen_ai.request.choice.count"] = choices
    level = given.get("think", given.get("reasoning_effort"))
    if "reasoning" in given:
        level = object_of(given["reasoning"]).get("effort")
    if isinstance(level, str):
        found["gen_ai.request.reasoning.level"] = level
    for key, name in _EARLIER.items():
        if isinstance(given.get(key), str):
            found[name] = given[key]
    _add_output_type(given, found)
    return found


def _add_sampling(given: dict[str, Any], found: Attributes) -> None:
    for key, name in _INTEGERS.items():
        value = given.get(key)
        if isinstance(value, int) and (value >= 0 or key != "num_predict"):  # a negative num_predict sets no limit
            found[name] = value
    for key, name in _NUMBERS.items():
        value = given.get(key)
        if isinstance(value, (int, float)):
            found[name] = float(value)
    stop: Any = given.get("stop", given.get("stop_sequences"))
    if stop:
        found["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else stop


def _add_output_type(given: dict[str, Any], found: Attributes) -> None:
    form: Any = given.get("format", given.get("response_format"))
    if "text" in given:
        form = object_of(given["text"]).get("format")
    if form:
        found["gen_ai.output.type"] = "text" if object_of(form).get("type") == "text" else "json"


def _input_content(body: dict[str, Any]) -> dict[str, Any]:
    content = {
        "gen_ai.input.messages": input_messages(body),
        "gen_ai.system_instructions": system_instructions(body),
        "gen_ai.tool.definitions": tool_definitions(body),
    }
    return {name: value for name, value in content.items() if value}


# The reply


def _outcome_attributes(call: _Call, event: CallEnded, detail: Detail | None) -> Attributes:
    """The attributes of a reply or of an error."""
    found: Attributes = {}
    if detail is not None and event.operation in _OPERATIONS:
        found |= _reply_attributes(event, detail)
    _add_tokens(event, found)
    error_type = _error_type(event)
    if error_type is not None:
        found["error.type"] = error_type
    if event.operation in _INFERENCE:
        if event.error is not None and event.status is not None and httpx.codes.is_success(event.status):
            found.setdefault("gen_ai.response.finish_reasons", ["error"])
        if call.streams and call.first_chunk is not None:
            found["gen_ai.response.time_to_first_chunk"] = call.first_chunk
    return found


def _reply_attributes(event: CallEnded, detail: Detail) -> Attributes:
    found: Attributes = {}
    if event.operation in _EMBEDDINGS:
        for reply in detail.parts:
            _add_dimension_count(reply, found)
        return found
    for given in detail.parts:
        # In the events of /v1/responses and /v1/messages, the reply is a field.
        part = given
        if "type" in given and ("response" in given or "message" in given):
            part = object_of(given.get("response", given.get("message")))
        if "gen_ai.response.id" not in found and part.get("id"):
            found["gen_ai.response.id"] = redact(detail.request, str(part["id"]))
        reasons = _finish_reasons(part)
        if reasons:
            found["gen_ai.response.finish_reasons"] = [redact(detail.request, each) for each in reasons]
        for name, path in _TOKENS[event.operation]:
            count = part.get(path[0]) if len(path) == 1 else _value_at(path, part)
            if count and isinstance(count, int):
                found[name] = count
    return found


def _add_dimension_count(reply: dict[str, Any], found: Attributes) -> None:
    vectors: Any = reply.get("embeddings") or [reply.get("embedding")]
    if reply.get("data"):
        vectors = [object_of(reply["data"][0]).get("embedding")]
    if isinstance(vectors[0], list) and vectors[0]:
        found["gen_ai.embeddings.dimension.count"] = len(vectors[0])


def _finish_reasons(reply: dict[str, Any]) -> list[str]:
    """The finish reason of each choice of a reply, as far as it has one."""
    if "choices" in reply:
        reasons = [choice.get("finish_reason") for choice in objects_in(reply["choices"])]
    elif reply.get("object") == "response":
        incomplete = reply.get("incomplete_details")
        reasons = [object_of(incomplete).get("reason") if incomplete else reply.get("status")]
    elif "delta" in reply:
        reasons = [object_of(reply["delta"]).get("stop_reason")]
    else:
        reasons = [reply.get("done_reason", reply.get("stop_reason"))]
    return [reason for reason in reasons if isinstance(reason, str) and reason != "in_progress"]


def _add_tokens(event: CallEnded, reply: Attributes) -> None:
    """Add the token counts of prompt and answer, cached tokens included."""
    if isinstance(event.input_tokens, int):
        cached = 0
        if event.operation == "v1.messages.create":  # the only route that counts them separately
            cached = _count(reply, "cache_read.input_tokens") + _count(reply, "cache_write.input_tokens")
        reply["gen_ai.usage.input_tokens"] = event.input_tokens + cached
    if isinstance(event.output_tokens, int):
        reply["gen_ai.usage.output_tokens"] = event.output_tokens


def _error_type(event: CallEnded) -> str | None:
    """The class of the error, or the status if it is an error status that the caller did not raise."""
    if event.error is not None:
        return event.error.partition(":")[0]
    return str(event.status) if event.status is not None and httpx.codes.is_error(event.status) else None


@lru_cache(maxsize=1024)
def _server(endpoint: str) -> Attributes:
    parts = urlsplit(endpoint)
    port = parts.port or _PORTS.get(parts.scheme)
    return {"server.address": parts.hostname or "", **({} if port is None else {"server.port": port})}


def _event_attributes(event: Event, content: bool) -> Attributes:
    values = dict(vars(event))
    reason = values.get("reason")
    if isinstance(reason, str) and not content:  # the text after the class may come from the server
        values["reason"] = reason.partition(":")[0]
    return {
        f"ollama_sdk.{name}": value
        for name, value in values.items()
        if name not in {"call", "at"} and value is not None
    }


def _value_at(path: tuple[str, ...], data: Any) -> Any:
    for name in path:
        data = object_of(data).get(name)
    return data
