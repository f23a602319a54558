"""Turns a method's arguments into the parts of an HTTP request, without sending anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import httpx
from attrs import Attribute, Factory, define, evolve, field, frozen

from ollama_sdk._codec import codec_of, dumps
from ollama_sdk._timeout import INHERIT, Deadlines, Inherit, Timeout, TimeoutLike, as_timeout
from ollama_sdk._version import __version__
from ollama_sdk.errors import ConfigurationError

from .uploads import Upload, file_part

if TYPE_CHECKING:
    from .operation import Argument, Operation

__all__ = ["CallOptions", "Prepared", "Settings", "named", "prepare"]

_JSON = "application/json"
_USER_AGENT = f"ollama-sdk/{__version__}"
# RFC 9110, sections 5.6.2 and 5.5; beyond ASCII nothing travels reliably.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_STREAM_TYPES = {"ndjson": "application/x-ndjson", "sse": "text/event-stream"}


@define(eq=False, repr=False)
class CallOptions:
    """What every method takes beside its own arguments.

    Attributes:
        extra_headers: Headers to add or replace.
        extra_query: Query parameters to add.
        extra_body: Fields to add to the JSON body, or to replace in it; sent as they are, ``None`` included.
        timeout: Limits for this call.
    """

    extra_headers: Mapping[str, str] | None = None
    extra_query: Mapping[str, str | int | float | bool | Sequence[str]] | None = None
    extra_body: Mapping[str, Any] | None = None
    timeout: TimeoutLike | Inherit = INHERIT


def named(value: Any, argument: str) -> Mapping[str, Any]:
    """The named values that an argument holds, none for ``None``.

    Raises:
        ConfigurationError: It is something else. It may hold a secret: the message does not show it.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in cast("Any", value)):
        raise ConfigurationError(f"{argument}= takes a mapping whose keys are strings, such as a dict")
    return cast("Mapping[str, Any]", value)


def _above_zero(_: Any, attribute: Attribute[int], value: int) -> None:
    if value < 1:
        raise ConfigurationError(f"{attribute.name}={value!r}: give a number of bytes above 0")


def _origin(settings: Settings) -> str:
    return str(settings.base_url).rstrip("/")


@frozen(repr=False)
class Settings:
    """What a client was made with, as far as requests are concerned.

    Attributes:
        base_url: The server.
        api_key: Sent as a bearer token.
        headers: Sent with every request to the server at ``base_url``, over failover also to the others.
        own_headers: Sent to the server at ``base_url`` and to no other, named in lower case.
        chosen: Names, in lower case, of headers that were chosen for a view: an endpoint's own do not replace these.
        timeout: The limits of a call.
        max_item_bytes: The largest item of a stream.
        origin: ``base_url`` as text, for what tells of it.
    """

    base_url: httpx.URL
    api_key: str | None
    headers: Mapping[str, str]
    own_headers: Mapping[str, str]
    timeout: Timeout
    max_item_bytes: int = field(validator=_above_zero)
    chosen: frozenset[str] = frozenset()
    origin: str = field(init=False, eq=False, default=Factory(_origin, takes_self=True))

    def __repr__(self) -> str:
        return f"Settings(base_url={str(self.base_url)!r})"

    def choosing(self, names: Iterable[str]) -> Settings:
        """These settings, whose headers of these names go before the server's own."""
        chosen = self.chosen.union(map(str.lower, names))
        own_headers = {name: value for name, value in self.own_headers.items() if name not in chosen}
        return evolve(self, chosen=chosen, own_headers=own_headers)


@define(eq=False, repr=False)
class Prepared:
    """A request that is ready to be built.

    Attributes:
        method: The HTTP method.
        url: The whole URL, query included; once it is answered, that of the endpoint which did.
        headers: All headers that are not httpx's own business; once it is answered, those that were sent.
        body: ``content``, ``stream`` or ``files`` and ``data``, as :class:`httpx.Request` takes them.
        deadlines: The limits, which run from now.
        sent: Path arguments as they were sent.
        model: The model's name, if the operation has one.
        extensions: What transports must know.
    """

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    body: dict[str, Any]
    deadlines: Deadlines
    sent: dict[str, str]
    model: str | None
    extensions: dict[str, Any]

    def request(self) -> httpx.Request:
        """The request."""
        request = httpx.Request(self.method, self.url, headers=self.headers, extensions=self.extensions, **self.body)
        if "stream" in self.body:  # then httpx leaves this to the caller
            request.headers.setdefault("Host", self.url.netloc.decode("ascii"))
        return request

    def answered_by(self, response: httpx.Response) -> None:
        """Note what was sent in the end, where failover has chosen the endpoint: its URL, with its keys."""
        sent: httpx.Request | None = response.extensions.get("request")
        if sent is not None:
            self.url, self.headers = sent.url, sent.headers


def prepare(
    operation: Operation[Any, Any], values: Mapping[str, Any], options: CallOptions, settings: Settings, *, stream: bool
) -> Prepared:
    """The request that calls ``operation``.

    Args:
        operation: The row of the operation table.
        values: Arguments by their Python names; ``None`` is not sent.
        options: What every method takes.
        settings: What the client was made with.
        stream: Whether a stream is asked for.

    Raises:
        ConfigurationError: An argument cannot be sent, a file cannot be read, or an API key is needed and there is none.
    """
    limits = settings.timeout if isinstance(options.timeout, Inherit) else as_timeout(options.timeout)
    deadlines = Deadlines(limits)
    given = {a: values[a.name] for a in operation.arguments if values.get(a.name) is not None}
    body, upload = _body(operation, given, options, stream=stream)
    sent = _path_values(operation, given, upload)
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
        "verdict": True,
        "rewinds": upload is None or upload.size is not None,
    }
    if settings.chosen or options.extra_headers:
        extra = named(options.extra_headers, "extra_headers")
        extensions["chosen"] = settings.chosen.union(map(str.lower, extra))
    return Prepared(
        operation.method,
        _url(operation, sent, given, options, settings),
        _headers(operation, options, settings, body, stream=stream),
        {name: part for name, part in body.items() if name != "type"},
        deadlines,
        sent,
        model,
        extensions,
    )


def _is_deterministic(operation: Operation[Any, Any], values: Mapping[str, Any]) -> bool:
    """Whether the same request gets the same answer: it only looks something up, or generates from a given seed."""
    if operation.streaming is None:
        return operation.repeat == "safe"
    options: Any = values.get("options")
    seed: Any = cast("Any", options).get("seed") if isinstance(options, Mapping) else getattr(options, "seed", None)
    return seed is not None or values.get("seed") is not None


def _encoded(operation: Operation[Any, Any], argument: Argument, value: Any) -> Any:
    return _encode(operation, argument.kind, value, argument.name)


def _encode(operation: Operation[Any, Any], kind: Any, value: Any, where: str) -> Any:
    return codec_of(operation.models).encode(kind, value, where)


def _body(
    operation: Operation[Any, Any], given: Mapping[Argument, Any], options: CallOptions, *, stream: bool
) -> tuple[dict[str, Any], Upload | None]:
    """The body as :class:`httpx.Request` takes it, with its content type; and the upload in it."""
    fields = {a: value for a, value in given.items() if a.place == "body"}
    if operation.body == "json":
        data: dict[str, Any] = {a.wire: _encoded(operation, a, value) for a, value in fields.items()}
        if operation.streaming is not None:
            data["stream"] = stream
        extra = _encode(operation, Any, named(options.extra_body, "extra_body"), "extra_body")
        return {"content": dumps(data | extra), "type": _JSON}, None
    if operation.body == "multipart":
        return _form(operation, fields, options), None
    if options.extra_body:
        raise ConfigurationError(f"{operation.name} has no JSON body that extra_body= could be added to")
    if operation.body == "binary":
        [content] = (a for a in operation.arguments if a.place == "content")
        if content not in given:
            call = f"{operation.name}({content.name}=...)"
            raise ConfigurationError(f"{operation.name}: {content.name} is missing; give it by name, as in {call}")
        upload = Upload(given[content], content.name)
        return {"stream": upload, "type": "application/octet-stream"}, upload
    return {}, None


def _form(operation: Operation[Any, Any], fields: Mapping[Argument, Any], options: CallOptions) -> dict[str, Any]:
    files = {a.wire: file_part(value, a.name) for a, value in fields.items() if a.kind == "FileContent"}
    data = {a.wire: _text(_encoded(operation, a, value)) for a, value in fields.items() if a.kind != "FileContent"}
    extra = {name: _text(value) for name, value in named(options.extra_body, "extra_body").items()}
    return {"files": files, "data": data | extra}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


def _path_values(
    operation: Operation[Any, Any], given: Mapping[Argument, Any], upload: Upload | None
) -> dict[str, str]:
    sent: dict[str, str] = {}
    for argument in operation.arguments:
        if argument.place != "path":
            continue
        value = given.get(argument)
        if value is None and argument.computed and upload is not None:
            value = upload.digest()
        if not isinstance(value, str) or not value or not value.isprintable():
            raise ConfigurationError(f"{operation.name}: {argument.name} is {value!r}; give a name")
        sent[argument.wire] = value
    return sent


def _url(
    operation: Operation[Any, Any],
    sent: Mapping[str, str],
    given: Mapping[Argument, Any],
    options: CallOptions,
    settings: Settings,
) -> httpx.URL:
    base = settings.base_url if operation.server is None else httpx.URL(operation.server)
    path = operation.path
    for name, value in sent.items():
        # A value is one segment of the path, slashes and all.
        path = path.replace(f"{{{name}}}", quote(value, safe=":@"))
    query = {a.wire: _encoded(operation, a, value) for a, value in given.items() if a.place == "query"}
    url = _joined(base, path)
    params = query | _encode(operation, Any, named(options.extra_query, "extra_query"), "extra_query")
    return url.copy_merge_params(params) if params else url


@lru_cache(maxsize=256)  # parsing a URL costs as much as the rest of preparing a call
def _joined(base: httpx.URL, path: str) -> httpx.URL:
    return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode("ascii"))


def _headers(
    operation: Operation[Any, Any], options: CallOptions, settings: Settings, body: Mapping[str, Any], *, stream: bool
) -> dict[str, str]:
    accept = _STREAM_TYPES[operation.streaming.format] if stream and operation.streaming else _JSON
    headers: dict[str, Any] = {
        "accept": accept,
        "user-agent": _USER_AGENT,
        "accept-encoding": "identity" if stream else "gzip",
    }
    if "type" in body:
        headers["content-type"] = body["type"]
    upload = body.get("stream")
    if isinstance(upload, Upload):
        headers |= {"transfer-encoding": "chunked"} if upload.size is None else {"content-length": str(upload.size)}
    if settings.api_key:
        headers["authorization"] = f"Bearer {settings.api_key}"
    # What was given for the client's own server, a proxy's password perhaps, is nobody else's business.
    at_home = operation.server is None or httpx.URL(operation.server).host == settings.base_url.host
    own = {**settings.headers, **settings.own_headers} if at_home else {}
    extra = named(options.extra_headers, "extra_headers")
    for name, value in (*own.items(), *extra.items()):
        headers[name.lower()] = value
    for name, value in headers.items():
        # The value may be a secret: the message does not show it.
        if not _TOKEN.fullmatch(name) or not isinstance(value, str) or not _FIELD_VALUE.fullmatch(value):
            raise ConfigurationError(f"the header {name!r} cannot be sent: name or value is not what RFC 9110 allows")
    if operation.needs_key and "authorization" not in headers:
        raise ConfigurationError(f"{operation.name} needs an API key: set OLLAMA_API_KEY or pass api_key=")
    return headers
