"""Says what became of an attempt, in the words of events and error messages."""

from __future__ import annotations

import httpx

__all__ = ["CONNECTION_ERRORS", "ENDPOINT_ERRORS", "Outcome", "described", "status_error"]

Outcome = httpx.Response | Exception

# The connection could not be made, or broke.
CONNECTION_ERRORS: tuple[type[Exception], ...] = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)

# The endpoint is at fault: also when it has gone silent. A full connection pool of our own is not its fault.
ENDPOINT_ERRORS: tuple[type[Exception], ...] = (*CONNECTION_ERRORS, httpx.ReadTimeout, httpx.WriteTimeout)


def described(outcome: Outcome | BaseException) -> str:
    """``status 503``, or the error as ``Class: text``."""
    if isinstance(outcome, httpx.Response):
        return f"status {outcome.status_code}"
    return f"{type(outcome).__name__}: {outcome}" if str(outcome) else type(outcome).__name__


def status_error(request: httpx.Request, endpoint: str, response: httpx.Response) -> httpx.HTTPStatusError:
    """A response as an exception, for where several failures are told together."""
    return httpx.HTTPStatusError(f"{endpoint} answered {response.status_code}", request=request, response=response)
