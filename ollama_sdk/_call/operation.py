"""What one endpoint is, as a row of data: the generated operation table is made of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

from attrs import field, frozen

__all__ = ["OPERATIONS", "Argument", "Operation", "Streaming"]

ReplyT = TypeVar("ReplyT")
ItemT = TypeVar("ItemT")

# The names of all rows that have been loaded, which a client's are before there is one.
OPERATIONS: set[str] = set()


@frozen(eq=False, repr=False)
class Argument:
    """One argument of a method and where it goes.

    Attributes:
        name: Its Python name.
        wire: Its name in the request.
        kind: The annotation that encodes it, as source text.
        place: ``body`` (a field of the JSON or form body), ``content`` (the body itself), ``path`` or ``query``.
        computed: Whether it is the SHA-256 digest of the content when not given.
    """

    name: str
    wire: str
    kind: str
    place: Literal["body", "content", "path", "query"] = "body"
    computed: bool = False


@frozen(eq=False, repr=False)
class Streaming:
    """How an operation streams.

    Attributes:
        format: ``ndjson`` (a JSON object a line) or ``sse`` (server-sent events).
        item: The annotation of one item, as source text.
        last: The fields and values of the item that ends the stream well; ``{"data": "[DONE]"}`` is the sentinel of
            server-sent events, which is not an item.
        failed: The fields and values of an item that reports failure; one with an ``error`` always does.
        default: Whether the server streams when the request does not say.
        collect: How items become one reply: ``merge`` by :attr:`Operation.merge`, or the fold of an event vocabulary.
        merge: For ``merge``, how the fields of items combine where the last value does not simply win: by path, with
            ``[]`` for "each of the list", ``concat``, ``by-index``, or ``into:NAME``.
    """

    format: Literal["ndjson", "sse"]
    item: str
    last: Mapping[str, Any]
    failed: Mapping[str, Any] | None = None
    default: bool = False
    collect: Literal["merge", "messages", "responses"] = "merge"
    merge: Mapping[str, str] = field(factory=dict[str, str])


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
        reply: The annotation of the one-piece reply, as source text; or how the bare answer becomes a value: ``none``,
            ``text``, ``exists`` (2xx true, 404 false), ``reachable`` (2xx true, anything else false), ``digest`` (the
            digest that was sent).
        streaming: How it streams, or ``None``.
        repeat: Whether sending the same request again is safe: ``safe``, ``resumes`` (the server goes on where it stopped)
            or ``never``.
        needs_model: Whether the server must have the model that it names.
        model: Name of the argument that names it, if there is one.
        server: The base URL it is served at when that is not the client's own.
        needs_key: Whether it is refused without an API key.
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
    server: str | None = None
    needs_key: bool = False

    def __attrs_post_init__(self) -> None:
        OPERATIONS.add(self.name)
