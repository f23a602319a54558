"""Compares two interfaces: lists additions, changes and removals, and whether they break correct code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from attrs import frozen

from .interface import Argument, Field, Interface, Method, Model, Stream, Union
from .kinds import AnyKind, Kind, ListKind, LiteralKind, MapKind, ModelKind, Named, Scalar, UnionKind

__all__ = ["ADDED", "CHANGED", "REMOVED", "Change", "compare"]

ADDED, CHANGED, REMOVED = "Added", "Changed", "Removed"

# Whether a difference breaks code that passes the value (in arguments), and code that reads it (in replies).
_BREAKS = {
    "removed": (True, True),
    "renamed": (True, True),
    "replaced": (True, True),
    "widened": (False, True),
    "extended": (False, False),
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
        text: The difference, as Markdown.
        breaking: Whether correct code may have to change.
    """

    group: str
    text: str
    breaking: bool = False


def compare(old: Interface, new: Interface) -> list[Change]:
    """The differences of two interfaces, methods first."""
    types = _Types({u.name for u in old.unions} & {u.name for u in new.unions}, (*new.models, *old.models))
    found: list[Change] = []
    if old.version != new.version:
        found.append(Change(CHANGED, f"The document describes Ollama {new.version}; it was {old.version}."))
    found += _by_name(
        {m.dotted: m for m in old.methods},
        {m.dotted: m for m in new.methods},
        removed=lambda m: Change(REMOVED, f"`{m.dotted}`", breaking=True),
        added=lambda m: Change(ADDED, f"`{m.dotted}`: {m.doc.splitlines()[0] if m.doc else f'{m.http} {m.url}'}"),
        changed=lambda one, other: _method_changes(types, one, other),
    )
    found += _by_name(
        {m.name: m for m in old.models},
        {m.name: m for m in new.models},
        removed=lambda m: Change(REMOVED, f"model `{m.name}`", breaking=True),
        added=lambda m: Change(ADDED, f"model `{m.name}`"),
        changed=lambda one, other: _model_changes(types, one, other),
    )
    found += _by_name(
        {u.name: u for u in old.unions},
        {u.name: u for u in new.unions},
        removed=lambda u: Change(REMOVED, f"union `{u.name}`", breaking=True),
        added=lambda u: Change(ADDED, f"union `{u.name}`: `{u.read}`"),
        changed=lambda one, other: _union_changes(types, one, other),
    )
    return found


def _by_name(
    old: Mapping[str, T],
    new: Mapping[str, T],
    *,
    removed: Callable[[T], Change],
    added: Callable[[T], Change],
    changed: Callable[[T, T], Iterable[Change]],
) -> Iterator[Change]:
    """The changes of named parts: in the old order, then the new parts."""
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield removed(old[name])
        elif name not in old:
            yield added(new[name])
        else:
            yield from changed(old[name], new[name])


def _breaks(difference: str, *, given: bool = False, read: bool = False) -> bool:
    givers, readers = _BREAKS[difference]
    return (given and givers) or (read and readers)


def _presence(*, required: bool) -> str:
    return "required" if required else "optional"


# Methods


def _method_changes(types: _Types, old: Method, new: Method) -> Iterator[Change]:
    name = f"`{new.dotted}`"

    def added(argument: Argument) -> Change:
        how = _presence(required=not argument.optional)
        text = f"{name}: {how} argument `{argument.name}`, `{argument.kind.write()}`"
        return Change(ADDED, text, _breaks(f"new, {how}", given=True))

    yield from _by_name(
        {a.name: a for a in old.arguments},
        {a.name: a for a in new.arguments},
        removed=lambda a: Change(REMOVED, f"{name}: argument `{a.name}`", _breaks("removed", given=True)),
        added=added,
        changed=lambda one, other: _argument_changes(types, name, one, other),
    )
    yield from _moves(name, old, new)
    yield from _reply_changes(types, name, old, new)
    yield from _stream_changes(types, name, old.stream, new.stream)
    yield from _row_changes(name, old, new)


def _argument_changes(types: _Types, name: str, old: Argument, new: Argument) -> Iterator[Change]:
    place = f"{name}: argument `{new.name}`"
    if old.optional != new.optional:
        how = _presence(required=not new.optional)
        yield Change(CHANGED, f"{place} is {how} now", _breaks(how, given=True))
    if difference := types.difference(old.kind, new.kind):
        text = f"{place} takes `{new.kind.write()}`; it took `{old.kind.write()}`"
        yield Change(CHANGED, text, _breaks(difference, given=True))


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
            yield Change(CHANGED, text, _breaks("by position too", given=True))
        elif was != now:
            text = f"is number {now} now; it was number {was}" if now else "is given by keyword only now"
            yield Change(CHANGED, f"{place} {text}", _breaks("moved", given=True))


def _reply_changes(types: _Types, name: str, old: Method, new: Method) -> Iterator[Change]:
    if old.reply is not None and new.reply is not None:
        difference = types.difference(old.reply, new.reply)
    else:
        difference = "replaced" if old.returns != new.returns else None
    if difference:
        text = f"{name} returns `{new.returns}`; it returned `{old.returns}`"
        yield Change(CHANGED, text, _breaks(difference, read=True))
    if old.one_each != new.one_each:
        text = "has" if new.one_each else "no longer has"
        yield Change(CHANGED, f"{name}: the reply {text} one item for each of `{new.one_each or old.one_each}`")


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
        yield Change(CHANGED, text, _breaks(difference, read=True))
    for what, before, after in (
        ("the format of its stream", old.format, new.format),
        ("the last item of its stream", old.last, new.last),
        ("the item of its stream that reports failure", old.failed, new.failed),
        ("the fields of a finished reply", old.finished, new.finished),
        ("the fields of an unfinished reply", old.unfinished, new.unfinished),
        ("how its items are collected", old.collect, new.collect),
        ("how fields of its items are merged", old.merge, new.merge),
    ):
        if before != after:
            yield Change(CHANGED, f"{name}: {what} is `{after}`; it was `{before}`")


def _row_changes(name: str, old: Method, new: Method) -> Iterator[Change]:
    """Changes of the row in the operation table."""
    if (old.http, old.url) != (new.http, new.url):
        yield Change(CHANGED, f"{name} calls `{new.http} {new.url}`; it called `{old.http} {old.url}`")
    if old.server != new.server:
        yield Change(CHANGED, f"{name} is served by {new.server or 'the host of the client'}")
    for text, before, after in (
        ("repeating it is `{}`; it was `{}`", old.repeat, new.repeat),
        ("the model is named by `{}`; it was named by `{}`", old.model, new.model),
    ):
        if before != after:
            yield Change(CHANGED, f"{name}: {text.format(after, before)}")
    if old.needs_model != new.needs_model:
        yield Change(CHANGED, f"{name} {'needs' if new.needs_model else 'no longer needs'} an existing model")
    if old.limits != new.limits:
        yield Change(
            CHANGED, f"{name} {'has the limits of the client' if new.limits is None else 'has limits of its own'}"
        )
    if old.usage != new.usage:
        text = ", ".join(f"`{path}`" for path in new.usage) or "nowhere"
        yield Change(CHANGED, f"{name}: the model and its token counts are read from {text}")
    if old.needs_key != new.needs_key:
        text = f"{name} {'needs' if new.needs_key else 'no longer needs'} an API key"
        yield Change(CHANGED, text, breaking=new.needs_key)
    if old.deprecated != new.deprecated:
        yield Change(CHANGED, f"{name} is {'deprecated' if new.deprecated else 'no longer deprecated'}")


# Models


def _model_changes(types: _Types, old: Model, new: Model) -> Iterator[Change]:
    given, read = new.given, new.returned
    if old.given and not new.given:
        yield Change(REMOVED, f"request dict `{new.name}Param`", breaking=True)
    if old.mixin != new.mixin:
        had = old.mixin or "none"
        text = f"model `{new.name}` has the properties of {new.mixin or 'no mixin'}; it had those of {had}"
        yield Change(CHANGED, text, breaking=old.mixin is not None)

    def added(field: Field) -> Change:
        text = f"`{new.name}.{field.name}`: `{field.read}`{', required' if given and field.required else ''}"
        return Change(ADDED, text, _breaks(f"new, {_presence(required=field.required)}", given=given, read=read))

    yield from _by_name(
        {f.name: f for f in old.fields},
        {f.name: f for f in new.fields},
        removed=lambda f: Change(REMOVED, f"`{new.name}.{f.name}`", _breaks("removed", given=given, read=read)),
        added=added,
        changed=lambda one, other: _field_changes(types, new, one, other),
    )


def _field_changes(types: _Types, model: Model, old: Field, new: Field) -> Iterator[Change]:
    given, read = model.given, model.returned
    name = f"`{model.name}.{new.name}`"
    if old.wire != new.wire:
        text = f"{name} is `{new.wire}` in JSON; it was `{old.wire}`"
        yield Change(CHANGED, text, _breaks("renamed", given=given, read=read))
    if difference := types.difference(old.kind, new.kind):
        text = f"{name} is `{new.kind.read()}`; it was `{old.kind.read()}`"
        yield Change(CHANGED, text, _breaks(difference, given=given, read=read))
    if old.required != new.required or old.default != new.default:
        absent = "is required now" if new.required else f"is optional now: `{new.default!r}` when it is absent"
        # A default other than None changes what readers get, but not what givers may leave out.
        breaks_givers = old.required != new.required and _breaks(_presence(required=new.required), given=given)
        breaks_readers = old.may_be_none != new.may_be_none and _breaks(
            _presence(required=not new.may_be_none), read=read
        )
        yield Change(CHANGED, f"{name} {absent}", breaks_givers or breaks_readers)


def _union_changes(types: _Types, old: Union, new: Union) -> Iterator[Change]:
    if difference := types.difference(UnionKind(old.members), UnionKind(new.members)):
        text = f"union `{new.name}` is `{new.read}`; it was `{old.read}`"
        yield Change(CHANGED, text, _breaks(difference, given=new.given, read=new.returned))


# Types


class _Types:
    """Compares types. A named union in both interfaces is compared by name, so that its changes are listed once.

    A type is open if it takes values beyond those that it lists: an enumeration in a union with a plain string, or a union of
    objects of which one takes any other tag. Code that reads it must handle unknown values, so listing one more value breaks nothing.
    """

    def __init__(self, shared: set[str], models: Iterable[Model]) -> None:
        self._shared = shared
        self._models = {model.name: model for model in models}  # the old model if there is one

    def difference(self, old: Kind, new: Kind) -> str | None:
        """The kind of difference: ``widened``, ``extended`` (an open type widened), ``narrowed``, ``replaced`` or ``None``."""
        wider, narrower = self._covers(new, old), self._covers(old, new)
        if wider and narrower:
            return "extended" if self._names(old) != self._names(new) else None
        if wider:
            before = set(self._parts(old))
            adds_models = all(isinstance(part, ModelKind) for part in self._parts(new) if part not in before)
            return "extended" if adds_models and self._is_open(old) else "widened"
        return "narrowed" if narrower else "replaced"

    def _names(self, kind: Kind) -> set[object]:
        """The values of all enumerations in a type."""
        return {value for part in kind.parts() if isinstance(part, LiteralKind) for value in part.values}

    def _is_open(self, kind: Kind) -> bool:
        """Whether one model of a union takes all tags that the others do not list."""
        models = [self._models[part.name] for part in self._parts(kind) if isinstance(part, ModelKind)]
        tags = [{field.wire: field.kind for field in model.fields} for model in models]
        constants = {wire for fields in tags for wire, of in fields.items() if isinstance(of, LiteralKind)}
        return any(fields.get(wire) == Scalar("str") for fields in tags for wire in constants)

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
