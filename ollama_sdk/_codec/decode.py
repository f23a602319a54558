"""Compiles annotations into functions that turn decoded JSON into models.

Theory
------

*Why compiled.* A decoder runs for every model of every streamed item, thousands of times a second. A loop over the fields of
a model takes three times as long as straight-line code that names each field. So each model gets a function of its own, written
as source text and compiled when the model is first decoded. For a model with the required field ``model: str`` and the optional
field ``count: int | None`` the text is::

    def decode(data):
        self = new(cls)
        rest = len(data) - 1                      # fields of data that are still unaccounted for
        names = known
        value = data['model']                     # KeyError: the field is missing
        if value.__class__ is not str: raise MismatchError
        self.model = value
        if not rest:                              # no optional field was sent
            self.count = None
            self.additional_properties = {}
            return self
        if 'count' not in data:
            self.count = None
        else:
            value = data['count']
            rest -= 1
            ...
            if not rest: ...                      # the same end, after each of the first optional fields
        others = {k: v for k, v in data.items() if k not in names}
        self.additional_properties = free_form(others) if rest else {}
        return self

*What a server may omit.* Only a field without which the reply is useless is required. Go writes empty lists and maps as ``null``,
so ``null`` decodes as the empty list in a list field, and as the empty object in a required free-form field. This holds for fields,
not for the items of a list: a ``null`` in place of a vector does not fit. A missing required field decodes as its single possible
value or as its default in the document, if it has one. Metadata never costs the reply: an optional field with a value that does not
fit, such as a number in place of an id, decodes as if it were absent, and the value is kept in ``additional_properties``. Not so
the content: a field that the document marks as such, as the text of a message, is optional but refused with any other type.

*What it assumes.* That the data fits. The code checks what is cheap to check (the class of each scalar) and otherwise lets Python
raise: a missing field is a ``KeyError``, a list in place of an object is a ``TypeError``. For data that does not fit, a decoder
therefore raises one of :data:`MISMATCHES`; it never returns half a model. The numbers of a vector are summed, which fails if one
is not a number; a check of each would take longer than parsing it.

*What it copies.* A model shares no object or list with the JSON that it was made of, except lists of numbers, which may be long.

*How a failure is explained.* These exceptions are not readable for users. The codec catches them, and ``explain`` walks the same
data along the same annotation, slowly, to find the first value that does not fit. Only failures cost that time.

*What orjson rounds.* Integers beyond 64 bits reach a decoder as floats. Only in a free-form object could such a float be taken for
the right value; a decoder that finds one there raises :class:`RoundedError`. The codec then parses the text again, exactly, and
decodes it with a second compiler, which does not check for such floats.

*What is compiled when.* A model may contain itself, and importing a model imports its module; so the decoder of a nested model is
compiled at its first value. Until then a small function takes its place, and then replaces itself. A first chat imports two models
instead of a hundred.

*Threads.* Two threads may compile the same annotation at once. Both results are equal, and the one stored last stays.
"""

from __future__ import annotations

import binascii
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import attr

from ollama_sdk._json import is_list, is_object

from .model import Model, document_fields, wire_name
from .resolve import empty_of, is_model, mark_of, union_members
from .unions import choice_of, json_classes

if TYPE_CHECKING:
    from .resolve import Resolver
    from .unions import Choice

__all__ = [
    "MISMATCHES",
    "UNDECODED",
    "Compiler",
    "Decoder",
    "RoundedError",
    "copy_of",
    "decode_object",
    "decode_unrounded",
    "is_metadata",
    "unchanged",
    "value_when_missing",
]

Decoder = Callable[[Any], Any]


class MismatchError(Exception):
    """The data does not fit its annotation; never leaves this package."""


class RoundedError(Exception):
    """A free-form object holds a number that may be a rounded integer; never leaves this package."""


# orjson reads integers up to here exactly.
_EXACT = 2.0**63

# What compiled decoders raise for data that does not fit. Metadata that is nested too deeply costs the reply too.
_MISFITS = (MismatchError, KeyError, TypeError, AttributeError, ValueError, OverflowError)
MISMATCHES = (*_MISFITS, RecursionError)

# What they raise for data that has to be decoded exactly, or does not fit.
UNDECODED = (*MISMATCHES, RoundedError)

# Most streamed items have only the first optional fields: a decoder ends early after so many of them. After each field it would
# have almost twice as much code, which takes long to compile.
_EARLY = 4

# The classes of the JSON data that fits a plain type, and these classes by name.
_PLAIN: dict[Any, tuple[type, ...]] = {str: (str,), bool: (bool,), int: (int,), float: (float, int)}
_CLASSES = {kind.__name__: kind for kind in _PLAIN}


class Compiler:
    """Compiles the decoder of each annotation once.

    Args:
        resolver: Resolves annotations.
        free_form: Decodes free-form objects and the unknown fields of a model.
    """

    def __init__(self, resolver: Resolver, free_form: Decoder) -> None:
        self._resolver = resolver
        self._free_form = free_form
        self._decoders: dict[Any, Decoder | None] = {}

    def decoder(self, annotation: Any) -> Decoder | None:
        """The compiled decoder of an annotation; ``None`` if any value fits.

        Raises:
            TypeError: The codec does not support the annotation.
        """
        kind = self._resolver.resolve(annotation)
        try:
            return self._decoders[kind]
        except KeyError:
            decoder = self._decoders[kind] = self._compile(kind)
            return decoder

    def _compile(self, kind: Any) -> Decoder | None:
        if kind is Any or kind is None:
            return None
        if kind in _SCALARS:
            return _SCALARS[kind]
        if is_model(kind):
            return self._model_decoder(kind)
        origin, arguments, members = get_origin(kind), get_args(kind), union_members(kind)
        if origin is Annotated:
            return _MARKED[mark_of(kind)]
        if origin is Literal:
            return _SCALARS[arguments[0].__class__]
        if origin is list:
            return (
                _decode_numbers
                if arguments[0] in {int, float}
                else _list_decoder(self.decoder(arguments[0]) or copy_of)
            )
        if origin is dict:
            return self._free_form if arguments[1] is Any else _dict_decoder(self._nested(arguments[1]))
        if len(members) > 1:
            return self._union_decoder(members)
        raise TypeError(f"a model has a field of type {kind!r}, which this codec does not support")

    def _nested(self, kind: Any) -> Decoder | None:
        """The decoder of a type inside another, compiled at its first value."""
        if kind in self._decoders:
            return self._decoders[kind]
        if kind in _SCALARS or kind is Any:
            return self.decoder(kind)
        decoder: Decoder | None = None

        def decode(data: Any) -> Any:
            nonlocal decoder
            if decoder is None:
                decoder = self.decoder(kind) or unchanged
            return decoder(data)

        return decode

    # Unions

    def _union_decoder(self, members: Sequence[Any]) -> Decoder:
        by_class: dict[type, Decoder | None] = {}
        for member in members:
            for json_class in json_classes(member):
                by_class.setdefault(json_class, self._nested(member))
        choice = choice_of(self._resolver, members)
        if choice is not None:
            by_class[dict] = self._choice_decoder(choice)

        def decode(data: Any) -> Any:
            decoder = by_class[data.__class__]
            return data if decoder is None else decoder(data)

        return decode

    def _choice_decoder(self, choice: Choice) -> Decoder | None:
        decoders = {value: self._nested(model) for value, model in choice.models.items()}
        other = None if choice.other is None else self._nested(choice.other)
        if not decoders:
            return other

        def decode(data: Any) -> Any:
            decoder = decoders.get(data.get(choice.tag), other)
            if decoder is None:
                raise MismatchError
            return decoder(data)

        return decode

    # Models

    def _model_decoder(self, model: type[Model]) -> Decoder:
        """Compile the straight-line code of one model, as shown at the top of this module."""
        fields = document_fields(model)
        absent = [(field, value_when_missing(self._resolver, field)) for field in fields]
        required = [field for field, value in absent if value is attr.NOTHING]
        optional = [field for field, value in absent if value is None]
        defaulted = [(field, value) for field, value in absent if value is not None and value is not attr.NOTHING]
        scope: dict[str, Any] = {
            "new": model.__new__,
            "cls": model,
            "known": frozenset(map(wire_name, fields)),
            "free_form": self._free_form,
            "MismatchError": MismatchError,
            "MISFITS": _MISFITS,
            **_CLASSES,
        }
        code = ["def decode(data):", " self = new(cls)", f" rest = len(data) - {len(required)}", " names = known"]
        for field in required:
            code += [f" value = data[{wire_name(field)!r}]", *self._store_or_empty(field, " ", scope)]
        if not required:
            code += [" data.keys"]  # refuses a list or a text, which would decode as an object without fields
        for field, value in defaulted:
            code += self._store_if_present(field, repr(value), scope)
        if optional:
            code += [" if not rest:", *_end_early(optional, "  ")]
        for position, field in enumerate(optional, 1):
            code += self._store_if_present(field, "None", scope)
            if position <= _EARLY and (others := optional[position:]):
                code += ["  if not rest:", *_end_early(others, "   ")]
        unknown = "free_form({k: v for k, v in data.items() if k not in names}) if rest else {}"
        code += [f" self.additional_properties = {unknown}", " return self"]
        exec("\n".join(code), scope)  # noqa: S102 - made of generated field names only
        decoder: Decoder = scope["decode"]
        return decoder

    def _store_if_present(self, field: attr.Attribute[Any], default: str, scope: dict[str, Any]) -> list[str]:
        """The lines that store a field that may be absent or ``null``."""
        name = wire_name(field)
        return [
            f" if {name!r} not in data:",
            f"  self.{field.name} = {default}",
            " else:",
            f"  value = data[{name!r}]",
            "  rest -= 1",
            *self._store_or_default(field, default, scope),
        ]

    def _store_or_default(self, field: attr.Attribute[Any], default: str, scope: dict[str, Any]) -> list[str]:
        """The lines that store a field that may be ``null``; metadata that does not fit is kept among the unknown fields."""
        name, fits = field.name, self._fits(field)
        store_default = f"self.{name} = {default}"
        skip = ["rest += 1", f"names = names - {{{wire_name(field)!r}}}"]
        if is_metadata(field) and fits:
            skip = [f"    {line}" for line in skip]
            return [
                f"  if {fits}:",
                f"   self.{name} = value",
                "  else:",
                f"   {store_default}",
                "   if value is not None:",
                *skip,
            ]
        null = "[]" if empty_of(field.type) == "[]" else default
        lines = ["  if value is None:", f"   self.{name} = {null}", "  else:"]
        if not is_metadata(field):
            return [*lines, *self._store(field, "   ", scope)]
        skip = [f"    {line}" for line in (store_default, *skip)]
        return [*lines, "   try:", *self._store(field, "    ", scope), "   except MISFITS:", *skip]

    def _store_or_empty(self, field: attr.Attribute[Any], indent: str, scope: dict[str, Any]) -> list[str]:
        """The lines that store a field that is present; ``null`` is an empty list or an empty object."""
        empty = empty_of(field.type)
        if not empty:
            return self._store(field, indent, scope)
        store_empty = [f"{indent}if value is None:", f"{indent} self.{field.name} = {empty}", f"{indent}else:"]
        return [*store_empty, *self._store(field, f"{indent} ", scope)]

    def _store(self, field: attr.Attribute[Any], indent: str, scope: dict[str, Any]) -> list[str]:
        """The lines that check or convert ``value`` and store it; the names they use are added to ``scope``."""
        if fits := self._fits(field):
            return [f"{indent}if not ({fits}): raise MismatchError", f"{indent}self.{field.name} = value"]
        name = f"as_{field.name}"
        if self._resolver.names_models(field.type):

            def compile_first(data: Any) -> Any:
                scope[name] = self.decoder(self._resolver.field_type(field))
                return scope[name](data)

            scope[name] = compile_first
            return [f"{indent}self.{field.name} = {name}(value)"]
        kind = self._resolver.field_type(field)
        if kind is datetime:  # as _decode_datetime(), without a call for each item
            scope["read_time"], scope["read_rare_time"] = datetime.fromisoformat, _decode_rare_time
            read, otherwise = f"{indent} self.{field.name} = read_time(value)", f"{indent}except ValueError:"
            return [f"{indent}try:", read, otherwise, f"{indent} self.{field.name} = read_rare_time(value)"]
        scope[name] = self.decoder(kind) or copy_of
        return [f"{indent}self.{field.name} = {name}(value)"]

    def _fits(self, field: attr.Attribute[Any]) -> str:
        """The condition under which ``value`` fits a field of text, numbers or booleans; ``""`` for other fields."""
        kind = Any if self._resolver.names_models(field.type) else self._resolver.field_type(field)
        if get_origin(kind) is Literal:  # newer servers may send values that the document does not list
            kind = get_args(kind)[0].__class__
        return " or ".join(f"value.__class__ is {each.__name__}" for each in _PLAIN.get(kind, ()))


def _end_early(absent: Sequence[attr.Attribute[Any]], indent: str) -> list[str]:
    """The lines that end a decoder once all fields of the data are accounted for."""
    names = " = ".join(f"self.{field.name}" for field in absent)
    return [f"{indent}{names} = None", f"{indent}self.additional_properties = {{}}", f"{indent}return self"]


# Fields that may be missing or unreadable


def value_when_missing(resolver: Resolver, field: attr.Attribute[Any]) -> Any:
    """The value of a missing field of a reply; ``attr.NOTHING`` if the field is required.

    A field with a single possible value adds no information, so it decodes as that value.
    """
    default = field.default
    if default is not attr.NOTHING:
        return default if default is None or isinstance(default, str) else []
    if "absent" in field.metadata:
        return field.metadata["absent"]
    if not resolver.names_models(field.type):
        kind = resolver.field_type(field)
        if get_origin(kind) is Literal and len(get_args(kind)) == 1:
            return get_args(kind)[0]
    return attr.NOTHING


def is_metadata(field: attr.Attribute[Any]) -> bool:
    """Whether a field decodes as if it were absent if its value does not fit."""
    return field.default is not attr.NOTHING and "content" not in field.metadata


# Values that are neither models nor unions


def unchanged(data: Any) -> Any:
    """The decoder of an annotation that any value fits."""
    return data


def _instance_decoder(kind: type) -> Decoder:
    def decode(data: Any) -> Any:
        if data.__class__ is not kind:
            raise MismatchError
        return data

    return decode


def _decode_float(data: Any) -> Any:
    if data.__class__ is float or data.__class__ is int:
        return data
    raise MismatchError


def _decode_datetime(data: Any) -> datetime:
    try:
        return datetime.fromisoformat(data)
    except ValueError:
        return _decode_rare_time(data)


def _decode_rare_time(data: Any) -> datetime:
    from dateutil.parser import isoparse  # slow to import

    return isoparse(data)


def _decode_vector(data: Any) -> Any:
    """``[dimensions]`` floats: a list of numbers unchanged, base64 of little-endian 32-bit floats as an array."""
    if data.__class__ is list:
        return _decode_numbers(data)
    floats = array("f", binascii.a2b_base64(data, strict_mode=True))
    if sys.byteorder == "big":
        floats.byteswap()
    return floats


def _decode_numbers(data: Any) -> Any:
    """A list of numbers; summing it is the fastest way to find an item that is not a number."""
    if data.__class__ is not list:
        raise MismatchError
    sum(data)
    return data


def _list_decoder(item: Decoder) -> Decoder:

    def decode(data: Any) -> list[Any]:
        if data.__class__ is not list:
            raise MismatchError
        if len(data) == 1:  # as the choices of an answer: half the cost of the line below
            return [item(data[0])]
        return list(map(item, data))

    return decode


def _dict_decoder(item: Decoder | None) -> Decoder:
    if item is None:
        return decode_object

    def decode(data: Any) -> dict[str, Any]:
        if data.__class__ is not dict:
            raise MismatchError
        return {key: item(part) for key, part in data.items()}

    return decode


def decode_object(data: Any) -> Any:
    """A free-form object, copied as by :func:`decode_unrounded`."""
    if data.__class__ is not dict:
        raise MismatchError
    return copy_of(data)


def decode_unrounded(data: Any) -> Any:
    """A copy of a free-form object in which no number may be a rounded integer.

    A copy, because a caller may change the arguments of a tool call, and the JSON is still to be added up for ``collect()``.

    Raises:
        RoundedError: It holds a float beyond 64 bits.
    """
    if data.__class__ is not dict:
        raise MismatchError
    copied = data.copy()
    _copy_parts(copied, data.items())
    return copied


def _copy_parts(copied: Any, parts: Iterable[tuple[Any, Any]]) -> None:
    for place, part in parts:
        if part.__class__ is float:
            if not -_EXACT < part < _EXACT:
                raise RoundedError
        elif is_object(part):
            copied[place] = inner = part.copy()
            _copy_parts(inner, part.items())
        elif is_list(part):
            copied[place] = numbered = part.copy()
            _copy_parts(numbered, enumerate(part))


def copy_of(data: Any) -> Any:
    """A copy of decoded JSON."""
    if is_object(data):
        return {name: copy_of(part) for name, part in data.items()}
    return [copy_of(part) for part in data] if is_list(data) else data


_SCALARS: dict[Any, Decoder] = {
    str: _instance_decoder(str),
    int: _instance_decoder(int),
    bool: _instance_decoder(bool),
    float: _decode_float,
    datetime: _decode_datetime,
}
_MARKED: dict[str, Decoder] = {
    "base64": _SCALARS[str],
    "json-schema": _instance_decoder(dict),
    "float32-base64": _decode_vector,
}
