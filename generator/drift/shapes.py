"""A server's interface as plain data: routes, and the shapes of their JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from pathlib import Path

from attrs import field, frozen

__all__ = ["ANY", "Member", "Route", "Shape", "Source", "SourceError", "one_of"]


class SourceError(Exception):
    """The source to compare with cannot be read."""


@frozen
class Member:
    """A field of an object.

    Attributes:
        shape: The shape of its value.
        optional: Whether it may be left out; ``None`` if the source does not show that.
        doc: The comment or description in the source.
    """

    shape: Shape
    optional: bool | None = None
    doc: str = ""


@frozen
class Shape:
    """The possible values of a JSON value.

    Attributes:
        types: JSON types: ``string``, ``integer``, ``number``, ``boolean``, ``array``, ``object``. Empty: any.
        name: Its name in the source, such as ``api.Message``; ``""`` without one.
        values: The values of an enumeration.
        item: The items of an array.
        free: Whether an object takes any key, so that its members are not complete.
        load: Returns the members of an object by JSON name; called lazily, because shapes may be recursive.
    """

    types: frozenset[str] = frozenset()
    name: str = ""
    values: frozenset[str] = frozenset()
    item: Shape | None = None
    free: bool = False
    load: Callable[[], Mapping[str, Member]] | None = field(default=None, eq=False, repr=False)

    @property
    def members(self) -> Mapping[str, Member]:
        """The members of an object by JSON name."""
        return self.load() if self.load is not None else {}


ANY = Shape()


def one_of(shapes: Sequence[Shape]) -> Shape:
    """The shape of a value that has one of several shapes; at least one must be given."""
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
    """The members of both; a member of only one object is optional."""
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
        handler: The function that answers, for people who look it up.
        events: The names of the events of its stream, if the source does not show their fields.
    """

    request: Shape | None = None
    replies: tuple[Shape, ...] = ()
    handler: str = ""
    events: frozenset[str] = frozenset()


@frozen
class Source:
    """A source to compare with the document.

    Attributes:
        path: Its file or folder.
        version: Its release; ``""`` if that is not known.
        routes: By method and path, such as ``("POST", "/api/blobs/{digest}")``.
    """

    path: Path
    version: str
    routes: Mapping[tuple[str, str], Route]
