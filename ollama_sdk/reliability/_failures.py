"""Classifies and describes the outcome of an attempt."""

from __future__ import annotations

import httpx

from ollama_sdk._secrets import redact, request_of
from ollama_sdk.errors import NoEndpointError

__all__ = ["CONNECTION_ERRORS", "ENDPOINT_ERRORS", "Outcome", "described", "is_each"]

Outcome = httpx.Response | Exception

# The connection could not be made, or broke.
CONNECTION_ERRORS: tuple[type[Exception], ...] = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)

# The endpoint caused the error, also by not answering. ``PoolTimeout`` is absent: our own connection pool caused it.
ENDPOINT_ERRORS: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, httpx.ReadTimeout, httpx.WriteTimeout)


def described(outcome: Outcome | BaseException, request: httpx.Request) -> str:
    """Describe an outcome as ``status 503``, or as ``Class: text`` without the secrets of the request.

    Args:
        outcome: The outcome of the attempt.
        request: The request of the attempt or of its call; an error may also hold its own request.
    """
    if isinstance(outcome, httpx.Response):
        return f"status {outcome.status_code}"
    text = redact(request, str(outcome))
    sent = request_of(outcome)
    text = text if sent is None or sent is request else redact(sent, text)
    return f"{type(outcome).__name__}: {text}" if text else type(outcome).__name__


def is_each(outcome: Outcome | None, kinds: type[Exception] | tuple[type[Exception], ...]) -> bool:
    """Whether ``outcome`` is an instance of ``kinds``; for failover over several endpoints, whether each error is."""
    if isinstance(outcome, NoEndpointError):
        return all(is_each(error, kinds) for error in outcome.exceptions)
    return isinstance(outcome, kinds)
