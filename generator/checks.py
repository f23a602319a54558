"""Checks that an interface can be written as Python and that its replies can be read back."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from ollama_sdk import _replies as mixins
from ollama_sdk._client import AsyncClient, SyncClient
from ollama_sdk._codec import Model as BaseModel
from ollama_sdk.streaming._marks import SENTINEL

from .document import Document, Pointer
from .interface import Interface, Method, Model, Union, discriminator
from .kinds import Kind, ListKind, LiteralKind, MapKind, ModelKind, Named, NoneKind, Scalar, UnionKind, flat

__all__ = ["check", "is_name"]

# Names that generated modules import or define, besides models and unions.
_TAKEN_CLASSES = {
    "Any", "Argument", "AsyncByteStream", "AsyncClient", "AsyncNamespace", "AsyncRawClient", "AsyncRawNamespace", "AsyncRawRuntime",
    "AsyncStream", "Base64", "ByteStream", "CallOptions", "Callable", "FileContent", "Final", "FloatVector", "Inherit", "Iterable",
    "JSONSchema", "Literal", "Mapping", "Model",
    "NamedUnions", "NoOthers", "Operation", "Required", "Sequence", "Stream", "Streaming", "SyncClient", "SyncNamespace",
    "SyncRawClient", "SyncRawNamespace", "SyncRawRuntime", "TimeoutLike", "TypeAlias", "TypedDict", "Unpack", "Usage",
}  # fmt: skip
_TAKEN_ARGUMENTS = {"self", "extra_headers", "extra_query", "extra_body", "timeout", "others"}
_CLIENT = {*dir(SyncClient), *dir(AsyncClient), "with_raw_response"}


def check(document: Document, interface: Interface) -> None:
    """Check names, unions, streams and token counts.

    Raises:
        DocumentError: Two names are the same, a name is taken, the members of a union cannot be distinguished, or a field that
            marks an item, counts tokens or is read by a mixin does not exist.
    """
    for place, problem in _problems(interface):
        raise document.error(place, problem)


def _problems(interface: Interface) -> Iterator[tuple[Pointer, str]]:
    models = {model.name: model for model in interface.models}
    yield from _identifiers(interface)
    yield from _class_names(interface)
    for model in interface.models:
        yield from _field_names(model)
        for field in model.fields:
            yield from _unions(field.kind, (*model.place, "properties", field.wire), models)
    yield from _method_names(interface)
    for method in interface.methods:
        yield from _argument_names(method)
        for kind in method.kinds():
            yield from _unions(kind, method.place, models)
        yield from _stream_fields(method, models)
        yield from _usage_fields(method, models)
        yield from _one_each(method, models)


# Names


def is_name(text: str) -> bool:
    """Whether ``text`` can be a name in the generated code. Only in ASCII, because Python normalizes other characters."""
    return text.isascii() and text.isidentifier() and not keyword.iskeyword(text)


def _identifiers(interface: Interface) -> Iterator[tuple[Pointer, str]]:
    """Check every text of the document that becomes code unchanged."""
    texts: list[tuple[Pointer, str]] = []
    every: tuple[Model | Union, ...] = (*interface.models, *interface.unions)
    for named in every:
        texts += [(named.place, named.name), (named.place, named.module)]
    for model in interface.models:
        texts += [((*model.place, "properties", field.wire), field.name) for field in model.fields]
    for method in interface.methods:
        texts += [((*method.place, "operationId"), part) for part in method.path]
        texts += [(method.place, argument.name) for argument in method.arguments]
    for place, text in texts:
        if not is_name(text):
            yield place, f"{text!r} cannot be a name in Python: give it a name of letters, digits and _"


def _class_names(interface: Interface) -> Iterator[tuple[Pointer, str]]:
    taken = dict.fromkeys(_TAKEN_CLASSES, "the generated code itself")
    for group in interface.groups():
        for prefix in ("", "Raw", "Async", "AsyncRaw"):
            taken[interface.class_name(prefix, group)] = f"the methods of {'.'.join(group) or 'the client'}"
    modules: dict[str, str] = {}
    every: tuple[Model | Union, ...] = (*interface.models, *interface.unions)
    for named in every:
        for name in (named.name, f"{named.name}Param"):
            if name in taken:
                yield named.place, f"{name!r} is already the name of {taken[name]}"
            taken[name] = named.name
        if named.module in modules:
            yield named.place, f"its module {named.module!r} is already that of {modules[named.module]}"
        modules[named.module] = named.name


def _field_names(model: Model) -> Iterator[tuple[Pointer, str]]:
    taken = dict.fromkeys(dir(BaseModel), "every model") | {"additional_properties": "every model"}
    if model.mixin is not None:
        if model.mixin not in mixins.__all__:
            yield (*model.place, "x-mixin"), f"there is no class {model.mixin!r} in ollama_sdk/_replies.py"
            return
        mixin = getattr(mixins, model.mixin)
        taken |= dict.fromkeys(dir(mixin), model.mixin)
        yield from _mixin_fields(model, mixin)
    if model.items is not None and model.items_kind is None:
        yield (*model.place, "x-items"), f"there is no list named {model.items!r} in this schema"
    for field in model.fields:
        if field.name in taken:
            yield (
                (*model.place, "properties", field.wire),
                f"a model cannot have a field named {field.name!r}: {taken[field.name]} has one",
            )
        taken.setdefault(field.name, f"the property {field.wire!r}")


def _mixin_fields(model: Model, mixin: type) -> Iterator[tuple[Pointer, str]]:
    """Check that a model has each field of its mixin, with the declared type: no type checker does that.

    ``Any`` in a mixin matches any type, such as a model, which it cannot import.
    """
    fields = {field.name: field for field in model.fields}
    declared = [item for each in mixin.__mro__ for item in vars(each).get("__annotations__", {}).items()]
    for name, annotation in declared:
        if name not in fields:
            yield (
                (*model.place, "x-mixin"),
                f"{model.mixin} in ollama_sdk/_replies.py reads {name!r}, which this schema does not have",
            )
        elif not re.fullmatch(re.escape(annotation).replace("Any", ".+"), read := fields[name].read):
            yield (
                (*model.place, "properties", fields[name].wire),
                f"{model.mixin} in ollama_sdk/_replies.py reads {name!r} as {annotation}, and here it is {read}",
            )


def _method_names(interface: Interface) -> Iterator[tuple[Pointer, str]]:
    constants: dict[str, str] = {}
    classes: dict[str, tuple[str, ...]] = {}
    for method in interface.methods:
        place = (*method.place, "operationId")
        if method.path[0] in _CLIENT:
            yield place, f"a client has {method.path[0]!r} already"
        if method.constant in constants:
            yield place, f"{method.dotted!r} and {constants[method.constant]!r} would share the name {method.constant}"
        constants[method.constant] = method.dotted
        for depth in range(len(method.path)):
            group = method.path[:depth]
            name = interface.class_name("", group)
            if classes.setdefault(name, group) != group:
                yield place, f"the groups {group} and {classes[name]} would share the name {name}"


def _argument_names(method: Method) -> Iterator[tuple[Pointer, str]]:
    taken = {*_TAKEN_ARGUMENTS, "stream"} if method.stream else set(_TAKEN_ARGUMENTS)
    for argument in method.arguments:
        if argument.name in taken:
            yield method.place, f"the method would have an argument {argument.name!r} that it already has"
        taken.add(argument.name)


# Unions


def _unions(kind: Kind, place: Pointer, models: dict[str, Model]) -> Iterator[tuple[Pointer, str]]:
    """Check that the members of every union differ by JSON type or, for models, by a constant."""
    for part in kind.parts():
        if not isinstance(part, UnionKind):
            continue
        members = list(flat(part))
        for json_type in ("string", "array", "object"):
            fitting = {form: m for m in members for of_type, form in _forms(m) if of_type == json_type}
            for one, other in pairwise(fitting.values()):
                yield place, f"the union cannot be decided: the same {json_type} may be {one.read()} or {other.read()}"
        choices = [models[m.name] for m in members if isinstance(m, ModelKind)]
        yield from ((place, f"the union cannot be decided: {problem}") for problem in _undecided(choices))


def _forms(kind: Kind) -> Iterable[tuple[str, object]]:
    """The JSON types of a type, each with a key; two members of a union may share a JSON type if they have the same key."""
    match kind:
        case Scalar("datetime"):
            return [("string", "time")]
        case Named("FloatVector"):
            return [("string", "vector"), ("array", "vector")]
        case Scalar("str") | Named("Base64"):
            return [("string", "as it is")]
        case LiteralKind(values) if any(isinstance(value, str) for value in values):
            return [("string", "as it is")]
        case ListKind():
            return [("array", kind)]
        case ModelKind():
            return [("object", "model")]
        case MapKind() | Named("JSONSchema"):
            return [("object", kind)]
        case _:
            return []


def _undecided(models: list[Model]) -> Iterator[str]:
    """The reasons why the codec cannot distinguish some models."""
    decision = discriminator(models)
    seen: dict[Any, str] = {}
    for value, name in decision.values:
        if value in seen:
            yield f"{seen[value]} and {name} both have the {decision.tag} {value!r}"
        seen[value] = name
    if len(decision.others) > 1:
        yield f"{' and '.join(decision.others)} have no required property with a constant that distinguishes them"


# Streams and token counts


def _stream_fields(method: Method, models: dict[str, Model]) -> Iterator[tuple[Pointer, str]]:
    """Check that every field that marks an item is a field of an item."""
    if method.stream is None:
        return
    stream = method.stream
    last = {} if stream.format == "sse" and stream.last == SENTINEL else stream.last
    for key, fields in (("last", last), ("failed", stream.failed or {})):
        for name in fields:
            if not _has(stream.item, [name], models):
                yield (*method.place, "x-stream", key), f"no item has a field {name!r}"
    marks = [("finished", path) for path in stream.finished]
    marks += [("unfinished", path) for values in stream.unfinished for path in values]
    for key, path in marks:
        if method.reply is None or not _has(method.reply, path.replace("[]", "").split("."), models):
            yield (*method.place, "x-stream", key), f"the reply has no field {path!r}"


def _usage_fields(method: Method, models: dict[str, Model]) -> Iterator[tuple[Pointer, str]]:
    """Check that the model and the token counts are fields of the reply and of the items."""
    where = [("x-usage", method.reply, method.usage)]
    if method.stream is not None:
        where.append(("x-stream", method.stream.item, method.stream.usage or method.usage))
    for key, kind, usage in where:
        for path in usage:
            if kind is None or not _has(kind, path.split("."), models):
                yield (*method.place, key), f"{'the reply' if key == 'x-usage' else 'no item'} has no field {path!r}"


def _one_each(method: Method, models: dict[str, Model]) -> Iterator[tuple[Pointer, str]]:
    """Check that the argument is in a JSON body of whose items each has one in the reply, and that the reply has items."""
    if method.one_each is None:
        return
    places = {argument.wire: argument.place for argument in method.arguments}
    if method.one_each not in places:
        yield (*method.place, "x-one-each"), f"{method.one_each!r} is no argument; there are {', '.join(places)}"
    elif (method.body, places[method.one_each]) != ("json", "body"):
        yield (*method.place, "x-one-each"), f"{method.one_each!r} is no field of a JSON body"
    elif not isinstance(method.reply, ModelKind) or models[method.reply.name].items is None:
        yield (*method.place, "x-one-each"), "the reply has no x-items"


def _has(kind: Kind, steps: list[str], models: dict[str, Model]) -> bool:
    """Whether a model among the members of a type has a field; a type with other members may have any field."""
    members = [member for member in flat(kind) if not isinstance(member, NoneKind)]
    if not steps or not all(isinstance(member, ModelKind) for member in members):
        return True
    fields = [f for m in members if isinstance(m, ModelKind) for f in models[m.name].fields if f.wire == steps[0]]
    return any(_has(field.kind, steps[1:], models) for field in fields)
