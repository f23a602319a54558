"""Calls a route that the document does not describe: one operation, made from the arguments of ``request()``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeGuard, TypeVar, Unpack, get_origin, overload

from ollama_sdk._codec import Model
from ollama_sdk._codec.check import with_article
from ollama_sdk._codec.resolve import is_model
from ollama_sdk._secrets import redact_url
from ollama_sdk._timeout import INHERIT
from ollama_sdk.errors import ConfigurationError
from ollama_sdk.streaming._marks import SENTINEL

from .operation import Argument, Operation, Streaming, Usage
from .request import CallOptions, exact_signature
from .settings import named

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import FileContent
    from ollama_sdk._timeout import Inherit, TimeoutLike
    from ollama_sdk.streaming import AsyncByteStream, AsyncStream, ByteStream, Stream

    from .perform import AsyncRuntime, SyncRuntime
    from .request import NoOthers

    class _OtherArguments(TypedDict, total=False):
        """The arguments of ``request`` that do not decide its return type; see there."""

        json: Any
        content: FileContent | None
        files: Mapping[str, FileContent] | None
        repeat: Literal["safe", "resumes", "never"] | None
        extra_headers: Mapping[str, str | None] | None
        extra_query: Mapping[str, Any] | None
        timeout: TimeoutLike | Inherit


__all__ = ["AsyncAnyRoute", "SyncAnyRoute"]

ModelT = TypeVar("ModelT", bound=Model)
CastT = TypeVar("CastT", bound=Model | str | bytes)

_METHOD = r"[A-Za-z]+"
_PATH = r"/[!-~]*"
_MODELS = "ollama_sdk._generated.models"
_OBJECT = "dict[str, Any]"
# The types of a one-piece reply that is not an object: ``cast_to`` and the annotation.
_WHOLE = ((str, "text"), (bytes, "bytes"), (None, "none"))
_FORMATS = ("ndjson", "sse")  # of streams that have items
_REPEATS = ("safe", "resumes", "never")


class SyncAnyRoute:
    """Adds ``request`` to the sync client."""

    _runtime: SyncRuntime

    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[dict[str, Any]] = dict,
        stream: Literal[False] = False,
        **others: Unpack[_OtherArguments],
    ) -> dict[str, Any]: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: None,
        stream: Literal[False] = False,
        **others: Unpack[_OtherArguments],
    ) -> None: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[CastT],
        stream: Literal[False] = False,
        **others: Unpack[_OtherArguments],
    ) -> CastT: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[dict[str, Any]] = dict,
        stream: Literal["ndjson", "sse"],
        last: Mapping[str, Any] | Literal["[DONE]"] | None,
        **others: Unpack[_OtherArguments],
    ) -> Stream[dict[str, Any], list[dict[str, Any]]]: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[ModelT],
        stream: Literal["ndjson", "sse"],
        last: Mapping[str, Any] | Literal["[DONE]"] | None,
        **others: Unpack[_OtherArguments],
    ) -> Stream[ModelT, list[ModelT]]: ...
    @overload
    def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[bytes] = bytes,
        stream: Literal["bytes"],
        **others: Unpack[_OtherArguments],
    ) -> ByteStream: ...
    @exact_signature
    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: FileContent | None = None,
        files: Mapping[str, FileContent] | None = None,
        cast_to: type[Any] | None = dict,
        stream: Literal[False, "ndjson", "sse", "bytes"] = False,
        last: Any = INHERIT,
        repeat: Literal["safe", "resumes", "never"] | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> Any:
        """Call a route that has no method, such as one that is newer than this package.

        The call goes through every policy and limit, and fails with the same errors as a method.

        Args:
            method: The HTTP method.
            path: The path below the client's host, such as ``/v1/brand-new``.
            json: The body, sent as it is: a route that streams only when asked needs its ``"stream": True`` here. With ``files``,
                the other fields of the form.
            content: The body, unless it is JSON: bytes, a path or a file opened in binary mode.
            files: The files of a multipart form, by the names of their fields.
            cast_to: The type of the reply, or of each item of a stream: ``dict`` or a model of :mod:`ollama_sdk.types`; for a
                one-piece reply also ``str`` or ``bytes``, which take any body, or ``None``, which ignores it.
            stream: How the reply streams: lines of JSON, server-sent events, or ``"bytes"`` without items, such as audio;
                ``False`` reads it in one piece.
            last: The end of a complete stream of items: fields and values of the last item, such as ``{"done": True}``, or
                ``"[DONE]"``. ``None`` accepts the end of the body, although a server may also have broken off there.
            repeat: Whether the same request may be sent again: ``safe``, ``resumes`` (the server continues where it stopped)
                or ``never``: then ``retry`` repeats only requests that were not sent. By default ``safe`` for GET and HEAD,
                else ``never``.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            timeout: Limits of this call in seconds; a bare number is the total.

        Returns:
            The reply; with ``stream`` its items, whose ``collect()`` returns the list of all of them, and with ``stream="bytes"`` a
            stream to iterate over, read or save to a file.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not match ``cast_to`` and ``stream``.
        """
        options, unknown = CallOptions(extra_headers, extra_query, None, timeout), [*others]
        del extra_headers, others  # a traceback that shows local variables must not show a key
        if unknown:
            raise _unexpected(unknown)
        operation, values, body = _describe(
            method,
            path,
            json=json,
            content=content,
            files=files,
            cast_to=cast_to,
            stream=stream,
            last=last,
            repeat=repeat,
        )
        options.extra_body = body
        if stream == "bytes":
            return self._runtime.download(operation, values, options)
        return self._runtime.invoke(operation, values, options, bool(stream))


class AsyncAnyRoute:
    """Adds ``request`` to the async client."""

    _runtime: AsyncRuntime

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[dict[str, Any]] = dict,
        stream: Literal[False] = False,
        **others: Unpack[_OtherArguments],
    ) -> dict[str, Any]: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: None,
        stream: Literal[False] = False,
        **others: Unpack[_OtherArguments],
    ) -> None: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[CastT],
        stream: Literal[False] = False,
        **others: Unpack[_OtherArguments],
    ) -> CastT: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[dict[str, Any]] = dict,
        stream: Literal["ndjson", "sse"],
        last: Mapping[str, Any] | Literal["[DONE]"] | None,
        **others: Unpack[_OtherArguments],
    ) -> AsyncStream[dict[str, Any], list[dict[str, Any]]]: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[ModelT],
        stream: Literal["ndjson", "sse"],
        last: Mapping[str, Any] | Literal["[DONE]"] | None,
        **others: Unpack[_OtherArguments],
    ) -> AsyncStream[ModelT, list[ModelT]]: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[bytes] = bytes,
        stream: Literal["bytes"],
        **others: Unpack[_OtherArguments],
    ) -> AsyncByteStream: ...
    @exact_signature
    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: FileContent | None = None,
        files: Mapping[str, FileContent] | None = None,
        cast_to: type[Any] | None = dict,
        stream: Literal[False, "ndjson", "sse", "bytes"] = False,
        last: Any = INHERIT,
        repeat: Literal["safe", "resumes", "never"] | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> Any:
        """As :meth:`SyncAnyRoute.request`."""
        options, unknown = CallOptions(extra_headers, extra_query, None, timeout), [*others]
        del extra_headers, others  # a traceback that shows local variables must not show a key
        if unknown:
            raise _unexpected(unknown)
        operation, values, body = _describe(
            method,
            path,
            json=json,
            content=content,
            files=files,
            cast_to=cast_to,
            stream=stream,
            last=last,
            repeat=repeat,
        )
        options.extra_body = body
        if stream == "bytes":
            return await self._runtime.download(operation, values, options)
        return await self._runtime.invoke(operation, values, options, bool(stream))


AsyncAnyRoute.request.__doc__ = SyncAnyRoute.request.__doc__


def _unexpected(others: Sequence[str]) -> TypeError:
    from .unexpected import unexpected_keyword  # imported only for the error

    return unexpected_keyword("request", others, SyncAnyRoute.request.__kwdefaults__ or (), "json")


# From arguments to an operation


def _describe(
    method: Any,
    path: Any,
    *,
    json: Any,
    content: Any,
    files: Any,
    cast_to: Any,
    stream: Any,
    last: Any,
    repeat: Any,
) -> tuple[Operation[Any, Any], dict[str, Any], Mapping[str, Any] | None]:
    """Convert the arguments of ``request`` to an operation, its values, and further fields of its body.

    Raises:
        ConfigurationError: An argument is invalid.
    """
    if not isinstance(method, str) or not re.fullmatch(_METHOD, method):
        raise ConfigurationError(f"method is {method!r}; give an HTTP method such as 'POST'")
    _check_path(path)
    if repeat not in (*_REPEATS, None):
        raise ConfigurationError(f"repeat is {repeat!r}; give 'safe', 'resumes' or 'never'")
    item = _kind_of(cast_to, stream)
    streaming = None if stream is False else _streaming(stream, item, last)
    if (streaming is None or stream == "bytes") and last is not INHERIT:
        raise ConfigurationError("last= is about the items of a stream; give stream='ndjson' or stream='sse' with it")
    values: dict[str, Any] = dict(json) if _is_object(json) else {}  # prepare() looks up the model and the seed there
    body, arguments, form = _body(json, content, files, values)
    operation: Operation[Any, Any] = Operation(
        name="request",
        method=method.upper(),
        path=path,
        models=_MODELS,
        arguments=arguments,
        body=body,
        reply=item if streaming is None or stream == "bytes" else f"list[{item}]",
        streaming=streaming,
        repeat=repeat,
        usage=Usage(("model",)),
    )
    return operation, values, form


def _check_path(path: Any) -> None:
    if not isinstance(path, str):
        raise ConfigurationError(f"path is {with_article(path)}; give a str such as '/v1/brand-new'")
    if "://" in path:
        raise ConfigurationError(
            f"path is the URL {redact_url(path)!r}; give only what follows the host, which is the client's"
        )
    if "?" in path:
        raise ConfigurationError(
            f"path is {redact_url(path)!r}; give what follows the question mark as extra_query={{...}}"
        )
    if "#" in path:
        raise ConfigurationError(f"path is {redact_url(path)!r}; leave out the fragment, which no server receives")
    if not re.fullmatch(_PATH, path):
        raise ConfigurationError(f"path is {redact_url(path)!r}; give one that begins with / and is percent-encoded")


def _kind_of(cast_to: Any, stream: Any) -> str:
    """The annotation of the reply, or of an item."""
    if stream == "bytes":
        if cast_to in (dict, bytes):  # dict is the default
            return "bytes"
        raise ConfigurationError(f"cast_to is {_name_of(cast_to)}; a stream of bytes has no items: leave cast_to out")
    if is_model(cast_to):
        if cast_to.__module__.rpartition(".")[0] == _MODELS:
            return cast_to.__name__
    elif cast_to is dict or get_origin(cast_to) is dict:
        return _OBJECT
    elif not stream:
        for kind, annotation in _WHOLE:
            if cast_to is kind:
                return annotation
    choices = (
        "dict or a model of ollama_sdk.types" if stream else "dict, str, bytes, None or a model of ollama_sdk.types"
    )
    raise ConfigurationError(f"cast_to is {_name_of(cast_to)}; give {choices}")


def _name_of(value: Any) -> str:
    return getattr(value, "__name__", "") or repr(value)


def _streaming(stream: Any, item: str, last: Any) -> Streaming:
    if stream == "bytes":
        return Streaming(format="bytes", item=item, may_be_empty=True)  # such as a file
    if stream not in _FORMATS:
        raise ConfigurationError(f"stream is {stream!r}; give 'ndjson', 'sse', 'bytes' or False")
    if last == "[DONE]":
        last = SENTINEL
    if last is not None and not (_is_object(last) and last):
        given = "missing" if last is INHERIT else repr(last)
        raise ConfigurationError(
            f"last is {given}; give what marks the last item of the stream, such as {{'done': True}} or '[DONE]', "
            "or None if nothing but the end of the body does"
        )
    return Streaming(format=stream, item=item, last=last, collect="items")


def _body(
    json: Any, content: Any, files: Any, values: dict[str, Any]
) -> tuple[Literal["json", "multipart", "binary"] | None, tuple[Argument, ...], Mapping[str, Any] | None]:
    """Return the kind of body, the arguments that hold it, and the other fields of a form; adds to ``values``."""
    if content is not None:
        if json is not None or files is not None:
            raise ConfigurationError("content= is the whole body; give json= or files= in another call")
        values["content"] = content
        return "binary", (Argument("content", "content", "FileContent", "content"),), None
    if files is not None:
        if json is not None and not _is_object(json):
            raise ConfigurationError(
                f"json is {with_article(json)}; with files=, give a dict: the other fields of the form"
            )
        named(files, "files")
        arguments = tuple(Argument(f"files.{name}", name, "FileContent") for name in files)
        values |= {f"files.{name}": file for name, file in files.items()}
        return "multipart", arguments, json
    if json is None:
        return None, (), None
    values["json"] = json
    return "json", (Argument("json", "json", _OBJECT if _is_object(json) else "Any", "json"),), None


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)
