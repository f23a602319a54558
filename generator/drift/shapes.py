"""A server's interface as plain data: routes, and the shapes of their JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from pathlib import Path

from attrs import field, frozen

__all__ = ["ANY", "Member", "Route", "Shape", "Source", "SourceError", "one_of"]


class SourceError(Exception):
    """What the document is to be compared with cannot be read."""


@frozen
class Member:
    """A field of an object.

    Attributes:
        shape: What it holds.
        optional: Whether it may be left out; ``None`` where the source does not say.
        doc: What the source says about it.
    """

    shape: Shape
    optional: bool | None = None
    doc: str = ""


@frozen
class Shape:
    """What a JSON value may be.

    Attributes:
        types: JSON types: ``string``, ``integer``, ``number``, ``boolean``, ``array``, ``object``. Empty: any.
        name: Where the source defines it, as in ``api.Message``; ``""`` where it has no name.
        values: The values of an enumeration.
        item: What an array holds.
        free: Whether an object takes any key, so that its members are no complete list.
        load: Gives the members of an object by their JSON names; called late, because shapes may hold themselves.
    """

    types: frozenset[str] = frozenset()
    name: str = ""
    values: frozenset[str] = frozenset()
    item: Shape | None = None
    free: bool = False
    load: Callable[[], Mapping[str, Member]] | None = field(default=None, eq=False, repr=False)

    @property
    def members(self) -> Mapping[str, Member]:
        """The members of an object by their JSON names."""
        return self.load() if self.load is not None else {}


ANY = Shape()


def one_of(shapes: Sequence[Shape]) -> Shape:
    """The shape of a value that has one of some shapes; at least one is given."""
    return reduce(_either, shapes)


def _either(one: Shape, other: Shape) -> Shape:
    if one is other:
        return one
    items = [shape.item for shape in (one, other) if shape.item is not None]
    return Shape(
        one.types | other.types if one.types and other.types else frozenset(),
        " | ".join(dict.fromkeys([*one.name.split(" | "), *other.name.split(" | ")])).strip(" |"),
        one.values | other.values,
        one_of(items) if items else None,
        one.free or other.free,
        cache(lambda: _either_members(one, other)),
    )


def _either_members(one: Shape, other: Shape) -> dict[str, Member]:
    """The members of both; one that only one of two objects has may be left out."""
    ours, theirs = one.members, other.members
    objects = "object" in one.types and "object" in other.types
    found: dict[str, Member] = {}
    for name in dict.fromkeys((*ours, *theirs)):
        both = [members[name] for members in (ours, theirs) if name in members]
        shape = one_of([member.shape for member in both])
        optional = (name not in ours.keys() & theirs.keys() and objects) or any(
            member.optional is not False for member in both
        )
        found[name] = Member(shape, optional, both[0].doc)
    return found


@frozen
class Route:
    """One route of a server.

    Attributes:
        request: The shape of its body.
        replies: The shapes of its reply and of the items of its stream.
        handler: The code that answers, for a person who looks it up.
        events: The names of the events of its stream, where the source shows no more of them.
    """

    request: Shape | None = None
    replies: tuple[Shape, ...] = ()
    handler: str = ""
    events: frozenset[str] = frozenset()


@frozen
class Source:
    """What a document is compared with.

    Attributes:
        path: Where it was read.
        version: The release it is of; ``""`` where that is not known.
        routes: By method and path, as in ``("POST", "/api/blobs/{digest}")``.
    """

    path: Path
    version: str
    routes: Mapping[tuple[str, str], Route]
