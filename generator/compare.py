"""Compares two interfaces: what an edit adds, changes and removes, and whether it breaks code that was right before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from attrs import frozen

from .interface import Argument, Field, Interface, Method, Model, Stream, Union
from .kinds import AnyKind, Kind, ListKind, LiteralKind, MapKind, Named, Scalar, UnionKind

__all__ = ["ADDED", "CHANGED", "REMOVED", "Change", "compare"]

ADDED, CHANGED, REMOVED = "Added", "Changed", "Removed"

# Whether a difference breaks code that gives the value (in arguments), and code that reads it (in replies).
_BREAKS = {
    "removed": (True, True),
    "renamed": (True, True),
    "replaced": (True, True),
    "widened": (False, True),
    "narrowed": (True, False),
    "optional": (False, True),
    "required": (True, False),
    "new, optional": (False, False),
    "new, required": (True, False),
    "moved": (True, False),
    "by position too": (False, False),
}

T = TypeVar("T")


@frozen
class Change:
    """One difference.

    Attributes:
        group: ``Added``, ``Changed`` or ``Removed``.
        text: What is different, as Markdown.
        breaking: Whether correct code may have to change.
    """

    group: str
    text: str
    breaking: bool = False


def compare(old: Interface, new: Interface) -> list[Change]:
    """The differences of two interfaces, methods first."""
    types = _Types({u.name for u in old.unions} & {u.name for u in new.unions})
    found: list[Change] = []
    if old.version != new.version:
        found.append(Change(CHANGED, f"The document describes Ollama {new.version}; it was {old.version}."))
    for one, other in _pairs(old.methods, new.methods, lambda method: method.dotted):
        found += _method_changes(types, one, other)
    for model, now in _pairs(old.models, new.models, lambda model: model.name):
        found += _model_changes(types, model, now)
    for union, after in _pairs(old.unions, new.unions, lambda union: union.name):
        found += _union_changes(types, union, after)
    return found


def _pairs(old: Iterable[T], new: Iterable[T], name: Callable[[T], str]) -> Iterator[tuple[T | None, T | None]]:
    """Pairs of the same name, in the old order; then what is new. ``None`` is what one side lacks."""
    before: Mapping[str, T] = {name(each): each for each in old}
    after: Mapping[str, T] = {name(each): each for each in new}
    return ((before.get(key), after.get(key)) for key in dict.fromkeys((*before, *after)))


def _breaks(difference: str, *, given: bool, read: bool) -> bool:
    givers, readers = _BREAKS[difference]
    return (given and givers) or (read and readers)


# Methods


def _method_changes(types: _Types, old: Method | None, new: Method | None) -> Iterator[Change]:
    if new is None:
        assert old is not None  # noqa: S101 - one of a pair is there
        yield Change(REMOVED, f"`{old.dotted}`", breaking=True)
        return
    name = f"`{new.dotted}`"
    if old is None:
        yield Change(ADDED, f"{name}: {new.doc.splitlines()[0] if new.doc else f'{new.http} {new.url}'}")
        return
    for one, other in _pairs(old.arguments, new.arguments, lambda argument: argument.name):
        yield from _argument_changes(types, name, one, other)
    yield from _moves(name, old, new)
    yield from _reply_changes(types, name, old, new)
    yield from _stream_changes(types, name, old.stream, new.stream)
    yield from _circumstances(name, old, new)


def _argument_changes(types: _Types, name: str, old: Argument | None, new: Argument | None) -> Iterator[Change]:
    if new is None:
        assert old is not None  # noqa: S101 - one of a pair is there
        yield Change(REMOVED, f"{name}: argument `{old.name}`", _breaks("removed", given=True, read=False))
        return
    if old is None:
        how = "optional" if new.optional else "required"
        text = f"{name}: {how} argument `{new.name}`, `{new.kind.write()}`"
        yield Change(ADDED, text, _breaks(f"new, {how}", given=True, read=False))
        return
    place = f"{name}: argument `{new.name}`"
    if old.optional != new.optional:
        how = "optional" if new.optional else "required"
        yield Change(CHANGED, f"{place} is {how} now", _breaks(how, given=True, read=False))
    if difference := types.difference(old.kind, new.kind):
        text = f"{place} takes `{new.kind.write()}`; it took `{old.kind.write()}`"
        yield Change(CHANGED, text, _breaks(difference, given=True, read=False))


def _moves(name: str, old: Method, new: Method) -> Iterator[Change]:
    """Arguments that changed their position."""
    before = {a.name: i for i, a in enumerate((a for a in old.arguments if a.positional), 1)}
    after = {a.name: i for i, a in enumerate((a for a in new.arguments if a.positional), 1)}
    for argument in new.arguments:
        if all(argument.name != other.name for other in old.arguments):
            continue
        place = f"{name}: argument `{argument.name}`"
        was, now = before.get(argument.name), after.get(argument.name)
        if was is None and now is not None:
            text = f"{place} may be given by position too, as number {now}"
            yield Change(CHANGED, text, _breaks("by position too", given=True, read=False))
        elif was != now:
            text = f"is number {now} now; it was number {was}" if now else "is given by keyword only now"
            yield Change(CHANGED, f"{place} {text}", _breaks("moved", given=True, read=False))


def _reply_changes(types: _Types, name: str, old: Method, new: Method) -> Iterator[Change]:
    if old.reply is not None and new.reply is not None:
        difference = types.difference(old.reply, new.reply)
    else:
        difference = "replaced" if old.returns != new.returns else None
    if difference:
        text = f"{name} returns `{new.returns}`; it returned `{old.returns}`"
        yield Change(CHANGED, text, _breaks(difference, given=False, read=True))


def _stream_changes(types: _Types, name: str, old: Stream | None, new: Stream | None) -> Iterator[Change]:
    if new is None:
        if old is not None:
            yield Change(REMOVED, f"{name}: `stream=True`", breaking=True)
        return
    if old is None:
        yield Change(ADDED, f"{name}: `stream=True`, which gives items of `{new.item.read()}`")
        return
    if difference := types.difference(old.item, new.item):
        text = f"{name}: the items of its stream are `{new.item.read()}`; they were `{old.item.read()}`"
        yield Change(CHANGED, text, _breaks(difference, given=False, read=True))
    for what, before, after in (
        ("the format of its stream", old.format, new.format),
        ("the last item of its stream", old.last, new.last),
        ("the item of its stream that reports failure", old.failed, new.failed),
        ("how its items are collected", old.collect, new.collect),
        ("how fields of its items are merged", old.merge, new.merge),
    ):
        if before != after:
            yield Change(CHANGED, f"{name}: {what} is `{after}`; it was `{before}`")


def _circumstances(name: str, old: Method, new: Method) -> Iterator[Change]:
    if (old.http, old.url) != (new.http, new.url):
        yield Change(CHANGED, f"{name} calls `{new.http} {new.url}`; it called `{old.http} {old.url}`")
    if old.server != new.server:
        yield Change(CHANGED, f"{name} is served by {new.server or 'the host of the client'}")
    if old.repeat != new.repeat:
        yield Change(CHANGED, f"{name}: repeating it is `{new.repeat}`; it was `{old.repeat}`")
    if old.needs_model != new.needs_model:
        yield Change(CHANGED, f"{name} {'needs' if new.needs_model else 'no longer needs'} an existing model")
    if old.model != new.model:
        yield Change(CHANGED, f"{name}: the model is named by `{new.model}`; it was named by `{old.model}`")
    if old.usage != new.usage:
        text = ", ".join(f"`{path}`" for path in new.usage) or "nowhere"
        yield Change(CHANGED, f"{name}: the model and its token counts are read from {text}")
    if old.needs_key != new.needs_key:
        text = f"{name} {'needs' if new.needs_key else 'no longer needs'} an API key"
        yield Change(CHANGED, text, breaking=new.needs_key)
    if old.deprecated != new.deprecated:
        yield Change(CHANGED, f"{name} is {'deprecated' if new.deprecated else 'no longer deprecated'}")


# Models


def _model_changes(types: _Types, old: Model | None, new: Model | None) -> Iterator[Change]:
    if new is None:
        assert old is not None  # noqa: S101 - one of a pair is there
        yield Change(REMOVED, f"model `{old.name}`", breaking=True)
        return
    if old is None:
        yield Change(ADDED, f"model `{new.name}`")
        return
    if old.given and not new.given:
        yield Change(REMOVED, f"request dict `{new.name}Param`", breaking=True)
    if old.mixin != new.mixin:
        text = (
            f"model `{new.name}` has the properties of {new.mixin or 'no mixin'}; it had those of {old.mixin or 'none'}"
        )
        yield Change(CHANGED, text, breaking=old.mixin is not None)
    for one, other in _pairs(old.fields, new.fields, lambda field: field.name):
        yield from _field_changes(types, new, one, other)


def _field_changes(types: _Types, model: Model, old: Field | None, new: Field | None) -> Iterator[Change]:
    given, read = model.given, model.returned
    if new is None:
        assert old is not None  # noqa: S101 - one of a pair is there
        yield Change(REMOVED, f"`{model.name}.{old.name}`", _breaks("removed", given=given, read=read))
        return
    name = f"`{model.name}.{new.name}`"
    if old is None:
        how = "required" if new.required else "optional"
        text = f"{name}: `{new.read}`{', required' if given and new.required else ''}"
        yield Change(ADDED, text, _breaks(f"new, {how}", given=given, read=read))
        return
    if old.wire != new.wire:
        text = f"{name} is `{new.wire}` in JSON; it was `{old.wire}`"
        yield Change(CHANGED, text, _breaks("renamed", given=given, read=read))
    if difference := types.difference(old.kind, new.kind):
        text = f"{name} is `{new.kind.read()}`; it was `{old.kind.read()}`"
        yield Change(CHANGED, text, _breaks(difference, given=given, read=read))
    if old.required != new.required or old.default != new.default:
        yield _presence_change(name, old, new, given=given, read=read)


def _presence_change(name: str, old: Field, new: Field, *, given: bool, read: bool) -> Change:
    """A field became required or optional, or reads as another value when it is absent."""
    to_give = old.required != new.required and _breaks(_presence(required=new.required), given=given, read=False)
    to_read = old.may_be_none != new.may_be_none and _breaks(
        _presence(required=not new.may_be_none), given=False, read=read
    )
    absent = "is required now" if new.required else f"is optional now: `{new.default!r}` when it is absent"
    return Change(CHANGED, f"{name} {absent}", to_give or to_read)


def _presence(*, required: bool) -> str:
    return "required" if required else "optional"


def _union_changes(types: _Types, old: Union | None, new: Union | None) -> Iterator[Change]:
    if new is None:
        assert old is not None  # noqa: S101 - one of a pair is there
        yield Change(REMOVED, f"union `{old.name}`", breaking=True)
    elif old is None:
        yield Change(ADDED, f"union `{new.name}`: `{new.read}`")
    elif difference := types.difference(UnionKind(old.members), UnionKind(new.members)):
        text = f"union `{new.name}` is `{new.read}`; it was `{old.read}`"
        yield Change(CHANGED, text, _breaks(difference, given=new.given, read=new.returned))


# Types


class _Types:
    """Compares types. A named union that both interfaces have is compared by its name: its own changes are listed once."""

    def __init__(self, shared: set[str]) -> None:
        self._shared = shared

    def difference(self, old: Kind, new: Kind) -> str | None:
        """``widened``, ``narrowed`` or ``replaced``, or ``None``."""
        wider, narrower = self._covers(new, old), self._covers(old, new)
        if wider and narrower:
            return None
        return "widened" if wider else "narrowed" if narrower else "replaced"

    def _covers(self, wide: Kind, narrow: Kind) -> bool:
        """Whether every value of ``narrow`` is also a value of ``wide``."""
        return all(any(self._takes(w, n) for w in self._parts(wide)) for n in self._parts(narrow))

    def _parts(self, kind: Kind) -> Iterator[Kind]:
        """The members of a union and the values of an enumeration, one by one."""
        if isinstance(kind, UnionKind) and kind.alias in self._shared:
            yield Named(str(kind.alias))
        elif isinstance(kind, UnionKind):
            for member in kind.members:
                yield from self._parts(member)
        elif isinstance(kind, LiteralKind):
            yield from (LiteralKind((value,)) for value in kind.values)
        else:
            yield kind

    def _takes(self, wide: Kind, narrow: Kind) -> bool:
        match wide, narrow:
            case AnyKind(), _:
                return True
            case Scalar(name), LiteralKind((value,)):
                return type(value).__name__ == name
            case ListKind(one), ListKind(other):
                return self._covers(one, other)
            case MapKind(one), MapKind(other):
                return self._covers(one, other)
            case _:
                return wide == narrow or (wide, narrow) in _WIDER


_WIDER = {(Scalar("float"), Scalar("int")), (Named("Base64"), Scalar("str"))}
