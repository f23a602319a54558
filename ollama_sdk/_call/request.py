"""Turns the arguments of a method into an HTTP request, without sending it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, unquote

import httpx

from ollama_sdk._codec import codec_of, dumps
from ollama_sdk._codec.check import with_article
from ollama_sdk._json import is_list, loads_tolerantly
from ollama_sdk._secrets import check_headers
from ollama_sdk._timeout import Deadlines, Inherit, TimeoutLike, limits_of_call
from ollama_sdk._version import __version__
from ollama_sdk.errors import ConfigurationError

from .operation import STREAM_TYPES
from .settings import Settings, is_mapping, named

if TYPE_CHECKING:
    from .operation import Argument, Operation
    from .uploads import Upload

    class NoOthers(TypedDict):
        """No further arguments: type checkers refuse them, and an error says where they belong."""


__all__ = ["Call", "CallOptions", "exact_signature", "is_asked_for", "prepare"]

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")
MethodT = TypeVar("MethodT", bound=Callable[..., Any])

_JSON = "application/json"
_USER_AGENT = f"ollama-sdk/{__version__}"
_NO_OTHERS: Mapping[str, Any] = MappingProxyType({})
_VAR_KEYWORDS = 8  # inspect.CO_VARKEYWORDS


class CallOptions:
    """The arguments that every method takes.

    Attributes:
        extra_headers: Headers to add or replace; ``None`` removes a header.
        extra_query: Query parameters to add.
        extra_body: Fields to add to the body, or to replace in it; sent unchanged, ``None`` included.
        timeout: Limits for this call.
        others: Arguments that the method does not have.
    """

    __slots__ = ("extra_body", "extra_headers", "extra_query", "others", "timeout")

    def __init__(
        self,
        extra_headers: Mapping[str, str | None] | None,
        extra_query: Mapping[str, str | int | float | bool | Sequence[str]] | None,
        extra_body: Mapping[str, Any] | None,
        timeout: TimeoutLike | Inherit,
        others: Mapping[str, Any] = _NO_OTHERS,
    ) -> None:
        self.extra_headers = extra_headers
        self.extra_query = extra_query
        self.extra_body = extra_body
        self.timeout = timeout
        self.others = others


def exact_signature(method: MethodT) -> MethodT:
    """Leave ``**others`` out of the signature that :func:`inspect.signature` finds, because it takes nothing.

    ``help()``, notebooks and ``create_autospec`` would show it, or take any argument. The method itself is returned, so a call
    costs nothing more; inspect reads the signature of its ``__wrapped__``, which is never called.
    """
    function: Any = method
    code = function.__code__
    code = code.replace(co_flags=code.co_flags & ~_VAR_KEYWORDS)
    shown = FunctionType(code, function.__globals__, function.__name__, function.__defaults__)
    shown.__kwdefaults__, shown.__annotations__ = function.__kwdefaults__, function.__annotations__
    function.__wrapped__ = shown
    return method


class Call(Generic[ReplyT, ItemT]):
    """One call.

    Attributes:
        operation: The operation.
        request: The request. After a response has arrived, the request as it was sent to the endpoint that answered.
        deadlines: The limits, which run since the call was prepared.
        stream: Whether the caller asked for a stream.
        path_values: The path arguments as they were sent, by their names in the path.
        model: The model in the arguments, if there is one.
        settings: The settings of the client.
        items: How many items the reply must have, because each belongs to a text that was sent; ``None`` if any number may.
    """

    __slots__ = ("deadlines", "items", "model", "operation", "path_values", "request", "settings", "stream")

    def __init__(
        self,
        operation: Operation[ReplyT, ItemT],
        request: httpx.Request,
        deadlines: Deadlines,
        path_values: dict[str, str],
        settings: Settings,
        *,
        stream: bool,
        model: str | None,
        items: int | None,
    ) -> None:
        self.operation = operation
        self.request = request
        self.deadlines = deadlines
        self.path_values = path_values
        self.settings = settings
        self.stream = stream
        self.model = model
        self.items = items


def is_asked_for(stream: object) -> bool:
    """Whether an argument ``stream`` asks for a stream.

    Raises:
        ConfigurationError: It is something else than a boolean; the text ``"false"`` must not open a stream.
    """
    if stream is not None and not isinstance(stream, bool):
        raise ConfigurationError(f"stream is {with_article(stream)}; give True or False")
    return bool(stream)


def prepare(
    operation: Operation[ReplyT, ItemT],
    values: Mapping[str, Any],
    options: CallOptions,
    settings: Settings,
    *,
    stream: bool,
) -> Call[ReplyT, ItemT]:
    """Prepare the call of an operation; its limits start now.

    Args:
        operation: The row of the operation table.
        values: The arguments by their Python names; ``None`` is not sent.
        options: The arguments that every method takes.
        settings: The settings of the client.
        stream: Whether to ask for a stream.

    Raises:
        ConfigurationError: An argument cannot be sent, a file cannot be read, or the operation needs an API key and there
            is none.
        TypeError: The method does not have an argument.
    """
    if options.others:
        from .unexpected import unexpected_argument  # imported only for the error

        raise unexpected_argument(operation, options.others)
    limits = limits_of_call(settings.timeout, options.timeout, operation.limits)
    deadlines = Deadlines(limits)
    given: list[tuple[Argument, Any]] = []
    for argument in operation.arguments:
        value = values.get(argument.name)
        if value is not None:
            sent_as = argument.sent_as.get(value) if argument.sent_as and isinstance(value, str) else None
            given.append((argument, value if sent_as is None else sent_as))
        elif argument.required:
            raise ConfigurationError(f"{operation.name}: {argument.name} is None; it is required")
    body, upload = _body(operation, given, options, stream=stream)
    path_values = _path_values(operation, values, upload)
    url = _url(operation, path_values, given, options, settings)
    headers = _headers(operation, options, settings, upload, stream=stream)
    model = values.get(operation.model)
    model = model if isinstance(model, str) else None
    extensions: dict[str, Any] = {
        "operation": operation.name,
        "repeat": operation.repeat,
        "stream": stream,
        "deadline": None if limits.total is None else deadlines.total_at,
        "first_item": limits.first_item,
        "model": model,
        "needs_model": operation.needs_model,
        "deterministic": _is_deterministic(operation, values),
        "base_url": settings.origin if operation.server is None else operation.server,
        "began": deadlines.started,
        "deadlines": deadlines,
        "outcome": True,
        "max_body_bytes": settings.max_body_bytes,
        "rewinds": upload is None or upload.size is not None,
    }
    if settings.chosen or options.extra_headers:
        extra = named(options.extra_headers, "extra_headers")
        extensions["chosen"] = settings.chosen.union(map(str.lower, extra))
    request = _request(operation.method, url, headers, body, extensions, settings=settings)
    request.url = url  # not httpx's copy, so that the layers below recognise the one object of all calls
    if upload is not None:  # httpx sets this header only for a body that it encodes itself
        request.headers.setdefault("Host", url.netloc.decode("ascii"))
    items = None if operation.one_each is None else _count(operation.one_each, given, options, body["content"])
    return Call(operation, request, deadlines, path_values, settings, stream=stream, model=model, items=items)


def _request(
    method: str,
    url: httpx.URL,
    headers: dict[str, str],
    body: dict[str, Any],
    extensions: dict[str, Any],
    *,
    settings: Settings,
) -> httpx.Request:
    """Make the request of a call; as httpx does, but requests with the same headers share them in memory."""
    content: bytes | None = body.get("content")
    if content is None:
        return httpx.Request(method, url, headers=headers, extensions=extensions, **body)
    shared = settings.headers_of(tuple(headers.items()), url.netloc)
    request = httpx.Request(method, url, headers=shared, extensions=extensions, stream=httpx.ByteStream(content))
    request.headers["Content-Length"] = str(len(content))
    request.read()
    return request


def _count(name: str, given: Sequence[tuple[Argument, Any]], options: CallOptions, body: bytes) -> int | None:
    """How many texts are sent in one field of the body; ``None`` if there is none that is counted.

    A list of numbers is one text: its tokens. An empty text is not counted, because some servers answer it with nothing.
    """
    sent: Any = next((value for argument, value in given if argument.wire == name), None)
    # The body is parsed only if the argument is not what was sent, or cannot be counted, as an iterator that has been read.
    if sent.__class__ not in {str, list, tuple} or (options.extra_body and name in options.extra_body):
        sent = loads_tolerantly(body).get(name)
    if sent.__class__ is tuple:
        sent = list(sent)
    if is_list(sent) and int not in map(type, sent):
        return len(sent)
    return 1 if sent and isinstance(sent, (str, list)) else None


def _is_deterministic(operation: Operation[Any, Any], values: Mapping[str, Any]) -> bool:
    """Return whether the same request gets the same answer: a look-up, or a generation with a seed."""
    if operation.streaming is None:
        return operation.repeat == "safe"
    options: Any = values.get("options")
    seed = options.get("seed") if is_mapping(options) else getattr(options, "seed", None)
    return seed is not None or values.get("seed") is not None


# The body

# For shorter texts (in bytes) orjson allocates two to forty times as much memory. They are copied, because an open stream keeps
# its request.
_MUCH_SPARE = 2048


def _body(
    operation: Operation[Any, Any], given: Sequence[tuple[Argument, Any]], options: CallOptions, *, stream: bool
) -> tuple[dict[str, Any], Upload | None]:
    """Return the body as keyword arguments of :class:`httpx.Request`, and the upload in it."""
    if operation.body == "json":
        for argument, value in given:
            if argument.place == "json":
                return {"content": dumps(codec_of(operation.models).encode(argument.kind, value, argument.name))}, None
        fields = [(a.wire, a.kind, value, a.name) for a, value in given if a.place == "body"]
        if operation.streaming is not None and operation.streaming.is_asked_for:
            fields.append(("stream", "bool", stream, "stream"))
        extra = named(options.extra_body, "extra_body")
        text = codec_of(operation.models).encode_object(fields, extra, "extra_body")
        return {"content": bytes(memoryview(text)) if len(text) < _MUCH_SPARE else text}, None
    if operation.body == "multipart":
        return _form(operation, given, options), None
    if options.extra_body:
        raise ConfigurationError(f"{operation.name} has no JSON body that extra_body= could be added to")
    if operation.body == "binary":
        [content] = (a for a in operation.arguments if a.place == "content")
        contents = [value for argument, value in given if argument is content]
        if not contents:
            example = f"{operation.name}({content.name}=...)"
            raise ConfigurationError(f"{operation.name}: {content.name} is missing; give it by name, as in {example}")
        from .uploads import Upload  # imported only for uploads

        upload = Upload(contents[0], content.name)
        return {"stream": upload}, upload
    return {}, None


def _form(
    operation: Operation[Any, Any], given: Sequence[tuple[Argument, Any]], options: CallOptions
) -> dict[str, Any]:
    encode = codec_of(operation.models).encode_argument
    files: dict[str, Any] = {}
    data: dict[str, Any] = {}
    for argument, value in given:
        if argument.kind == "FileContent":
            from .uploads import file_part

            files[argument.wire] = file_part(value, argument.name)
        elif argument.place == "body":
            data[argument.wire] = encode(argument.kind, value, argument.name)
    data |= named(options.extra_body, "extra_body")
    texts = {name: value if isinstance(value, str) else dumps(value).decode() for name, value in data.items()}
    return {"files": files, "data": texts}


# The URL


def _path_values(operation: Operation[Any, Any], values: Mapping[str, Any], upload: Upload | None) -> dict[str, str]:
    path_values: dict[str, str] = {}
    for argument in operation.arguments:
        if argument.place != "path":
            continue
        value = values.get(argument.name)
        if value is None and argument.computed and upload is not None:
            value = upload.digest()
        if not isinstance(value, str) or not value or not value.isprintable():
            raise ConfigurationError(f"{operation.name}: {argument.name} is {value!r}; give a name")
        # Servers and proxies resolve such segments, even encoded ones, so the request would reach another route.
        if not {"", ".", ".."}.isdisjoint(re.split(r"[/\\]", unquote(value))):
            raise ConfigurationError(
                f"{operation.name}: {argument.name} is {value!r}; no part of a name between slashes is empty, '.' or '..'"
            )
        path_values[argument.wire] = value
    return path_values


def _url(
    operation: Operation[Any, Any],
    path_values: Mapping[str, str],
    given: Sequence[tuple[Argument, Any]],
    options: CallOptions,
    settings: Settings,
) -> httpx.URL:
    path = operation.path
    for name, value in path_values.items():
        # A value is one segment of the path, even if it contains a slash.
        path = path.replace(f"{{{name}}}", quote(value, safe=":@"))
    url = _parsed(settings.origin if operation.server is None else operation.server, path)
    codec = codec_of(operation.models)
    query = {a.wire: codec.encode_argument(a.kind, value, a.name) for a, value in given if a.place == "query"}
    if options.extra_query is not None:
        query |= _checked_query(codec.encode(Any, named(options.extra_query, "extra_query"), "extra_query"))
    return url.copy_merge_params(query) if query else url


def _checked_query(query: dict[str, Any]) -> dict[str, Any]:
    """Refuse a nested parameter, of which httpx would send Python's repr."""
    for name, value in query.items():
        parts: list[Any] = value if value.__class__ is list else [value]
        if any(part.__class__ in {dict, list} for part in parts):
            raise ConfigurationError(
                f"extra_query.{name} holds a {'dict' if value.__class__ is dict else 'nested value'}; "
                "give a str, a number, True or False, or a list of these"
            )
    return query


# Parsing a URL takes as long as the rest of prepare(). The keys are texts, because hashing a URL creates its text each time.
@lru_cache(maxsize=256)
def _parsed(server: str, path: str) -> httpx.URL:
    base = httpx.URL(server)
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))


# The headers


def _headers(
    operation: Operation[Any, Any], options: CallOptions, settings: Settings, upload: Upload | None, *, stream: bool
) -> dict[str, str]:
    """Return the headers of a request. Only this function decides which host gets which key and which headers.

    A request goes to the client's own server, unless the document names another one for the operation. The client's own server
    gets the client's headers, in which the caller's ``Authorization`` has precedence over the key. Any other host gets only the
    key or, without a key, that ``Authorization``. Every host gets the headers of the call.
    """
    streaming = operation.streaming if stream else None
    headers: dict[str, Any] = {
        "accept": _JSON if streaming is None else STREAM_TYPES[streaming.format][0],
        "user-agent": _USER_AGENT,
        "accept-encoding": "identity" if stream else "gzip",
    }
    if settings.api_key:
        headers["authorization"] = f"Bearer {settings.api_key}"
    of_client = {name.lower(): value for name, value in settings.headers.items()}
    # Headers for the client's own server may hold a secret, so no other host gets them.
    if operation.server is None or httpx.URL(operation.server).host == settings.base_url.host:
        headers |= of_client | dict(settings.own_headers)
    elif not settings.api_key and "authorization" in of_client:
        headers["authorization"] = of_client["authorization"]
    extra = named(options.extra_headers, "extra_headers")
    headers |= {name.lower(): value for name, value in extra.items()}
    headers = {name: value for name, value in headers.items() if value is not None}
    check_headers(headers)
    _describe_body(headers, operation, upload)
    if operation.needs_key and "authorization" not in headers:
        raise ConfigurationError(f"{operation.name} needs an API key: set OLLAMA_API_KEY or pass api_key=")
    return headers


def _describe_body(headers: dict[str, Any], operation: Operation[Any, Any], upload: Upload | None) -> None:
    """Set the headers that describe the body; they replace the caller's, which may be wrong."""
    for name in ("content-length", "transfer-encoding"):
        headers.pop(name, None)
    if operation.body == "json":
        headers["content-type"] = _JSON
    elif operation.body == "multipart":
        headers.pop("content-type", None)  # httpx sets it, with the boundary
    elif upload is not None:
        headers.setdefault("content-type", "application/octet-stream")
        headers |= {"transfer-encoding": "chunked"} if upload.size is None else {"content-length": str(upload.size)}
