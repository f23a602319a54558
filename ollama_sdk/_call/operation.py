"""The shape of the operation table: one row of data for each endpoint, which the generator writes from the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

from attrs import field, frozen

from ollama_sdk._timeout import OperationLimits

__all__ = ["STREAM_TYPES", "Argument", "Operation", "OperationLimits", "Streaming", "Usage"]

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")

# The content types of a stream; the first is the one to ask for. A request with nothing to generate (an empty prompt
# loads the model) is answered by one JSON object even when a stream was asked for.
STREAM_TYPES: Mapping[Literal["ndjson", "sse", "bytes"], tuple[str, ...]] = {
    "ndjson": ("application/x-ndjson", "application/json"),
    "sse": ("text/event-stream",),
    "bytes": ("*/*",),
}


def _steps(path: str | None) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


@frozen(eq=False, repr=False)
class Argument:
    """One argument of a method and where it goes.

    Attributes:
        name: Its Python name.
        wire: Its name in the request.
        kind: The annotation that encodes it, as source text.
        place: ``body`` (a field of the JSON or form body), ``json`` or ``content`` (the body itself), ``path`` or ``query``.
        computed: Whether it is the SHA-256 digest of the content when not given.
        required: Whether a body without it is not a request.
        since: The first release of Ollama that reads it; ``None`` if that was before 0.5.0, or is unknown.
        until: The first release that does not read it any more; ``None`` while it is read.
        sent_as: Values that only the caller's side knows, and what is sent in their place.
    """

    name: str
    wire: str
    kind: str
    place: Literal["body", "json", "content", "path", "query"] = "body"
    computed: bool = False
    required: bool = False
    since: str | None = None
    until: str | None = None
    sent_as: Mapping[str, str] = field(factory=dict[str, str])


@frozen(eq=False, repr=False)
class Usage:
    """Where the JSON of a reply names its model and counts its tokens: dotted paths, kept as their steps.

    Attributes:
        model: The model that answered; in a stream looked for in the last item and then in the first.
        input_tokens: Tokens of the prompt; ``()`` where they are not counted.
        output_tokens: Tokens of the answer; ``()`` where they are not counted.
    """

    model: tuple[str, ...] = field(converter=_steps)
    input_tokens: tuple[str, ...] = field(default=None, converter=_steps)
    output_tokens: tuple[str, ...] = field(default=None, converter=_steps)


@frozen(eq=False, repr=False)
class Streaming:
    """How an operation streams.

    Attributes:
        format: ``ndjson`` (a JSON object a line), ``sse`` (server-sent events), or ``bytes``: every good reply is a stream, of
            chunks of bytes without items.
        item: The annotation of one item, as source text.
        last: The fields and values of the item that ends the stream well; ``{"data": "[DONE]"}`` is the sentinel of
            server-sent events, which is not an item. ``None`` where the end of the body is the end.
        failed: The fields and values of an item that reports failure; one with an ``error`` always does.
        finished: Where the one-piece reply says that it is finished: dotted paths, with ``[]`` for "each of the list". A reply
            that has nothing there (null, an empty text or 0) is unfinished.
        unfinished: The fields and values of a one-piece reply that is unfinished, by dotted paths: those of one mapping together.
        collect: How items become one reply: ``merge`` by :attr:`merge`, the event vocabulary of ``/v1/messages`` or
            ``/v1/responses``, or ``items``, the list of them; for ``bytes`` they do not.
        merge: For ``merge``, how the fields of items combine where the last value does not simply win: by path, with
            ``[]`` for "each of the list", ``concat``, ``by-index``, ``by-call``, or ``into:NAME``.
        usage: Where an item names the model and counts the tokens; ``None`` where that is as in the one-piece reply.
    """

    format: Literal["ndjson", "sse", "bytes"]
    item: str
    last: Mapping[str, Any] | None = None
    failed: Mapping[str, Any] | None = None
    finished: tuple[str, ...] = ()
    unfinished: tuple[Mapping[str, Any], ...] = ()
    collect: Literal["merge", "messages", "responses", "items"] = "merge"
    merge: Mapping[str, str] = field(factory=dict[str, str])
    usage: Usage | None = None

    @property
    def is_asked_for(self) -> bool:
        """Whether a request says by its field ``stream`` that it wants a stream."""
        return self.format != "bytes"


@frozen(eq=False, repr=False)
class Operation(Generic[ReplyT, ItemT]):
    """One endpoint.

    Attributes:
        name: The dotted path of its method, such as ``v1.chat.completions.create``.
        method: The HTTP method.
        path: The path, with ``{name}`` for path arguments.
        models: The package in which annotations find their models.
        arguments: What it takes.
        body: How the body travels: ``json``, ``multipart``, ``binary``; ``None`` without one.
        reply: The annotation of the one-piece reply, as source text; or what a reply without a body means: ``none``
            (nothing), ``exists`` (2xx true, 404 false), ``reachable`` (2xx true, anything else false), ``digest`` (the
            digest that was sent); ``text`` or ``bytes`` take any body.
        streaming: How it streams, or ``None``.
        repeat: Whether sending the same request again is safe: ``safe``, ``resumes`` (the server goes on where it stopped)
            or ``never``.
        needs_model: Whether the server must have the model that it names.
        model: Name of the argument that names it, if there is one.
        usage: Where the one-piece reply names the model and counts the tokens; ``None`` where it does neither.
        server: The base URL it is served at when that is not the client's own.
        needs_key: Whether it is refused without an API key.
        since: The first release of Ollama with it; ``None`` if that was before 0.5.0, or is unknown.
        until: The first release without it; ``None`` while it is there.
        limits: What it has instead of the client's limits; ``None`` where those suit it.
    """

    name: str
    method: str
    path: str
    models: str
    arguments: tuple[Argument, ...] = ()
    body: Literal["json", "multipart", "binary"] | None = None
    reply: str = "none"
    streaming: Streaming | None = None
    repeat: Literal["safe", "resumes", "never"] = "never"
    needs_model: bool = True
    model: str = "model"
    usage: Usage | None = None
    server: str | None = None
    needs_key: bool = False
    since: str | None = None
    until: str | None = None
    limits: OperationLimits | None = None
