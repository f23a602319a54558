"""Compares the interface of a server with that of the document.

Theory
------

Both are routes with shapes. A pair is a shape of the server and the shape of the document at the same place; pairs are found from the
bodies and replies of the routes inwards. One struct may be paired with several schemas, because a server may read and send the same
struct, and one schema with several structs, because a union has branches. So a field of a struct is lacking if none of the paired
schemas has it, and a field of a schema is beyond the server if none of the paired structs has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from .shapes import Member, Route, Shape, one_of

__all__ = ["BEYOND", "DIFFERS", "LACKS", "Difference", "differences"]

LACKS, DIFFERS, BEYOND = "lacks", "differs", "beyond"


@frozen
class Difference:
    """One difference.

    Attributes:
        kind: ``lacks``, ``differs`` or ``beyond``, seen from the document.
        key: Its key in ``drift.toml``: a route, a field such as ``api.Message.thinking``, or a value such as
            ``model.Capability=audio``.
        text: The difference.
        route: A route that has it.
        where: The schema of the document, or ``""``.
        member: The lacking field, or ``None``.
        added: The lacking route, or ``None``.
    """

    kind: str
    key: str
    text: str
    route: str
    where: str = ""
    member: Member | None = field(default=None, eq=False)
    added: Route | None = field(default=None, eq=False)


@define
class _Struct:
    """One struct of the server, or one schema of the document, with its partners."""

    shape: Shape
    route: str
    partners: list[tuple[Shape, bool]] = field(factory=list[tuple[Shape, bool]])  # and whether it is part of a reply


def differences(document: Mapping[tuple[str, str], Route], server: Mapping[tuple[str, str], Route]) -> list[Difference]:
    """The differences: routes first, then fields and values by their names.

    Args:
        document: The routes of the document.
        server: The routes of the server.
    """
    found: list[Difference] = []
    for key in sorted(server.keys() - document.keys(), key=lambda key: (key[1], key[0])):
        label = " ".join(key)
        found.append(Difference(LACKS, label, f"route `{label}` (`{server[key].handler}`)", label, added=server[key]))
    for key in sorted(document.keys() - server.keys(), key=lambda key: (key[1], key[0])):
        label = " ".join(key)
        found.append(Difference(BEYOND, label, f"route `{label}`", label))
    pairing = _Pairing()
    for key in sorted(server.keys() & document.keys(), key=lambda key: (key[1], key[0])):
        pairing.add_route(" ".join(key), document[key], server[key])
    return found + sorted(pairing.differences(), key=lambda difference: difference.key)


class _Pairing:
    """Every pair of shapes at the same place."""

    def __init__(self) -> None:
        self._structs: dict[str, _Struct] = {}
        self._schemas: dict[str, _Struct] = {}
        self._seen: set[tuple[str, str, bool]] = set()

    def add_route(self, label: str, document: Route, server: Route) -> None:
        if server.request is not None and document.request is not None:
            self._add(label, (f"{label} body", f"{label} body"), server.request, document.request, reply=False)
        if not document.replies:
            return
        every = one_of(document.replies)
        for shape in server.replies:
            self._add(label, (f"{label} reply", f"{label} reply"), shape, every, reply=True)
        if server.events and "type" in every.members:
            events = Shape(frozenset({"string"}), f"{label} events", server.events)
            self._add(label, (events.name, events.name), events, every.members["type"].shape, reply=True)

    def _add(self, route: str, places: tuple[str, str], server: Shape, document: Shape, *, reply: bool) -> None:
        """Add a pair and the pairs inside it.

        Args:
            route: A route that has the pair.
            places: Names for the shapes, if they have none.
            server: The shape of the server.
            document: The shape of the document.
            reply: Whether the pair is part of a reply.
        """
        names = (server.name or places[0], document.name or places[1])
        if (*names, reply) in self._seen:
            return
        self._seen.add((*names, reply))
        self._structs.setdefault(names[0], _Struct(server, route)).partners.append((document, reply))
        if server.types and not server.free:
            self._schemas.setdefault(names[1], _Struct(document, route)).partners.append((server, reply))
        if server.item is not None and document.item is not None:
            inside = (f"{names[0]}[]", f"{names[1]}[]")
            self._add(route, inside, server.item, document.item, reply=reply)
        for name, member in server.members.items():
            if name in document.members:
                inside = (f"{names[0]}.{name}", f"{names[1]}.{name}")
                self._add(route, inside, member.shape, document.members[name].shape, reply=reply)

    def differences(self) -> Iterator[Difference]:
        for name, struct in self._structs.items():
            yield from _lacking(name, struct)
            yield from _values(name, struct)
        for name, schema in self._schemas.items():
            yield from _beyond(name, schema)


def _lacking(name: str, struct: _Struct) -> Iterator[Difference]:
    """Fields that no schema has, or that every schema has with another type."""
    schemas = [shape for shape, _ in struct.partners]
    if any(not shape.types or shape.free for shape in schemas):
        return  # the document leaves it open
    where = ", ".join(dict.fromkeys(shape.name for shape in schemas if shape.name)) or struct.route
    for wire, member in struct.shape.members.items():
        key = f"{name}.{wire}"
        found = [(shape.members[wire], reply) for shape, reply in struct.partners if wire in shape.members]
        if not found:
            text = f"`{key}` ({_kind(member.shape)}{', may be left out' if member.optional else ''})"
            yield Difference(LACKS, key, f"{text} is not in {where}", struct.route, where, member)
        elif all(not _fits(member.shape, other.shape) for other, _ in found):
            said = " or ".join(dict.fromkeys(_kind(other.shape) for other, _ in found))
            yield Difference(
                DIFFERS, key, f"`{key}` is {_kind(member.shape)}; {where} says {said}", struct.route, where
            )
        elif (
            member.optional
            and all(other.optional is False for other, reply in found if reply)
            and any(r for _, r in found)
        ):
            yield Difference(
                DIFFERS, key, f"`{key}` may be left out of a reply; {where} requires it", struct.route, where
            )


def _fits(server: Shape, document: Shape) -> bool:
    """Whether the document admits what the server may send or take."""
    if not server.types or not document.types or server.types & document.types:
        return True
    return server.types == frozenset({"integer"}) and "number" in document.types


def _values(name: str, struct: _Struct) -> Iterator[Difference]:
    """Values of an enumeration that no schema lists, if one lists any."""
    known = frozenset[str]().union(*(shape.values for shape, _ in struct.partners))
    where = ", ".join(dict.fromkeys(shape.name for shape, _ in struct.partners if shape.name)) or struct.route
    if not known or not struct.shape.values:
        return
    for value in sorted(struct.shape.values - known):
        yield Difference(
            LACKS, f"{name}={value}", f"value `{value}` of `{name}` is not in {where}", struct.route, where
        )
    for value in sorted(known - struct.shape.values):
        yield Difference(BEYOND, f"{name}={value}", f"value `{value}` of `{name}`, in {where}", struct.route, where)


def _beyond(name: str, schema: _Struct) -> Iterator[Difference]:
    """Fields of a schema that no struct has."""
    structs = [shape for shape, _ in schema.partners]
    if any(not shape.members for shape in structs):
        return
    for wire in schema.shape.members:
        if not any(wire in shape.members for shape in structs):
            names = ", ".join(dict.fromkeys(shape.name for shape in structs if shape.name))
            yield Difference(
                BEYOND, f"{name}.{wire}", f"`{name}.{wire}`, which {names or 'the server'} has not", schema.route, name
            )


def _kind(shape: Shape) -> str:
    if shape.item is not None and shape.types == frozenset({"array"}):
        return f"array of {_kind(shape.item)}"
    return shape.name or " or ".join(sorted(shape.types)) or "anything"
