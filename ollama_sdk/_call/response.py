"""Interprets a response: as the value of a one-piece reply, as a stream of items, or as an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import httpx
import orjson

from ollama_sdk._bodies import WholeBody
from ollama_sdk._codec import codec_of
from ollama_sdk._json import loads_tolerantly
from ollama_sdk._secrets import redact, redact_data
from ollama_sdk.errors import (
    EXCERPT_LENGTH,
    APIConnectionError,
    APITimeoutError,
    CircuitOpenError,
    DecodeError,
    IncompleteReplyError,
    NoEndpointError,
    OllamaError,
    ReplyFailedError,
    describe_call,
)
from ollama_sdk.streaming._marks import SENTINEL, failure_message

ReplyT = TypeVar("ReplyT")

if TYPE_CHECKING:
    from ollama_sdk._outcome import CallOutcome

    from .operation import Streaming, Usage
    from .request import Call

    # The status, the headers, the reply and its body.
    Received = tuple[int, httpx.Headers, ReplyT, bytes | None]

__all__ = [
    "buffered_body",
    "decode",
    "end_call",
    "fail",
    "outcome_listeners",
    "outermost",
    "read_head",
    "read_reply",
    "reply_of_unreachable",
]

logger = logging.getLogger("ollama_sdk")

ItemT = TypeVar("ItemT")

_NOT_FOUND = 404
_LONGEST_EXCERPT = 10_000  # bytes that are redacted before they are cut
_JSON = object()  # in place of a reply that is JSON
_LABELS = {"finish_reason", "id", "index", "object", "role", "status", "type"}
_STUCK = "the model may have got stuck repeating itself"
_UNREACHABLE = (APIConnectionError, APITimeoutError, CircuitOpenError, NoEndpointError)
# The content types of an error with a success status, or of a proxy's page, in place of a stream of bytes.
_NOT_BYTES = {"application/json", "text/html"}


# The head


def read_head(call: Call[Any, Any], response: httpx.Response) -> Streaming | None:
    """Take note of the head of a response.

    Returns:
        How the body streams; ``None`` to read it in one piece. Except for bytes, the Content-Type is ignored, because it is often
        wrong: the first bytes of the body decide its format.
    """
    call.request = response.extensions.get("request", call.request)
    streaming = call.operation.streaming
    if not call.stream or streaming is None or not response.is_success:
        return None
    if streaming.format == "bytes" and _media_type(response) in _NOT_BYTES:
        return None
    return streaming


def buffered_body(response: httpx.Response) -> bytes | None:
    """Return the body if a policy has read it, else ``None``.

    Reading it again through httpx would take as long as all policies together.
    """
    stream = response.stream
    if isinstance(stream, WholeBody):
        return b"".join(stream)
    return None


def _media_type(response: httpx.Response) -> str:
    content_type: str = response.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


# The end of a call that failed


def fail(call: Call[Any, Any], response: httpx.Response | None, exc: Exception) -> NoReturn:
    """End a call with the mapped error of an exception.

    Args:
        call: The call.
        response: The response, if its head has arrived.
        exc: An exception of the transport, or an error of this package.

    Raises:
        OllamaError: Always.
    """
    from .error_mapping import transport_error  # imported only for errors

    error = transport_error(call, exc)
    end_call(call, response, error)
    if isinstance(exc, OllamaError):  # it has its own cause
        raise outermost(error) from exc.__cause__
    raise error from exc


def outermost(error: OllamaError) -> OllamaError:
    """Return an error without its inner frames and without its context, so that a method can raise it again.

    Those frames hide the caller's line, and their local variables hold requests, bodies and decoded replies. The frames of a
    caller's own transport are kept, in the traceback of the cause.
    """
    error.__context__ = error.__cause__
    return error.with_traceback(None)


def reply_of_unreachable(call: Call[ReplyT, Any], error: OllamaError) -> Received[ReplyT] | None:
    """Return what a reachability check receives if its server cannot be reached; ``None`` for any other operation or error."""
    if call.operation.reply != "reachable" or not isinstance(error, _UNREACHABLE):
        return None
    return 0, httpx.Headers(), cast("ReplyT", False), None


# One-piece replies


def read_reply(call: Call[ReplyT, Any], response: httpx.Response, body: bytes) -> Received[ReplyT]:
    """End a call with its one-piece reply, or with the error in it.

    Raises:
        APIStatusError: The status is not a success, and not a valid answer of the operation.
        DecodeError: The body does not match the document, or has not one item for each that was sent.
        ReplyFailedError: The status is a success, but the body reports a failure.
        IncompleteReplyError: The server marks the reply as unfinished.
    """
    data: dict[str, Any] = {}
    try:
        if not (response.is_success or _is_an_answer(call.operation.reply, response.status_code)):
            from .error_mapping import status_error

            raise status_error(call, response, body)
        reply: Any = _reply_without_json(call, response, body)
        if reply is _JSON:
            data = _json_object(call, response, body)
            reply = decode(call, call.operation.reply, data, body)
            _check_finished(call, data, reply)
            if call.items is not None and len(reply) != call.items:
                sent = f"{call.operation.one_each} has {call.items} item{'' if call.items == 1 else 's'}"
                raise DecodeError(f"{describe_call(call.request)}: {sent} and the reply {len(reply)}")
    except OllamaError as exc:
        end_call(call, response, exc)
        raise
    end_call(call, response, counted=data)
    return response.status_code, response.headers, reply, body


def _is_an_answer(kind: str, status: int) -> bool:
    """Whether an error status answers the question of an operation."""
    return kind == "reachable" or (kind == "exists" and status == _NOT_FOUND)


def _reply_without_json(call: Call[Any, Any], response: httpx.Response, body: bytes) -> Any:
    """Return the reply of an operation that does not answer in JSON, else ``_JSON``."""
    kind = call.operation.reply
    if kind in {"exists", "reachable"}:
        return response.is_success
    if kind == "digest":
        return call.path_values["digest"]
    if kind == "none":
        return None
    if kind == "bytes":
        if call.operation.streaming is None:
            return body
        _json_object(call, response, body)  # a failure that the body reports is a better error
        raise DecodeError(f"{describe_call(call.request)}: the body is JSON where bytes are due, such as sound")
    if kind == "text" or ("str" in kind.split(" | ") and _media_type(response) == "text/plain"):
        return body.decode(errors="replace")
    return _JSON


def _json_object(call: Call[Any, Any], response: httpx.Response, body: bytes) -> dict[str, Any]:
    """Decode a body that must be a JSON object, and raise the failure that it may report."""
    if not body.strip():
        from .advice import not_json_advice  # imported only for errors

        raise DecodeError(f"{describe_call(call.request)}: the body is empty where JSON is due{not_json_advice(call)}")
    data: Any = None
    problem = "is not a JSON object"
    try:
        data = loads_tolerantly(body)
    except orjson.JSONDecodeError as exc:
        # Not as the cause, because it holds the whole body with its secrets.
        content_type = redact(call.request, response.headers.get("content-type") or "of no content type")
        problem = f"({content_type}) is not JSON: {exc}"
    if data.__class__ is not dict:
        from .advice import not_json_advice  # imported only for errors

        beginning = redact(call.request, body[:_LONGEST_EXCERPT].decode(errors="replace"))
        excerpt = beginning[:EXCERPT_LENGTH]
        text = f"{describe_call(call.request)}: the body {problem}; it begins {excerpt!r}"
        raise DecodeError(text + not_json_advice(call, beginning), excerpt=excerpt)
    fields: dict[str, Any] = data
    error = fields.get("error")
    if error is not None and (message := redact(call.request, failure_message(error))):
        text = f"{describe_call(call.request)}: the server failed: {message}"
        raise ReplyFailedError(text, message=message, body=redact_data(fields, partial(redact, call.request)))
    return fields


def decode(call: Call[Any, Any], kind: Any, data: Any, body: bytes | None = None) -> Any:
    """Make a reply or an item, by its annotation, of decoded JSON; the error about data that does not fit names the call."""
    try:
        return codec_of(call.operation.models).decode(kind, data, body)
    except DecodeError as exc:
        mismatch = exc.with_traceback(None)
    from .error_mapping import decode_error

    raise decode_error(call, mismatch)  # outside the except block, whose exception quotes the server's value


def _check_finished(call: Call[Any, Any], data: dict[str, Any], reply: Any) -> None:
    """Refuse a one-piece reply without the marks of a finished one, or without any content.

    If the items of the operation's stream have the same type as the reply, the marks of the last item also mark a finished reply.
    """
    streaming = call.operation.streaming
    if streaming is None:
        return
    marks = _unfinished_marks(streaming, call.operation.reply, data)
    usage = call.operation.usage
    if marks:
        name, value = marks[0]
        problem = f"the server marks its reply as unfinished ({name} is {redact(call.request, repr(value))})"
    elif usage is not None and (streaming.finished or streaming.unfinished) and _is_empty(data, usage):
        problem = "the reply is unfinished (it names no model, counts no tokens and says nothing)"
    else:
        return
    advice = _STUCK if usage is not None else "look at the server's log, then call again"
    raise IncompleteReplyError(
        f"{describe_call(call.request)}: {problem}: {advice}; .partial holds the reply so far",
        items=0,
        partial=reply,
    )


def _unfinished_marks(streaming: Streaming, reply_kind: str, data: dict[str, Any]) -> list[tuple[str, Any]]:
    """The fields by which the server says that a one-piece reply is unfinished, with their values."""
    last: Mapping[str, Any] = (
        streaming.last if streaming.last and streaming.item == reply_kind and streaming.last != SENTINEL else {}
    )
    # Some servers leave the mark out of one-piece replies, so a missing mark does not mean that the reply is unfinished.
    marks = [(name, data.get(name)) for name, value in last.items() if data.get(name, value) != value]
    marks += [(path, value) for path in streaming.finished for value in _values_at(path.split("."), data) if not value]
    marks += [mark for values in streaming.unfinished if _has_values(data, values) for mark in values.items()]
    return marks


def _has_values(data: dict[str, Any], values: Mapping[str, Any]) -> bool:
    return all(list(_values_at(path.split("."), data)) == [value] for path, value in values.items())


def _is_empty(data: dict[str, Any], usage: Usage) -> bool:
    """Whether a reply has an empty model, no token counts and no content, which Ollama sends if it failed before any output.

    A reply of another server that lacks only the model, or only the token counts, is finished.
    """
    model, given, answered = _found(usage.paths, data)
    if model != "" or given or answered:
        return False
    return not any(_says_something(value) for value in data.values() if value.__class__ is list)


def _says_something(value: Any) -> bool:
    """Whether a part of a reply has content, beyond labels such as ids and roles."""
    if value.__class__ is list:
        return any(map(_says_something, value))
    if value.__class__ is dict:
        return any(_says_something(part) for name, part in value.items() if name not in _LABELS)
    return bool(value)


def _values_at(path: list[str], data: Any) -> Iterator[Any]:
    """The values at a path; ``[]`` after a name means each item of the list.

    An empty list is itself yielded as a value, because it lacks the values of its items. A field that is missing from an optional
    object, such as the usage, yields nothing.
    """
    if data.__class__ is not dict:
        return
    name, rest = path[0].removesuffix("[]"), path[1:]
    value = data.get(name)
    if not rest:
        yield value
    elif path[0].endswith("[]"):
        yield from (found for each in value for found in _values_at(rest, each)) if value else [value]
    elif value.__class__ is dict and rest[0] in value:
        yield from _values_at(rest, value)


# The end of every call


def end_call(
    call: Call[Any, Any],
    response: httpx.Response | None,
    error: Exception | None = None,
    *,
    counted: dict[str, Any] | None = None,
    first: dict[str, Any] | None = None,
    items: int | None = None,
    tail: Iterable[dict[str, Any]] = (),
    whole: Callable[[], dict[str, Any] | None] | None = None,
) -> None:
    """Log a call, and report its outcome to the policies: once for each call that is not cancelled.

    Args:
        call: The call.
        response: The response, if its head has arrived.
        error: The error of the call, if it failed.
        counted: The JSON of the reply, or of the item of a stream with the token counts; ``None`` without a reply.
        first: The first item of a stream.
        items: The number of items of a stream; ``None`` for a one-piece reply.
        tail: The last items of a stream, as far as they are available.
        whole: Accumulates the items of a stream.
    """
    if logger.isEnabledFor(logging.DEBUG):
        _log(call, response, error, int(error is None) if items is None else items)
    listeners = outcome_listeners(response) if response is not None else ()
    if not listeners or (error is None and counted is None):
        return
    CallOutcome, new_outcome = _outcome_types()  # noqa: N806 - a class

    usage, streaming = call.operation.usage, call.operation.streaming
    if call.stream and streaming is not None and streaming.usage is not None:
        usage = streaming.usage
    parts: tuple[dict[str, Any], ...] = (counted,) if counted else ()
    if first or tail:
        parts = tuple(filter(None, (first, *tail, counted)))
    if usage is None:
        outcome = CallOutcome(error, items=items, parts=parts, whole=whole)
    else:
        model, given, answered = _found(usage.paths, counted)
        if not model and first is not None:
            (model,) = _found((usage.model,), first)
        # Metadata may be of any type, and is then unknown.
        model = model if model.__class__ is str else None
        given = given if given.__class__ is int else None
        answered = answered if answered.__class__ is int else None
        outcome = new_outcome(CallOutcome, (error, model, given, answered, items, parts, whole))
    for listener in listeners:
        listener(outcome)


@cache
def _outcome_types() -> tuple[Any, Any]:
    from ollama_sdk._outcome import CallOutcome, new_outcome  # imported only for policies

    return CallOutcome, new_outcome


def outcome_listeners(response: httpx.Response) -> Sequence[Callable[[CallOutcome], object]]:
    """Return the functions that must be called with the outcome of a call; policies add them with ``on_outcome()``."""
    listeners: Sequence[Callable[[CallOutcome], object]] = response.extensions.get("outcome", ())
    return listeners


def _log(call: Call[Any, Any], response: httpx.Response | None, error: Exception | None, items: int) -> None:
    """Log a call in one line: its method, path, status, error, time and number of items."""
    status = None if response is None else response.status_code
    ending = " ".join(str(part) for part in (status, type(error).__name__ if error else None) if part)
    milliseconds = call.deadlines.elapsed() * 1000
    method, path = call.request.method, call.request.url.path
    logger.debug("%s %s %s %.1f ms %d items", method, path, ending, milliseconds, items)


def _found(paths: Iterable[tuple[str, ...]], data: Any) -> list[Any]:
    """Return the values at paths of JSON objects; ``None`` where there is none, and for an empty path."""
    values: list[Any] = []
    for path in paths:
        value: Any = data if path else None
        try:
            for name in path:
                value = value[name]
        except (KeyError, TypeError):
            value = None
        values.append(value)
    return values
