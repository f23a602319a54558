"""The public interface that a document describes: models, methods and their types, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ollama_sdk._codec.discriminator import Discriminator, Variant, discriminator_of
from ollama_sdk._lifetimes import ALWAYS, Lifetime

from .kinds import Kind, ListKind, LiteralKind

__all__ = ["SHADOWING", "Argument", "Field", "Interface", "Method", "Model", "Stream", "Union", "discriminator"]

SHADOWING = frozenset({"bool", "datetime", "dict", "field", "float", "int", "list", "self", "str"})
"""Names that the body of a model uses; a field with such a name gets an underscore."""

Place = tuple[str | int, ...]


@frozen
class Field:
    """A field of a model.

    Attributes:
        name: Its Python name.
        wire: Its JSON name.
        kind: Its type, without the ``None`` of absence.
        required: Whether every reply has it, with a value.
        default: Its value if it is absent: ``None``, ``""`` or ``[]``.
        doc: Its description.
        absent: The value of a required field that a reply lacks; ``None`` if such a reply is refused.
        is_content: Whether it is optional, but a reply in which it has another type is refused.
        lifetime: The releases that have it.
        is_open_tag: Whether it is the tag of a union, in the member that takes all other values.
    """

    name: str
    wire: str
    kind: Kind
    required: bool
    default: Any
    doc: str
    absent: str | None = None
    is_content: bool = False
    lifetime: Lifetime = ALWAYS
    is_open_tag: bool = False

    @property
    def read(self) -> str:
        """The annotation of the field."""
        if self.is_open_tag:
            return "OtherTag"
        return f"{self.kind.read()} | None" if self.may_be_none else self.kind.read()

    @property
    def may_be_none(self) -> bool:
        """Whether its value is ``None`` if it is absent."""
        return not self.required and self.default is None

    @property
    def value(self) -> str | None:
        """The source text of its default; ``None`` if it has none."""
        arguments: list[str] = []
        if self.default == []:
            arguments.append("factory=empty_list")
        elif not self.required:
            arguments.append(f"default={self.default!r}")
        metadata: dict[str, Any] = {"wire": self.wire} if self.name != self.wire else {}
        if self.absent is not None:
            metadata["absent"] = self.absent
        if self.is_content:
            metadata["content"] = True
        if metadata:
            arguments.append(f"metadata={metadata!r}")
        if not arguments:
            return None
        plain = len(arguments) == 1 and arguments[0].startswith("default=")
        return arguments[0].removeprefix("default=") if plain else f"field({', '.join(arguments)})"


@frozen
class Model:
    """An object of the document that becomes a class.

    Attributes:
        name: The class.
        module: Its module.
        doc: Its description.
        fields: Required ones first.
        mixin: A hand-written class that adds properties.
        items: The JSON name of the list for iteration and ``len()``; ``None`` if the model has neither.
        from_function: The template of the object that describes a function, with ``$name``, ``$description`` and
            ``$parameters``; ``None`` if an argument takes no function.
        given: Whether it is part of an argument, which also takes it as a dict.
        returned: Whether it is part of a reply.
        place: Its path in the document.
    """

    name: str
    module: str
    doc: str
    fields: tuple[Field, ...]
    mixin: str | None = None
    from_function: dict[str, Any] | None = None
    items: str | None = None
    given: bool = False
    returned: bool = False
    place: Place = ()

    @property
    def items_kind(self) -> Kind | None:
        """The type of the items of iteration."""
        kinds = [field.kind for field in self.fields if field.wire == self.items]
        return kinds[0].item if kinds and isinstance(kinds[0], ListKind) else None

    @property
    def items_name(self) -> str:
        """The Python name of the list for iteration."""
        return next(field.name for field in self.fields if field.wire == self.items)


def discriminator(models: Iterable[Model]) -> Discriminator[str]:
    """The discriminator by which the codec chooses among the models of a union, which are given by name."""
    return discriminator_of(
        Variant(
            model.name,
            {f.wire: f.kind.values for f in model.fields if isinstance(f.kind, LiteralKind)},
            {f.wire for f in model.fields if f.required},
        )
        for model in models
    )


@frozen
class Union:
    """A named union of the document; the attributes are those of a :class:`Model`."""

    name: str
    module: str
    doc: str
    members: tuple[Kind, ...]
    given: bool = False
    returned: bool = False
    place: Place = ()

    @property
    def read(self) -> str:
        """The source text of the union."""
        return " | ".join(member.read() for member in self.members)


@frozen
class Argument:
    """An argument of a method.

    Attributes:
        name: Its Python name.
        wire: Its name in the request.
        kind: Its type, without ``None``.
        place: ``body``, ``content``, ``path`` or ``query``.
        positional: Whether it may be passed by position.
        optional: Whether it may be left out.
        computed: Whether it is computed from the content if it is left out.
        doc: Its description.
        lifetime: The releases that read it.
        sent_as: Further values that the client accepts, each with the value that is sent instead.
    """

    name: str
    wire: str
    kind: Kind
    place: str
    positional: bool
    optional: bool
    computed: bool
    doc: str
    lifetime: Lifetime = ALWAYS
    sent_as: Mapping[str, str] = field(factory=dict[str, str])


@frozen
class Stream:
    """How a method streams; see :class:`ollama_sdk._call.operation.Streaming`."""

    format: str
    item: Kind
    last: dict[str, Any]
    collect: str
    failed: dict[str, Any] | None = None
    finished: tuple[str, ...] = ()
    unfinished: tuple[dict[str, Any], ...] = ()
    merge: dict[str, str] = field(factory=dict[str, str])
    usage: tuple[str, ...] = ()


@frozen
class Method:
    """A method of the client.

    Attributes:
        path: Its dotted name in parts, such as ``("v1", "chat", "completions", "create")``.
        http: The HTTP method.
        url: The path.
        doc: Summary and description.
        arguments: In the order of the signature.
        body: ``json``, ``multipart``, ``binary`` or ``None``.
        reply: The type of the one-piece reply; ``None`` if ``result`` decides the return type.
        result: ``none``, ``exists``, ``reachable`` or ``digest``.
        stream: How it streams, or ``None``.
        repeat: Whether sending the same request again is safe.
        needs_model: Whether the server must have the model of the request.
        model: The name of the argument for the model.
        one_each: The JSON name of the argument, a text or a list, whose items give one item of the reply each; ``None`` without.
        usage: The dotted paths of model, input tokens and output tokens in the one-piece reply.
        server: Its own base URL.
        needs_key: Whether an API key is needed.
        deprecated: Whether it is superseded.
        limits: Seconds to the first item and between items, instead of the client's limits; or ``None``.
        lifetime: The releases that have the route.
        place: Its path in the document.
    """

    path: tuple[str, ...]
    http: str
    url: str
    doc: str
    arguments: tuple[Argument, ...]
    body: str | None
    reply: Kind | None
    result: str
    stream: Stream | None
    repeat: str
    needs_model: bool
    model: str
    usage: tuple[str, ...]
    server: str | None
    needs_key: bool
    deprecated: bool
    limits: tuple[float | None, float | None] | None = None
    lifetime: Lifetime = ALWAYS
    one_each: str | None = None
    place: Place = ()

    @property
    def name(self) -> str:
        """The method's own name."""
        return self.path[-1]

    @property
    def dotted(self) -> str:
        """The whole name."""
        return ".".join(self.path)

    @property
    def constant(self) -> str:
        """The name of its row in the operation table."""
        return "_".join(self.path).upper()

    @property
    def is_bytes(self) -> bool:
        """Whether every reply is a stream of bytes."""
        return self.stream is not None and self.stream.format == "bytes"

    def results(self) -> Iterator[Kind]:
        """The types of its reply and of the items of its stream."""
        if self.reply is not None:
            yield self.reply
        if self.stream is not None:
            yield self.stream.item

    def kinds(self) -> Iterator[Kind]:
        """Every type of its signature."""
        yield from (argument.kind for argument in self.arguments)
        yield from self.results()

    @property
    def returns(self) -> str:
        """The annotation of the one-piece reply."""
        if self.reply is not None:
            return self.reply.read()
        if self.is_bytes:
            return "ByteStream"
        return {"none": "None", "digest": "str"}.get(self.result, "bool")


@frozen
class Interface:
    """The public part of the generated package."""

    version: str
    models: tuple[Model, ...]
    unions: tuple[Union, ...]
    methods: tuple[Method, ...] = field(factory=tuple)

    def groups(self) -> Iterator[tuple[str, ...]]:
        """The groups of methods, inner ones first; ``()`` is the client itself and comes last."""
        found = {method.path[:depth] for method in self.methods for depth in range(len(method.path))}
        yield from sorted(found | {()}, key=lambda group: (-len(group), group))

    @staticmethod
    def class_name(prefix: str, group: tuple[str, ...]) -> str:
        """The class that has the methods of a group; ``prefix`` is ``""``, ``"Async"``, ``"Raw"`` or ``"AsyncRaw"``."""
        return prefix + ("".join(part.title().replace("_", "") for part in group) or "Ollama")
