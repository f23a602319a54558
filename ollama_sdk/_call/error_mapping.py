"""Maps HTTP statuses and exceptions of lower layers to the errors of this package; no other module does."""

from __future__ import annotations

import contextlib
import math
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from ollama_sdk._json import loads
from ollama_sdk._secrets import clean, redact, redact_data, request_of
from ollama_sdk.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    IncompleteReplyError,
    NoEndpointError,
    OllamaError,
    TimeoutPhase,
    decoded_headers,
    describe_call,
    status_error_class,
)

if TYPE_CHECKING:
    from .request import Call

__all__ = ["decode_error", "status_error", "transport_error"]

# Exceptions of the transport


_TIMEOUTS: tuple[tuple[type[httpx.TimeoutException], TimeoutPhase], ...] = (
    (httpx.ConnectTimeout, "connect"),
    (httpx.PoolTimeout, "pool"),
    (httpx.WriteTimeout, "write"),
)
_WHAT_TOOK_TOO_LONG: dict[TimeoutPhase, str] = {
    "connect": "the server could not be reached; check the host, or allow a longer connect=",
    "pool": "no connection of the pool became free; allow more connections, or close streams earlier",
    "write": "the server took nothing more of the request; check the server, or allow a longer between_items=",
    "first_item": "the reply was not there in time; allow a longer first_item=",
    "between_items": "the stream sent nothing more; check the server, or allow a longer between_items=",
    "total": "the call as a whole took too long; allow a longer total=",
}
_LOADING = "no reply began; the model may still be loading: a longer first_item= allows for that"
# The limit of a phase, if it has another name.
_LIMIT_OF: dict[TimeoutPhase, str] = {"pool": "connect", "write": "between_items"}


def transport_error(call: Call[Any, Any], exc: Exception) -> OllamaError:
    """Return the error of this package for a transport's exception; an error of this package is returned unchanged."""
    from .advice import broken_off, connection_advice, failed_transport, reason_of  # imported only for errors

    if isinstance(exc, NoEndpointError):
        return NoEndpointError(exc.message, [_endpoint_error(call, each) for each in exc.exceptions])
    if isinstance(exc, OllamaError):
        return exc
    request = request_of(exc) or call.request  # with failover, the request to the chosen endpoint
    clean(exc, request, call.request)
    # The text of our own transport's error suffices, and its frames hide the caller's line. A caller's transport keeps its frames.
    if isinstance(exc, httpx.TransportError) and call.settings.own_transport:
        exc.__traceback__ = exc.__cause__ = exc.__context__ = None
    name = describe_call(request)
    reason = reason_of(exc)
    if isinstance(exc, httpx.TimeoutException):
        return _timeout_error(call, request, exc)
    if isinstance(exc, (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)):
        return ConfigurationError(f"{name}: the request cannot be sent: {exc}")
    if isinstance(exc, httpx.DecodingError):
        return DecodeError(f"{name}: the body is not encoded as its head says: {reason}")
    is_transports = isinstance(exc, httpx.TransportError)
    if httpx.codes.is_success(request.extensions.get("status", 0)):
        how, advice = broken_off(call, request, exc)
        said = f": {reason}" if is_transports else ""
        return IncompleteReplyError(f"{name}: {how} before the reply was complete{said}; {advice}", items=0)
    if isinstance(exc, ImportError):  # httpx lacks a package for a proxy or an encoding
        return ConfigurationError(
            f"{name}: the request cannot be sent: {reason}{connection_advice(call, request, exc)}"
        )
    if not is_transports:
        return APIConnectionError(
            f"{name}: no usable response: {failed_transport(call, exc)}; see the cause of this error"
        )
    return APIConnectionError(f"{name}: no usable response: {reason}{connection_advice(call, request, exc)}")


def _endpoint_error(call: Call[Any, Any], exc: Exception) -> Exception:
    """Return the error of one endpoint of a failover."""
    if isinstance(exc, httpx.HTTPStatusError):
        sent = exc.response.extensions.get("request", call.request)
        of_endpoint = copy(call)
        of_endpoint.request = sent
        return status_error(of_endpoint, exc.response, exc.response.read())
    return transport_error(call, exc)


def _timeout_error(call: Call[Any, Any], request: httpx.Request, exc: httpx.TimeoutException) -> APITimeoutError:
    from .advice import GIVEN, unreached

    deadlines = call.deadlines
    waited_for: list[TimeoutPhase] = [phase for kind, phase in _TIMEOUTS if isinstance(exc, kind)]
    phase = deadlines.expired(waited_for[0] if waited_for else deadlines.phase)
    limit = _LIMIT_OF.get(phase, phase)
    seconds = getattr(deadlines.limits, limit)
    bound = f" (limit: {limit}={seconds:.15g} s)" if seconds else ""
    loads = phase == "first_item" and call.operation.usage is not None and "status" not in call.request.extensions
    what = _LOADING if loads else _WHAT_TOOK_TOO_LONG[phase]
    if phase == "connect":
        what = unreached(request) or what
    if not call.settings.own_transport and deadlines.elapsed() < (seconds or math.inf):
        what = f"{GIVEN} ended the wait by a limit of its own"
    text = f"{describe_call(request)}: {what}{bound}, {deadlines.elapsed():.1f} s after the call began"
    return APITimeoutError(text, phase=phase)


# Error statuses


_UNAUTHORIZED = 401


def status_error(call: Call[Any, Any], response: httpx.Response, body: bytes) -> APIStatusError:
    """Return the error of a response whose status is not a success."""
    from ollama_sdk._retry_after import retry_after_in

    from .advice import message_of, status_advice

    request = call.request
    data: Any = None
    with contextlib.suppress(orjson.JSONDecodeError):
        data = redact_data(loads(body), partial(redact, request))
    body = redact(request, body.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    received = body.decode(errors="replace")
    message = message_of(data, received)
    status = response.status_code
    said = f": {message}" if message else ""
    text = f"{describe_call(call.request)} answered {status}{said}{status_advice(call, response, data, received)}"
    fields: dict[str, Any] = {
        "message": message,
        "body": received if data is None else data,
        # A new response, because the received one holds the request, which holds the API key.
        "response": httpx.Response(status, headers=_redacted_headers(call, response), content=body),
        "retry_after": retry_after_in(response.headers),
    }
    if status == _UNAUTHORIZED and data is not None and data.__class__ is dict:
        fields["signin_url"] = data.get("signin_url")
    return status_error_class(status)(text, **fields)


def _redacted_headers(call: Call[Any, Any], response: httpx.Response) -> list[tuple[bytes, bytes]]:
    def redacted(text: bytes) -> bytes:
        return redact(call.request, text.decode("latin-1")).encode("latin-1")

    return [(redacted(name), redacted(value)) for name, value in decoded_headers(response.headers)]


# Replies that do not fit


_NEWER = "; is the server newer than this package, or something other than Ollama?"


def decode_error(call: Call[Any, Any], error: DecodeError) -> DecodeError:
    """Return an error about data that does not fit, with the name of the call and without secrets."""
    text = f"{describe_call(call.request)}: {redact(call.request, str(error))}{_NEWER}"
    return DecodeError(text, excerpt=redact(call.request, error.excerpt), where=error.where)
