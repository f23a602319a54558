"""The types of the public interface, each with its annotation in replies and in arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import frozen

__all__ = [
    "AnyKind",
    "Kind",
    "ListKind",
    "LiteralKind",
    "MapKind",
    "ModelKind",
    "Named",
    "NoneKind",
    "Scalar",
    "UnionKind",
    "flat",
]


class Kind:
    """A type."""

    def read(self) -> str:
        """The annotation of a value that is read: a field of a model, or a reply."""
        raise NotImplementedError

    def write(self) -> str:
        """The annotation of a value that is sent: an argument, or a key of a request dict."""
        return self.read()

    def choices(self) -> tuple[str, ...]:
        """The members of :meth:`write`, if that is a union."""
        return (self.write(),)

    def taken(self) -> tuple[str, ...]:
        """The annotations of an argument: wider than :meth:`write`, so that variables with inferred types fit."""
        return (self.write(),)

    def parts(self) -> Iterator[Kind]:
        """This type and every type inside it."""
        yield self


@frozen
class Scalar(Kind):
    """``str``, ``int``, ``float``, ``bool`` or ``datetime``."""

    name: str

    def read(self) -> str:
        return self.name

    def write(self) -> str:
        return " | ".join(self.choices())

    def choices(self) -> tuple[str, ...]:
        return ("datetime", "str") if self.name == "datetime" else (self.name,)


@frozen
class AnyKind(Kind):
    """Any JSON."""

    def read(self) -> str:
        return "Any"


@frozen
class NoneKind(Kind):
    """``None``: JSON's null, which is equivalent to absence."""

    def read(self) -> str:
        return "None"


@frozen
class LiteralKind(Kind):
    """One of some constants."""

    values: tuple[Any, ...]

    def read(self) -> str:
        return f"Literal[{', '.join(map(repr, self.values))}]"


@frozen
class Named(Kind):
    """A type of the hand-written part, such as ``Base64``."""

    name: str

    def read(self) -> str:
        return self.name


@frozen
class ModelKind(Kind):
    """A model; an argument also takes its dict, and with ``from_function`` a function that is described as one."""

    name: str
    from_function: bool = False

    def read(self) -> str:
        return self.name

    def write(self) -> str:
        return " | ".join(self.choices())

    def choices(self) -> tuple[str, ...]:
        return self.name, f"{self.name}Param"

    def taken(self) -> tuple[str, ...]:
        function = ("Callable[..., Any]",) if self.from_function else ()
        return (self.name, f"{self.name}Param", "Mapping[str, Any]", *function)


@frozen
class ListKind(Kind):
    """A list; an argument also takes any other sequence."""

    item: Kind

    def read(self) -> str:
        return f"list[{self.item.read()}]"

    def write(self) -> str:
        return f"Sequence[{self.item.write()}]"

    def taken(self) -> tuple[str, ...]:
        return (f"Iterable[{' | '.join(self.item.taken())}]",)

    def parts(self) -> Iterator[Kind]:
        yield self
        yield from self.item.parts()


@frozen
class MapKind(Kind):
    """An object with any keys; an argument also takes any other mapping."""

    value: Kind

    def read(self) -> str:
        return f"dict[str, {self.value.read()}]"

    def write(self) -> str:
        return f"Mapping[str, {self.value.write()}]"

    def taken(self) -> tuple[str, ...]:
        return (f"Mapping[str, {' | '.join(self.value.taken())}]",)

    def parts(self) -> Iterator[Kind]:
        yield self
        yield from self.value.parts()


@frozen
class UnionKind(Kind):
    """One of several types; ``alias`` is the name of a named union."""

    members: tuple[Kind, ...]
    alias: str | None = None

    def read(self) -> str:
        return self.alias or " | ".join(member.read() for member in self.members)

    def write(self) -> str:
        return " | ".join(self.choices())

    def choices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(choice for member in self.members for choice in member.choices()))

    def taken(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for member in self.members for each in member.taken()))

    def parts(self) -> Iterator[Kind]:
        yield self
        for member in self.members:
            yield from member.parts()


def flat(kind: Kind) -> Iterator[Kind]:
    """The members of a union and of the unions among them, or the type itself."""
    if isinstance(kind, UnionKind):
        for member in kind.members:
            yield from flat(member)
    else:
        yield kind
