"""An observer that reports calls to OpenTelemetry by its conventions for generative AI; needs the extra ``[otel]``.

Spans, metrics and the optional event follow version 0.1.0 of those conventions. The observer works only at the start and the end of
a call, so it adds no cost per streamed item, unless each chunk is to be recorded.
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

from ollama_sdk._bodies import WholeBody
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
    StreamChunk,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry._logs import Logger
    from opentelemetry.context import Context
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
_USAGE = [
    f"gen_ai.usage.{kind}"
    for kind in (
        "input_tokens",
        "output_tokens",
        "cache_read.input_tokens",
        "cache_write.input_tokens",
        "reasoning.output_tokens",
    )
]
_INPUT, _OUTPUT, _CACHED, _WRITTEN, _REASONED = _USAGE
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
_ERROR = 400
_NO_SPAN = trace.set_span_in_context(trace.INVALID_SPAN)
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
        each_chunk: Whether to record the time of each chunk of a stream, as the conventions ask, at some 50 Python calls for a
            chunk, which is what one read brings. By default only the mean of a stream is recorded, once.
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
        each_chunk: bool = False,
    ) -> None:
        self._tracer = tracer or trace.get_tracer("ollama_sdk")
        self._metrics = _Metrics(meter or metrics.get_meter("ollama_sdk"), each_chunk=each_chunk)
        self._content = content
        self._propagate = propagate
        self._logger: Logger | None = None
        if events:
            from opentelemetry._logs import get_logger  # imported only for events: its interface is not stable

            self._logger = logger or get_logger("ollama_sdk")
        self.wants_whole_replies = content
        self.wants_chunks = each_chunk
        self._calls: dict[int, _TracedCall] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without tracer, meter, logger and spans, which belong to their process."""
        return partial(
            type(self),
            content=self._content,
            events=self._logger is not None,
            propagate=self._propagate,
            each_chunk=self.wants_chunks,
        ), ()

    def __call__(self, event: Event, detail: Detail | None = None) -> None:
        """Handle one event."""
        if isinstance(event, CallStarted):
            self._calls[event.call] = self._start(event, detail)
        elif isinstance(event, CallEnded):
            call = self._calls.pop(event.call, None)
            if call is not None:
                self._end(call, event, detail)
        elif event.call in self._calls:
            self._go_on(self._calls[event.call], event)

    def _start(self, event: CallStarted, detail: Detail | None) -> _TracedCall:
        common = _common_attributes(event.operation, event.endpoint, event.model)
        operation = common["gen_ai.operation.name"]
        name = operation if event.model is None else f"{operation} {event.model}"
        # A copy, because a sampler gets it too and may write into it; the cached one is of other calls as well.
        span = self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes={**common})
        call = _TracedCall(span, span.is_recording(), trace.set_span_in_context(span), event, common)
        if detail is None:
            return call
        if self._propagate:
            _inject(call.context, detail.request)
        if event.operation in _OPERATIONS and (call.is_recorded or self._logger is not None):
            body = _body_of(detail.request)
            call.request = _request_attributes(event, body)
            if self._content and event.operation in _INFERENCE:
                call.input = _input_content(body)
        return call

    def _go_on(self, call: _TracedCall, event: Event) -> None:
        """Take note of an event between start and end."""
        if isinstance(event, StreamChunk):
            self._metrics.record_chunk(call, event)
            call.last_chunk = event.seconds
        elif isinstance(event, StreamFirstItem):
            call.first_chunk = call.last_chunk = event.seconds
        elif call.is_recorded and not isinstance(event, _ROUTINE):
            call.span.add_event(type(event).__name__, _event_attributes(event, self._content))

    def _end(self, call: _TracedCall, event: CallEnded, detail: Detail | None) -> None:
        # Those of its end, because failover may have moved the call.
        common = _common_attributes(event.operation, event.endpoint, call.start.model, event.model)
        usage = _usage(event, () if detail is None else detail.parts)
        error = _error_type(event)
        self._metrics.record(call, event, common, usage, error)
        if call.is_recorded or self._logger is not None:
            failed = {} if error is None else {"error.type": error}
            self._describe(call, event, detail, common, {**call.request, **usage, **failed})
        call.span.end()

    def _describe(
        self, call: _TracedCall, event: CallEnded, detail: Detail | None, common: Attributes, known: Attributes
    ) -> None:
        """Set the attributes of the span, and emit the event; a span that is not recorded needs none of it."""
        known |= _reply_attributes(call, event, detail)
        content = self._content_of(call, event, detail)
        if call.is_recorded:
            texts = {} if self._logger is not None else content
            status = {} if event.status is None else {"http.response.status_code": event.status}
            changed = common.items() - call.common.items()
            call.span.set_attributes(
                {
                    **dict(changed),
                    **known,
                    **status,
                    **{name: orjson.dumps(each).decode() for name, each in texts.items()},
                }
            )
            if "error.type" in known:
                call.span.set_status(trace.StatusCode.ERROR, event.error if self._content else known["error.type"])
        if self._logger is not None and event.operation in _INFERENCE:
            attributes = {**common, **known, **content}
            self._logger.emit(context=call.context, event_name=_DETAILS_EVENT, attributes=attributes)

    def _content_of(self, call: _TracedCall, event: CallEnded, detail: Detail | None) -> dict[str, Any]:
        """The content of a call without API keys; ``{}`` unless content is recorded."""
        if not self._content or detail is None or event.operation not in _INFERENCE:
            return {}
        output = output_messages(detail.whole) if detail.whole else []
        content = {**call.input, **({"gen_ai.output.messages": output} if output else {})}
        return {name: redact_data(each, partial(redact, detail.request)) for name, each in content.items()}


@attrs.define(eq=False)
class _TracedCall:
    """A call that has started.

    Attributes:
        span: The span of the call.
        is_recorded: Whether the span is recorded; a sampler may have left it out.
        context: The context that holds the span.
        start: The event of its start.
        common: The common attributes at its start.
        request: The attributes of the request.
        input: The content of the request.
        first_chunk: Seconds to the first bytes of the stream.
        last_chunk: Seconds to its latest bytes, as far as each chunk is reported.
    """

    span: Span
    is_recorded: bool
    context: Context
    start: CallStarted
    common: Attributes
    request: Attributes = attrs.Factory(Attributes)
    input: dict[str, Any] = attrs.Factory(dict[str, Any])
    first_chunk: float | None = None
    last_chunk: float = 0.0


class _Metrics:
    """The client metrics of the conventions.

    A histogram gets the context of the call, so that an exemplar refers to its span: the end may be reported in the context of
    another call. A counter gets none, because its exemplars would say nothing of a sum.

    Args:
        meter: Makes the instruments.
        each_chunk: Whether ``time_per_output_chunk`` is recorded for each chunk. Otherwise it is recorded once for each stream,
            as the mean of its chunks: recording each chunk takes longer than reading it.
    """

    def __init__(self, meter: Meter, *, each_chunk: bool) -> None:
        self._each_chunk = each_chunk

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
            "gen_ai.client.inference.time_per_output_chunk",
            "Time from one chunk to the next." if each_chunk else "Mean time of a stream's other chunks.",
        )
        self._embedded = tokens("gen_ai.client.embeddings.operation.input_tokens", "Tokens of the texts of a call.")
        self._per_call = {
            f"gen_ai.usage.{kind}": tokens(
                f"gen_ai.client.inference.operation.{kind}", f"{kind.replace('_', ' ').capitalize()} of a call."
            )
            for kind in ("input_tokens", "output_tokens")
        }
        self._used = {
            name: meter.create_counter(f"gen_ai.client.inference{name[6:]}", "{token}", "Tokens of all calls.")
            for name in _USAGE
        }

    def record(
        self, call: _TracedCall, event: CallEnded, common: Attributes, usage: dict[str, int], error: str | None
    ) -> None:
        """Record a call that has ended.

        Args:
            call: The call.
            event: The event of its end.
            common: The attributes of every metric.
            usage: The token counts, by their attributes.
            error: The type of its error.
        """
        context = call.context
        ended = common if error is None else {**common, "error.type": error}
        if event.operation in _EMBEDDINGS:
            self._embeddings.record(event.seconds, ended, context)
            if _INPUT in usage:
                self._embedded.record(usage[_INPUT], common, context)
            return
        if event.operation not in _INFERENCE:
            self._other.record(event.seconds, ended, context)
            return
        self._inference.record(event.seconds, ended, context)
        for name, histogram in self._per_call.items():
            histogram.record(usage.get(name, 0), ended, context)
        unknown = {**common, "gen_ai.token.modality": "unknown"}  # Ollama does not report how many tokens are of images
        text = {**common, "gen_ai.token.modality": "text"}
        for name, counter in self._used.items():
            if name in usage:
                counter.add(usage[name], text if name.endswith("output_tokens") else unknown, _NO_SPAN)
            elif name in self._per_call:
                counter.add(0, unknown, _NO_SPAN)
        if call.start.stream and call.first_chunk is not None:
            self._first.record(call.first_chunk, common, context)
            if not self._each_chunk and event.items is not None and event.items > 1:
                mean = (event.seconds - call.first_chunk) / (event.items - 1)
                self._per_chunk.record(mean, common, context)

    def record_chunk(self, call: _TracedCall, event: StreamChunk) -> None:
        """Record a chunk of a stream; the model that answers is not known yet."""
        if call.start.stream and event.operation in _INFERENCE:
            common = _common_attributes(event.operation, event.endpoint, call.start.model)
            self._per_chunk.record(event.seconds - call.last_chunk, common, call.context)


@lru_cache(maxsize=1024)
def _common_attributes(operation: str, endpoint: str, model: str | None, answered: str | None = None) -> Attributes:
    """The attributes that span, metrics and event share; not to be changed.

    Args:
        operation: The name of the call.
        endpoint: The base URL of the server.
        model: The model in the request.
        answered: The model in the reply.
    """
    found: Attributes = {
        "gen_ai.operation.name": _OPERATIONS.get(operation, operation),
        "gen_ai.provider.name": "ollama",
    }
    if model is not None:
        found["gen_ai.request.model"] = model
    if answered is not None:
        found["gen_ai.response.model"] = answered
    parts = urlsplit(endpoint)
    found["server.address"] = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme)
    if port is not None:
        found["server.port"] = port
    return found


# The request


def _inject(context: Context, request: httpx.Request) -> None:
    """Add the context of a span to a request, and remove the context of an earlier call with the same request."""
    headers = request.headers
    for name in request.extensions.pop("propagated", ()):
        del headers[name]
    given = {name.lower() for name, _ in headers.raw}
    # A context that the caller has set is kept whole, because a mixture of two contexts is invalid.
    if given & {name.lower().encode() for name in get_global_textmap().fields - {"baggage"}}:
        return
    carrier: dict[str, str] = {}
    inject(carrier, context)
    added = request.extensions["propagated"] = [name for name in carrier if name.lower().encode() not in given]
    for name in added:
        headers[name] = carrier[name]


def _body_of(request: httpx.Request) -> dict[str, Any]:
    """The JSON object that a request sends; ``{}`` for any other body."""
    if not isinstance(request.stream, WholeBody):
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


def _usage(event: CallEnded, parts: Iterable[dict[str, Any]]) -> dict[str, int]:
    """The token counts, by their attributes; those of the prompt include the cached ones."""
    found: dict[str, int] = {}
    for reply in map(_reply_in, parts):
        for name, path in _TOKENS.get(event.operation, ()):
            count = reply.get(path[0]) if len(path) == 1 else _value_at(path, reply)
            if count and isinstance(count, int):
                found[name] = count
    if isinstance(event.input_tokens, int):
        cached = 0
        if event.operation == "v1.messages.create":  # the only route that counts them separately
            cached = found.get(_CACHED, 0) + found.get(_WRITTEN, 0)
        found[_INPUT] = event.input_tokens + cached
    if isinstance(event.output_tokens, int):
        found[_OUTPUT] = event.output_tokens
    return found


def _reply_in(part: dict[str, Any]) -> dict[str, Any]:
    """The reply in a part; in the events of /v1/responses and /v1/messages it is a field."""
    if "type" in part and ("response" in part or "message" in part):
        return object_of(part.get("response", part.get("message")))
    return part


def _reply_attributes(call: _TracedCall, event: CallEnded, detail: Detail | None) -> Attributes:
    """The attributes of a reply, apart from its usage."""
    found: Attributes = {}
    if detail is not None and event.operation in _EMBEDDINGS:
        for reply in detail.parts:
            _add_dimension_count(reply, found)
    elif detail is not None and event.operation in _INFERENCE:
        for part in detail.parts:
            _add_identity(_reply_in(part), detail.request, found)
    if event.operation in _INFERENCE:
        if event.error is not None and event.status is not None and httpx.codes.is_success(event.status):
            found.setdefault("gen_ai.response.finish_reasons", ["error"])
        if call.start.stream and call.first_chunk is not None:
            found["gen_ai.response.time_to_first_chunk"] = call.first_chunk
    return found


def _add_identity(reply: dict[str, Any], request: httpx.Request, found: Attributes) -> None:
    """Add the id of a reply, and why it ended."""
    if "gen_ai.response.id" not in found and reply.get("id"):
        found["gen_ai.response.id"] = redact(request, str(reply["id"]))
    reasons = _finish_reasons(reply)
    if reasons:
        found["gen_ai.response.finish_reasons"] = [redact(request, each) for each in reasons]


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


def _error_type(event: CallEnded) -> str | None:
    """The class of the error, or the status if it is an error status that the caller did not raise."""
    if event.error is not None:
        return event.error.partition(":")[0]
    return str(event.status) if event.status is not None and event.status >= _ERROR else None


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
