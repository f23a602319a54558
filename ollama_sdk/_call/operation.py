"""The types of the operation table: one row of data for each endpoint, generated from the document.

They are plain classes, because NamedTuple and attrs compile code for each class, whenever a program starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from ollama_sdk._timeout import OperationLimits

if TYPE_CHECKING:
    Format = Literal["ndjson", "sse", "bytes"]
    Place = Literal["body", "json", "content", "path", "query"]

__all__ = ["STREAM_TYPES", "Argument", "Operation", "OperationLimits", "Streaming", "Usage"]

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")

# The content types of a stream; requests ask for the first. A request without a prompt, which only loads the model, is answered
# by one JSON object even if a stream was requested.
STREAM_TYPES: Mapping[Format, tuple[str, ...]] = {
    "ndjson": ("application/x-ndjson", "application/json"),
    "sse": ("text/event-stream",),
    "bytes": ("*/*",),
}


_NONE: Mapping[str, str] = MappingProxyType({})


class Argument:
    """One argument of a method and its place in the request.

    Attributes:
        name: Its Python name.
        wire: Its name in the request.
        kind: The annotation that encodes it, as source text.
        place: ``body`` (a field of the JSON or form body), ``json`` or ``content`` (the body itself), ``path`` or ``query``.
        computed: Whether it is by default the SHA-256 digest of the content.
        required: Whether the body needs it.
        since: The first release of Ollama that reads it; ``None`` if that was before 0.5.0, or is unknown.
        until: The first release that does not read it any more; ``None`` if every later one does.
        sent_as: Further values that the client accepts, each with the value that is sent instead.
    """

    __slots__ = ("computed", "kind", "name", "place", "required", "sent_as", "since", "until", "wire")

    def __init__(
        self,
        name: str,
        wire: str,
        kind: str,
        place: Place = "body",
        *,
        computed: bool = False,
        required: bool = False,
        since: str | None = None,
        until: str | None = None,
        sent_as: Mapping[str, str] = _NONE,
    ) -> None:
        self.name = name
        self.wire = wire
        self.kind = kind
        self.place = place
        self.computed = computed
        self.required = required
        self.since = since
        self.until = until
        self.sent_as = sent_as


class Usage:
    """The paths of the model and the token counts in the JSON of a reply: the names of the fields, from outer to inner.

    Attributes:
        model: The model that answered; in a stream, looked up in the last item and then in the first.
        paths: That, the tokens of the prompt, and the tokens of the answer; ``()`` for what is not counted.
    """

    __slots__ = ("model", "paths")

    def __init__(
        self, model: tuple[str, ...], input_tokens: tuple[str, ...] = (), output_tokens: tuple[str, ...] = ()
    ) -> None:
        self.model = model
        self.paths = (model, input_tokens, output_tokens)


class Streaming:
    """How an operation streams.

    Attributes:
        format: ``ndjson`` (one JSON object per line), ``sse`` (server-sent events), or ``bytes``: every successful reply is a
            stream, of chunks of bytes without items.
        item: The annotation of one item, as source text.
        last: The fields and values of the item that ends a complete stream; ``{"data": "[DONE]"}`` is the sentinel of
            server-sent events, which is not an item. ``None`` if the end of the body ends the stream.
        failed: The fields and values of an item that reports a failure; an item with an ``error`` always does.
        finished: The fields of a finished one-piece reply: dotted paths, with ``[]`` for each item of a list. A reply in which
            one of them is empty (null, an empty text or 0) is unfinished.
        unfinished: The fields and values of an unfinished one-piece reply, by dotted path: a reply that has all values of one
            mapping is unfinished.
        collect: How items become one reply: ``merge`` by :attr:`merge`, ``messages`` or ``responses`` by the event vocabulary
            of that route, or ``items`` as a list; not used for ``bytes``.
        merge: For ``merge``, the fields of items of which the last value does not simply replace the others: by path, with
            ``[]`` for each item of a list, ``concat``, ``by-index``, ``by-call``, or ``into:NAME``.
        usage: The paths of model and token counts in an item; ``None`` if they are those of the one-piece reply.
        may_be_empty: Whether a stream of ``bytes`` may be complete without any.
    """

    __slots__ = (
        "collect",
        "failed",
        "finished",
        "format",
        "item",
        "last",
        "may_be_empty",
        "merge",
        "unfinished",
        "usage",
    )

    def __init__(
        self,
        *,
        format: Format,  # noqa: A002 - as in the document
        item: str,
        last: Mapping[str, Any] | None = None,
        failed: Mapping[str, Any] | None = None,
        finished: tuple[str, ...] = (),
        unfinished: tuple[Mapping[str, Any], ...] = (),
        collect: Literal["merge", "messages", "responses", "items"] = "merge",
        merge: Mapping[str, str] = _NONE,
        usage: Usage | None = None,
        may_be_empty: bool = False,
    ) -> None:
        self.format: Format = format
        self.item = item
        self.last = last
        self.failed = failed
        self.finished = finished
        self.unfinished = unfinished
        self.collect = collect
        self.merge = merge
        self.usage = usage
        self.may_be_empty = may_be_empty

    @property
    def is_asked_for(self) -> bool:
        """Whether the request has a field ``stream`` that asks for a stream."""
        return self.format != "bytes"


class Operation(Generic[ReplyT, ItemT]):
    """One endpoint.

    Attributes:
        name: The dotted path of its method, such as ``v1.chat.completions.create``.
        method: The HTTP method.
        path: The path, with ``{name}`` for path arguments.
        models: The package with the models of the annotations.
        arguments: The arguments of its method.
        body: The kind of body: ``json``, ``multipart``, ``binary``; ``None`` without one.
        reply: The annotation of the one-piece reply, as source text; or the result of a reply without a body: ``none``,
            ``exists`` (2xx true, 404 false), ``reachable`` (2xx true, anything else false), ``digest`` (the digest that was
            sent); ``text`` or ``bytes`` take any body.
        streaming: How it streams, or ``None``.
        repeat: Whether sending the same request again is safe: ``safe``, ``resumes`` (the server continues where it stopped)
            or ``never``; ``None`` for what holds for its HTTP method.
        needs_model: Whether the server must have the model of the request.
        model: The name of the argument for the model.
        one_each: The JSON name of the argument, a text or a list, whose items give one item of the reply each; ``None`` without.
        usage: The paths of model and token counts in the one-piece reply; ``None`` if it has neither.
        server: The base URL, if it is not the client's own.
        needs_key: Whether it is refused without an API key.
        since: The first release of Ollama with it; ``None`` if that was before 0.5.0, or is unknown.
        until: The first release without it; ``None`` if every later one has it.
        limits: Limits that replace the client's; ``None`` without such limits.
    """

    def __init__(
        self,
        *,
        name: str,
        method: str,
        path: str,
        models: str,
        arguments: tuple[Argument, ...] = (),
        body: Literal["json", "multipart", "binary"] | None = None,
        reply: str = "none",
        streaming: Streaming | None = None,
        repeat: Literal["safe", "resumes", "never"] | None = "never",
        needs_model: bool = True,
        model: str = "model",
        one_each: str | None = None,
        usage: Usage | None = None,
        server: str | None = None,
        needs_key: bool = False,
        since: str | None = None,
        until: str | None = None,
        limits: OperationLimits | None = None,
    ) -> None:
        self.name = name
        self.method = method
        self.path = path
        self.models = models
        self.arguments = arguments
        self.body = body
        self.reply = reply
        self.streaming = streaming
        self.repeat = repeat
        self.needs_model = needs_model
        self.model = model
        self.one_each = one_each
        self.usage = usage
        self.server = server
        self.needs_key = needs_key
        self.since = since
        self.until = until
        self.limits = limits
