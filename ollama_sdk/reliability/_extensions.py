"""Reads the properties of a call from ``request.extensions``; :mod:`ollama_sdk.reliability` lists them.

The policies write five more there: ``call``, the number in all events of a call; ``observer``, which receives the events;
``endpoint``, the base URL of the latest attempt; ``attempt``, the number of that attempt, from 1; ``out_of_time``, whether the call
ended because its deadline left no time for another attempt.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import httpx

from ollama_sdk._bodies import WholeBody
from ollama_sdk.errors import APITimeoutError, CircuitOpenError, describe_call

from ._failures import is_each

if TYPE_CHECKING:
    from ollama_sdk._concurrency.clock import Clock
    from ollama_sdk.errors import TimeoutPhase

__all__ = [
    "CALLS",
    "about",
    "cut_short",
    "deadline_of",
    "endpoint_of",
    "first_item_of",
    "is_deterministic",
    "is_stream",
    "may_repeat",
    "model_of",
    "operation_of",
    "out_of_time",
    "ran_out",
]

# With these errors the request was never sent, so it may be sent again.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, CircuitOpenError)

# The numbers of the calls in events.
CALLS = itertools.count(1)


def operation_of(request: httpx.Request) -> str:
    """The name of the call."""
    name: str | None = request.extensions.get("operation")
    return f"{request.method} {request.url.path}" if name is None else name


def is_stream(request: httpx.Request) -> bool:
    """Whether the caller takes the reply piece by piece."""
    return bool(request.extensions.get("stream", False))


def deadline_of(request: httpx.Request) -> float | None:
    """When the whole call ends, on the monotonic clock; ``None`` without a limit."""
    deadline: float | None = request.extensions.get("deadline")
    return None if deadline == math.inf else deadline


def first_item_of(request: httpx.Request) -> float | None:
    """Seconds until the first item of a stream, or until the whole reply; ``None`` without a limit."""
    seconds: float | None = request.extensions.get("first_item")
    return seconds


def ran_out(request: httpx.Request) -> bool:
    """Whether the call ended because of its deadline: its outcome does not apply to a call with more time."""
    return bool(request.extensions.get("out_of_time", False))


def model_of(request: httpx.Request) -> str | None:
    """The model that the call names."""
    model: str | None = request.extensions.get("model")
    return model


def is_deterministic(request: httpx.Request) -> bool:
    """Whether the same request gets the same answer again."""
    return bool(request.extensions.get("deterministic", False))


def endpoint_of(request: httpx.Request) -> str:
    """The base URL of the endpoint of the request: the one that failover chose, else the caller's."""
    endpoint: str | None = request.extensions.get("endpoint") or request.extensions.get("base_url")
    if endpoint is not None:
        return endpoint
    url = request.url
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def about(request: httpx.Request, clock: Clock) -> tuple[int, str, str, float]:
    """The four values that every event begins with: call, operation, endpoint, time."""
    extensions: Any = request.extensions
    try:  # Called several times a call, so the usual case makes no further function calls.
        endpoint = extensions.get("endpoint") or extensions["base_url"]
        return extensions["call"], extensions["operation"], endpoint, clock.monotonic()
    except KeyError:  # with a plain httpx client, or without an observer of the whole call
        number = extensions.get("call") or extensions.setdefault("call", next(CALLS))
        return number, operation_of(request), endpoint_of(request), clock.monotonic()


def may_repeat(request: httpx.Request, failure: Exception | None = None, *, resume: bool = False) -> bool:
    """Decide whether the request may be sent again after ``failure``; no other place decides it.

    A body that can be read only once is never sent again. Otherwise the request must be idempotent (``repeat`` is ``safe``), or
    the failure must show that it was never sent. ``resume`` also admits operations that the server continues where they stopped.
    """
    if not request.extensions.get("rewinds", isinstance(request.stream, WholeBody)):
        return False
    repeat: str | None = request.extensions.get("repeat")
    if repeat is None:
        repeat = "safe" if request.method in {"GET", "HEAD"} else "never"
    return repeat == "safe" or (resume and repeat == "resumes") or is_each(failure, _NEVER_SENT)


def cut_short(request: httpx.Request, failure: BaseException, since: float, now: float) -> bool:
    """Whether an attempt timed out because the call had spent its time before: in a queue, or on earlier attempts.

    Such a failure does not count against the endpoint. It is a timeout at the deadline of the call, if the attempt had less than
    half of the call's time.

    Args:
        request: The request of the attempt.
        failure: The error of the attempt.
        since: When the attempt began, in seconds on the monotonic clock.
        now: When it ended, on the same clock.
    """
    deadline = deadline_of(request)
    if deadline is None or now < deadline or not isinstance(failure, httpx.TimeoutException):
        return False
    began: float = request.extensions.get("began", since)
    return (now - since) * 2 < now - began


def out_of_time(request: httpx.Request, waiting_for: str, phase: TimeoutPhase = "total") -> APITimeoutError:
    """The error of a call without time left to wait, because of its limit ``phase``."""
    return APITimeoutError(
        f"{describe_call(request)}: the {phase} timeout leaves no time to wait for {waiting_for}; "
        f"allow a longer {phase} or send fewer calls at once",
        phase=phase,
    )
