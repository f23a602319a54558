"""An observer that makes one OpenTelemetry span of each call; needs the extra ``[otel]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import httpx
from opentelemetry import trace

from .events import CallEnded, CallStarted, Event

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

__all__ = ["OpenTelemetryObserver"]

# Operation names of OpenTelemetry's semantic conventions for generative AI. Other operations keep their own name.
_OPERATIONS = {
    "chat": "chat",
    "generate": "text_completion",
    "embed": "embeddings",
    "embeddings": "embeddings",
    "v1.chat.completions.create": "chat",
    "v1.completions.create": "text_completion",
    "v1.embeddings.create": "embeddings",
    "v1.messages.create": "chat",
    "v1.responses.create": "chat",
}
_PORTS = {"http": 80, "https": 443}


class OpenTelemetryObserver:
    """An observer that makes a span of kind client of each call, with the other events of the call as span events.

    A span begins under the span that is current where the call is made. It ends with :class:`CallEnded`; that of a stream when
    the stream has ended. Its attributes are those of the semantic conventions for generative AI.

    Calls are reported by a client or by :func:`build_stack`. A policy transport by itself reports only what it does, which makes
    no span. An observer that is unpickled, in another process, uses the tracer of the global provider there.

    Args:
        tracer: Makes the spans; by default that of the global provider.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = tracer or trace.get_tracer("ollama_sdk")
        self._spans: dict[int, Span] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Without tracer and spans, which belong to their process."""
        return type(self), ()

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        if isinstance(event, CallStarted):
            self._spans[event.call] = self._start(event)
        elif isinstance(event, CallEnded):
            _end(self._spans.pop(event.call, trace.INVALID_SPAN), event)
        elif event.call in self._spans:
            self._spans[event.call].add_event(type(event).__name__, _attributes(event))

    def _start(self, event: CallStarted) -> Span:
        operation = _OPERATIONS.get(event.operation, event.operation)
        attributes: dict[str, AttributeValue] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "ollama",
            **_server(event.endpoint),
        }
        if event.model is not None:
            attributes["gen_ai.request.model"] = event.model
        name = operation if event.model is None else f"{operation} {event.model}"
        return self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)


def _end(span: Span, event: CallEnded) -> None:
    error_type = _error_type(event)
    attributes = {
        # Again: failover may have moved the call.
        **_server(event.endpoint),
        "http.response.status_code": event.status,
        "gen_ai.response.model": event.model,
        "gen_ai.usage.input_tokens": event.input_tokens,
        "gen_ai.usage.output_tokens": event.output_tokens,
        "error.type": error_type,
    }
    span.set_attributes({name: value for name, value in attributes.items() if value is not None})
    if error_type is not None:
        span.set_status(trace.StatusCode.ERROR, event.error)
    span.end()


def _error_type(event: CallEnded) -> str | None:
    """The class of the error, or the status if it is an error status that the caller did not raise."""
    if event.error is not None:
        return event.error.partition(":")[0]
    return str(event.status) if event.status is not None and httpx.codes.is_error(event.status) else None


def _server(endpoint: str) -> dict[str, AttributeValue]:
    parts = urlsplit(endpoint)
    port = parts.port or _PORTS.get(parts.scheme)
    return {"server.address": parts.hostname or "", **({} if port is None else {"server.port": port})}


def _attributes(event: Event) -> dict[str, AttributeValue]:
    values = attrs.asdict(event, recurse=False)
    return {
        f"ollama_sdk.{name}": value
        for name, value in values.items()
        if name not in {"call", "at"} and value is not None
    }
