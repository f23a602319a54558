"""Decides what an HTTP response, or the lack of one, means: a value, or a typed error that says what to do next."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args, get_origin

import attrs
import httpx
import orjson
from attrs import evolve

from ollama_sdk._codec import Model, codec_of, wire_name
from ollama_sdk._outcome import Verdict
from ollama_sdk._retry_after import retry_after_in
from ollama_sdk.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    IncompleteReplyError,
    NoEndpointError,
    OllamaError,
    ReplyFailedError,
    TimeoutPhase,
    status_error_class,
)
from ollama_sdk.streaming._reader import SENTINEL, failure_message

from .operation import Operation
from .request import Prepared

__all__ = [
    "check_content_type",
    "connection_error",
    "is_answer",
    "judge",
    "misfit",
    "one_piece",
    "place_of",
    "status_error",
    "unsecret",
    "whole",
]

_EXCERPT = 200
_NOT_FOUND = 404
_UNAUTHORIZED = 401


def place_of(prepared: Prepared) -> str:
    """How messages name a call: method and URL, which hold no secret."""
    return f"{prepared.method} {str(prepared.url).partition('?')[0]}"


# No usable response


_PHASES: tuple[tuple[type[Exception], TimeoutPhase | None], ...] = (
    (httpx.ConnectTimeout, "connect"),
    (httpx.PoolTimeout, "pool"),
    (httpx.WriteTimeout, "write"),
    (httpx.TimeoutException, None),
)
_PATIENCE: dict[TimeoutPhase, str] = {
    "connect": "the server could not be reached",
    "pool": "no connection of the pool became free; allow more connections, or close streams earlier",
    "write": "the server did not take the request",
    "first_item": "no answer began; the model may still be loading: a longer first_item= gives it time",
    "between_items": "the stream fell silent",
    "total": "the call as a whole took too long",
}


def connection_error(prepared: Prepared, exc: Exception) -> OllamaError:
    """The typed error of what a transport raised; ours pass through.

    This is the one place where errors of the layers below become errors of this package.
    """
    if isinstance(exc, NoEndpointError):
        said = [_said(prepared, each) for each in exc.exceptions]
        return NoEndpointError(exc.message, said)
    if isinstance(exc, OllamaError):
        return exc
    prepared = _sent_to(prepared, exc)
    place = place_of(prepared)
    for kind, phase in _PHASES:
        if isinstance(exc, kind):
            return _timeout_error(prepared, phase)
    if isinstance(exc, (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)):
        return ConfigurationError(f"{place}: the request cannot be sent: {exc}")
    reason = str(exc) or type(exc).__name__
    if isinstance(exc, httpx.DecodingError):
        return DecodeError(f"{place}: the body is not encoded as its head says: {reason}")
    if httpx.codes.is_success(_status_before(exc)):
        return IncompleteReplyError(
            f"{place}: the connection was lost before the reply was complete: {reason}", items=0
        )
    return APIConnectionError(
        f"{place}: no usable response: {reason}; is Ollama running at {_origin(prepared.url)}? `ollama serve` starts it"
    )


def _said(prepared: Prepared, exc: Exception) -> Exception:
    """What one endpoint said, as an error of this package."""
    if isinstance(exc, httpx.HTTPStatusError):
        answered = evolve(prepared)
        answered.answered_by(exc.response)
        return status_error(answered, exc.response, exc.response.read())
    return connection_error(prepared, exc)


def _sent_to(prepared: Prepared, exc: Exception) -> Prepared:
    """The call as it went to the endpoint that an error is about."""
    request = _request_of(exc)
    return prepared if request is None else evolve(prepared, url=request.url)


def _status_before(exc: Exception) -> int:
    """The status that had come when an error broke the body off; 0 when none had."""
    request = _request_of(exc)
    status: int = 0 if request is None else request.extensions.get("status", 0)
    return status


def _request_of(exc: Exception) -> httpx.Request | None:
    try:
        return cast("httpx.RequestError", exc).request
    except (AttributeError, RuntimeError):
        return None


def _timeout_error(prepared: Prepared, phase: TimeoutPhase | None) -> APITimeoutError:
    deadlines = prepared.deadlines
    actual = deadlines.expired(phase or deadlines.phase)
    seconds = getattr(deadlines.limits, actual, None)
    limit = f" (limit: {seconds:g} s)" if seconds else ""
    return APITimeoutError(
        f"{place_of(prepared)}: {_PATIENCE[actual]}{limit}, {deadlines.elapsed():.1f} s after the call began",
        phase=actual,
    )


def _origin(url: httpx.URL) -> str:
    return str(url.copy_with(raw_path=b"/")).rstrip("/")


# Error statuses


def status_error(prepared: Prepared, response: httpx.Response, body: bytes) -> APIStatusError:
    """The typed error of a response whose status is no success."""
    body = unsecret(prepared, body.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    data = _json_or_none(body)
    message = failure_message(data) or body.decode(errors="replace").strip()[:_EXCERPT]
    status = response.status_code
    words = f": {message}" if message else ""
    text = f"{place_of(prepared)} answered {status}{words}{_advice(prepared, response)}"
    fields: dict[str, Any] = {
        "message": message,
        # A fresh one: the response as it came holds the request, and that holds the API key.
        "response": httpx.Response(status, headers=_plain(response.headers), content=body),
        "retry_after": retry_after_in(response.headers),
    }
    if status == _UNAUTHORIZED and isinstance(data, dict):
        fields["signin_url"] = cast("dict[str, Any]", data).get("signin_url")
    return status_error_class(status)(text, **fields)


def unsecret(prepared: Prepared, text: str) -> str:
    """What the server said, for a message: less the keys that it was sent, if it repeats them."""
    for name in _SECRET:
        key = prepared.headers.get(name, "").rpartition(" ")[2]
        text = text.replace(key, "***") if key else text
    return text


_SECRET = ("authorization", "proxy-authorization", "x-api-key", "api-key")


def _plain(headers: httpx.Headers) -> httpx.Headers:
    """The headers of a body that has been decoded."""
    return httpx.Headers([(k, v) for k, v in headers.raw if k.lower() not in _ABOUT_ENCODING])


_ABOUT_ENCODING = {b"content-encoding", b"transfer-encoding", b"content-length"}


def _json_or_none(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _advice(prepared: Prepared, response: httpx.Response) -> str:
    """What to do next, in a clause."""
    status = response.status_code
    if status == _NOT_FOUND and prepared.model:
        return f"; if the model is not there yet: client.pull({prepared.model!r})"
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        target = response.headers.get("location", "elsewhere")
        return f"; it redirects to {target}, and redirects are not followed: use that as the host"
    return _ADVICE.get(status, "")


_ADVICE = {
    401: "; sign in with `ollama signin`, or give a valid API key (OLLAMA_API_KEY, api_key=)",
    403: "; the server refuses this Host or Origin: see OLLAMA_ORIGINS",
    404: "; the route may be newer than this server: `ollama --version` tells",
    429: "; wait before the next call",
    503: "; its queue is full or it is going down: try again later, or see OLLAMA_MAX_QUEUE",
}


# Successes


def is_answer(operation: Operation[Any, Any], response: httpx.Response) -> bool:
    """Whether the status alone is the answer, so that an error status is none."""
    if operation.reply == "exists":
        return response.is_success or response.status_code == _NOT_FOUND
    return response.is_success or operation.reply == "reachable"


def one_piece(operation: Operation[Any, Any], prepared: Prepared, response: httpx.Response, body: bytes) -> Any:
    """The value of a reply that is not streamed.

    Raises:
        DecodeError: The body is not what the document promises.
        ReplyFailedError: The status was a success, and the body says otherwise.
        IncompleteReplyError: The server marks the reply as unfinished.
    """
    if operation.reply in _BARE:
        return _bare(operation, prepared, response)
    if _media_type(response) == "text/plain" and "str" in operation.reply.split(" | "):
        return body.decode(errors="replace")
    data = _decoded(prepared, response, body)
    if message := unsecret(prepared, failure_message(data.get("error"))):
        raise ReplyFailedError(f"{place_of(prepared)}: the server failed: {message}", message=message)
    reply = whole(operation, prepared, data, body)
    streaming = operation.streaming
    if streaming is not None and streaming.item == operation.reply and streaming.last != SENTINEL:
        unmet = [name for name, value in streaming.last.items() if data.get(name) != value]
        if unmet:
            raise IncompleteReplyError(
                f"{place_of(prepared)}: the server marks its reply as unfinished ({unmet[0]} is {data.get(unmet[0])!r}): "
                "the model may have got stuck repeating itself; .partial holds what it said",
                items=0,
                partial=reply,
            )
    return reply


def _bare(operation: Operation[Any, Any], prepared: Prepared, response: httpx.Response) -> Any:
    """The value of a reply whose body does not matter."""
    if operation.reply == "none":
        return None
    return prepared.sent["digest"] if operation.reply == "digest" else response.is_success


_BARE = {"none", "exists", "reachable", "digest"}


def whole(operation: Operation[Any, Any], prepared: Prepared, data: Any, body: bytes | None = None) -> Any:
    """The reply of decoded JSON, named after its call when it does not fit."""
    codec = codec_of(operation.models)
    try:
        return codec.decode(operation.reply, data, body)
    except DecodeError as exc:
        raise misfit(prepared, exc) from exc.__cause__


def misfit(prepared: Prepared, error: DecodeError) -> DecodeError:
    """The error of data that does not fit, named after its call."""
    text, excerpt = unsecret(prepared, str(error)), unsecret(prepared, error.excerpt)
    return DecodeError(f"{place_of(prepared)}: {text}", excerpt=excerpt, where=error.where)


def judge(
    response: httpx.Response,
    error: Exception | None = None,
    reply: Any = None,
    items: int | None = None,
    first: dict[str, Any] | None = None,
) -> None:
    """Tell the policies that want to know what a reply came to.

    Args:
        response: The response that they have seen.
        error: What is raised for it, if anything is.
        reply: The reply, or the item of a stream that counts its tokens.
        items: How many items a stream brought.
        first: The first of them, which names the model where the one that counts the tokens does not.
    """
    tellers = response.extensions.get("verdict")
    if not tellers:
        return
    part: Any = cast("Any", dict).get if reply.__class__ is dict else _attribute
    inner = part(reply, "response")  # of the events of a response; that of a prompt is text
    if inner is not None and inner.__class__ is not str:
        reply = inner
    model = part(reply, "model") or _model_in(first)
    counts = part(reply, "usage")
    if counts is None:
        tokens = part(reply, "prompt_eval_count"), part(reply, "eval_count")
    else:
        tokens = (
            part(counts, "prompt_tokens") or part(counts, "input_tokens"),
            part(counts, "completion_tokens") or part(counts, "output_tokens"),
        )
    verdict = Verdict(error, model, *tokens, items)
    for tell in tellers:
        tell(verdict)


def _model_in(item: dict[str, Any] | None) -> str | None:
    """The model that the first item of a stream names: itself, or the reply or message that it begins."""
    if item is None:
        return None
    model = item.get("model") or cast("Any", item.get("response") or item.get("message") or {}).get("model")
    return model if isinstance(model, str) else None


def _attribute(of: Any, name: str) -> Any:
    return getattr(of, name, None)


def check_content_type(operation: Operation[Any, Any], prepared: Prepared, response: httpx.Response) -> None:
    """Refuse, before its first item, a stream that is something else, such as a proxy's page.

    Raises:
        DecodeError: The content type is neither the stream's nor, for a stream of JSON lines, JSON.
    """
    streaming = operation.streaming
    media_type = _media_type(response)
    if streaming is None or not media_type or media_type in _STREAM_TYPES[streaming.format]:
        return
    expected = _STREAM_TYPES[streaming.format][0]
    raise DecodeError(
        f"{place_of(prepared)}: the reply is {media_type}, not {expected}; is something other than Ollama answering there?"
    )


# A request with nothing to generate (an empty prompt loads the model) is answered by one JSON object even when streamed.
_STREAM_TYPES = {"ndjson": ("application/x-ndjson", "application/json"), "sse": ("text/event-stream",)}


def _media_type(response: httpx.Response) -> str:
    return cast("str", response.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _decoded(prepared: Prepared, response: httpx.Response, body: bytes) -> dict[str, Any]:
    place = place_of(prepared)
    if not body.strip():
        raise DecodeError(f"{place}: the body is empty where JSON is due")
    data: Any = None
    problem = ""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        problem = str(exc)  # not as the cause, which holds the whole body, secrets and all
    if problem:
        media_type = _media_type(response) or "of no content type"
        excerpt = _excerpt(prepared, body)
        raise DecodeError(
            f"{place}: the body ({media_type}) is not JSON: {problem}; it begins {excerpt!r}", excerpt=excerpt
        )
    if not isinstance(data, dict):
        excerpt = _excerpt(prepared, body)
        raise DecodeError(f"{place}: the body is not a JSON object; it begins {excerpt!r}", excerpt=excerpt)
    return cast("dict[str, Any]", data)


def _excerpt(prepared: Prepared, body: bytes) -> str:
    return unsecret(prepared, body.decode(errors="replace"))[:_EXCERPT]


def folded(operation: Operation[Any, Any], prepared: Prepared, data: dict[str, Any]) -> Any:
    """The reply that the items of a stream add up to; what is constant in a reply is so here."""
    kind = codec_of(operation.models).resolve(operation.reply)
    if isinstance(kind, type) and issubclass(kind, Model):
        data = data | _constants(kind)
    return whole(operation, prepared, data)


def _constants(model: type[Model]) -> dict[str, Any]:
    codec = codec_of(model.__module__.rpartition(".")[0])
    kinds = {wire_name(a): codec.resolve(a.type) for a in attrs.fields(cast("Any", model))}
    return {
        name: get_args(kind)[0]
        for name, kind in kinds.items()
        if get_origin(kind) is Literal and len(get_args(kind)) == 1
    }
