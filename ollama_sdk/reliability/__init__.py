"""Reliability policies as httpx transports: each works with a plain ``httpx`` client, and stacked in a fixed order.

A policy reads the properties of a call from ``request.extensions``. The clients of this package set them; with a plain ``httpx``
client the caller sets those that differ from the defaults. By default a POST is not repeated, and a reply is read whole before its
response is returned, so a POST with a streamed reply needs ``repeat`` and ``stream``::

    import httpx

    from ollama_sdk.reliability import Retry, RetryTransport

    transport = RetryTransport(httpx.HTTPTransport(), Retry())
    with httpx.Client(transport=transport, base_url="http://127.0.0.1:11434", timeout=600) as client:
        question = {"model": "llama3.2", "prompt": "Why is the sky blue?"}
        known = {"operation": "generate", "repeat": "safe", "stream": True}
        with client.stream("POST", "/api/generate", json=question, extensions=known) as response:
            for line in response.iter_lines():
                print(line)

============= ===== ==================== ===============================================================================
extension     type  default              what it does
============= ===== ==================== ===============================================================================
operation     str   ``"POST /api/chat"`` Names the call: in events and messages, and in ``Cache(operations=...)``. By
                                         default method and path.
repeat        str   see right            ``"safe"`` may be sent again, ``"never"`` only if it has not left, ``"resumes"``
                                         if ``Retry(resume=True)``. By default ``safe`` for GET and HEAD, else ``never``.
rewinds       bool  see right            Whether the body can be sent again. By default whether it is bytes.
stream        bool  ``False``            ``True`` returns the response at its first bytes, ``False`` when it is whole: up to
                                         there an attempt may fail and be repeated.
deadline      float ``None``             When the call ends, as ``time.monotonic()`` counts: nothing waits past it. A request
                                         in flight is ended by httpx's own ``timeout``.
began         float the attempt's start  When the call began, on the same clock: a timeout does not count against an
                                         endpoint that had less than half of the call's time.
first_item    float ``None``             Seconds until the first item or the whole reply: bounds the wait for an identical
                                         call whose reply the cache will share.
deterministic bool  ``False``            Whether the same request gets the same reply: only then does the cache keep it,
                                         unless ``Cache(any_call=True)``.
model         str   ``None``             The model, for ``Failover("model_aware")`` and events.
needs_model   bool  ``True``             Whether the endpoint must have that model; a pull needs none.
base_url      str   origin of the URL    How events and circuits name the endpoint, without failover.
outcome       bool  ``False``            Whether the caller reports the decoded outcome: it calls each function in
                                         ``response.extensions["outcome"]`` with an object that has the attributes
                                         ``error``, ``model``, ``input_tokens``, ``output_tokens`` and ``items``, each of
                                         which may be ``None``.
============= ===== ==================== ===============================================================================
"""

from __future__ import annotations

from .cache import AsyncCacheTransport, Cache, CacheControl, CacheStatistics, CacheTransport
from .circuit_breaker import AsyncCircuitBreakerTransport, CircuitBreaker, CircuitBreakerTransport
from .endpoint import Endpoint
from .events import (
    AttemptFailed,
    AttemptStarted,
    CacheHit,
    CacheMiss,
    CallEnded,
    CallStarted,
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    EndpointEjected,
    EndpointRevived,
    Event,
    FailedOver,
    Observer,
    Reconfigured,
    Refused,
    RetryScheduled,
    StreamChunk,
    StreamEnded,
    StreamFirstItem,
    StreamStarted,
    Waited,
    log_events,
)
from .failover import AsyncFailoverTransport, Failover, FailoverTransport
from .health import AsyncHealth, Health
from .health_check import EndpointHealth, HealthCheck
from .rate_limit import AsyncRateLimitTransport, RateLimit, RateLimitTransport
from .retry import AsyncRetryTransport, Retry, RetryBudget, RetryTransport
from .stack import Policies, Stack, build_async_stack, build_stack

__all__ = [
    "AsyncCacheTransport",
    "AsyncCircuitBreakerTransport",
    "AsyncFailoverTransport",
    "AsyncHealth",
    "AsyncRateLimitTransport",
    "AsyncRetryTransport",
    "AttemptFailed",
    "AttemptStarted",
    "Cache",
    "CacheControl",
    "CacheHit",
    "CacheMiss",
    "CacheStatistics",
    "CacheTransport",
    "CallEnded",
    "CallStarted",
    "CircuitBreaker",
    "CircuitBreakerTransport",
    "CircuitClosed",
    "CircuitHalfOpened",
    "CircuitOpened",
    "Endpoint",
    "EndpointEjected",
    "EndpointHealth",
    "EndpointRevived",
    "Event",
    "FailedOver",
    "Failover",
    "FailoverTransport",
    "Health",
    "HealthCheck",
    "Observer",
    "Policies",
    "RateLimit",
    "RateLimitTransport",
    "Reconfigured",
    "Refused",
    "Retry",
    "RetryBudget",
    "RetryScheduled",
    "RetryTransport",
    "Stack",
    "StreamChunk",
    "StreamEnded",
    "StreamFirstItem",
    "StreamStarted",
    "Waited",
    "build_async_stack",
    "build_stack",
    "log_events",
]
