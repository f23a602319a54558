"""Turns decoded JSON into the values that annotations promise, and values into JSON.

Annotations are the only source: a codec compiles each one it meets into a decoder when it is first needed. The compiled code
assumes that the data is right and is fast; when it fails, :func:`_explain` walks the same annotation slowly to say where.
"""

from __future__ import annotations

import base64
import binascii
import math
import reprlib
import sys
import types
from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, cast, get_args, get_origin

import attrs
import orjson

from ollama_sdk.errors import ConfigurationError, DecodeError

from . import annotations as _annotations

__all__ = ["Codec", "Model", "codec_of", "dumps", "empty_list", "wire_name"]

Decoder = Callable[[Any], Any]

_EXCERPT = 200
# A vector of thousands of numbers, or a picture, says nothing in a notebook or a log.
_BRIEF = reprlib.Repr()
_BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxstring, _BRIEF.maxother = 12, 24, 1000, 10_000
_OTHERS = "additional_properties"


class Mismatch(Exception):  # noqa: N818 - never leaves this module
    """The data is not what an annotation promises."""


# What compiled decoders raise for data of another shape.
_MISFITS = (Mismatch, KeyError, TypeError, AttributeError, ValueError, RecursionError)


class Model:
    """The base of every generated model: an attrs class whose fields are the document's, ``None`` where absent.

    Fields that the document does not know are kept in ``additional_properties`` and sent back by :meth:`to_dict`.
    """

    __slots__ = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The model of decoded JSON.

        Raises:
            DecodeError: A required field is missing or a value has another type than the document says; ``.where`` is its
                path. Numbers inside vectors are not looked at one by one.
        """
        return cast("Self", codec_of(_package(cls)).decode(cls, data))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data: the fields that are not ``None`` under their wire names, then the additional properties.

        Raises:
            ConfigurationError: A value cannot be sent as JSON, or a file to be sent cannot be read.
        """
        return cast("dict[str, Any]", codec_of(_package(type(self))).encode(type(self), self, ""))

    def __repr__(self) -> str:
        """The fields that hold something; long values are shortened."""
        values = ((a.name, getattr(self, a.name)) for a in attrs.fields(cast("Any", type(self))))
        shown = ", ".join(
            f"{name}={_BRIEF.repr(value)}" for name, value in values if value is not None and (value or name != _OTHERS)
        )
        return f"{type(self).__name__}({shown})"


def empty_list() -> list[Any]:
    """What a list reads as when the server sent none."""
    return []


def _package(cls: type) -> str:
    return cls.__module__.rpartition(".")[0]


def wire_name(attribute: attrs.Attribute[Any]) -> str:
    """The JSON name of a model's field."""
    return cast("str", attribute.metadata.get("wire", attribute.name))


@cache
def codec_of(package: str) -> Codec:
    """The codec that finds the models of ``package`` by their names."""
    return Codec(import_module(package))


class _Names(dict[str, Any]):
    """What an annotation may mention; models are looked up, and so imported, when they are mentioned."""

    def __init__(self, models: types.ModuleType) -> None:
        builtin = (str, int, float, bool, list, dict, bytes, datetime, Mapping, Sequence)
        super().__init__(
            {name: getattr(_annotations, name) for name in _annotations.__all__}
            | {kind.__name__: kind for kind in builtin}
            | {"Any": Any, "Literal": Literal}
        )
        self._models = models

    def __missing__(self, name: str) -> Any:
        try:
            return getattr(self._models, name)
        except AttributeError:
            raise KeyError(name) from None


class Codec:
    """Decodes and encodes by annotation, for the models of one package."""

    def __init__(self, models: types.ModuleType) -> None:
        self._names = _Names(models)
        self._decoders: dict[Any, Decoder | None] = {}
        self._resolved: dict[str, Any] = {}

    def resolve(self, annotation: Any) -> Any:
        """The type that an annotation, given as its source text, stands for."""
        if not isinstance(annotation, str):
            return annotation
        found = self._resolved.get(annotation)
        if found is None:
            # The text is our own generated code, never data.
            found = self._resolved[annotation] = eval(annotation, {}, self._names)  # noqa: S307
        return found

    def decode(self, annotation: Any, data: Any, raw: bytes | None = None) -> Any:
        """``data`` as the annotation promises it.

        Args:
            annotation: A type, or its source text.
            data: Decoded JSON.
            raw: The bytes it was decoded from, for the excerpt in an error.

        Raises:
            DecodeError: It is something else.
        """
        decoder = self.decoder(annotation)
        if decoder is None:
            return data
        try:
            return decoder(data)
        except _MISFITS as exc:
            raise self.error(annotation, data, raw) from exc

    def converter(self, annotation: Any, named: Callable[[DecodeError], DecodeError]) -> Decoder:
        """A function that decodes values of one annotation; its errors are ``named`` after the call."""
        decoder = self.decoder(annotation)

        def convert(data: Any) -> Any:
            try:
                return data if decoder is None else decoder(data)
            except _MISFITS as exc:
                raise named(self.error(annotation, data)) from exc

        return convert

    def error(self, annotation: Any, data: Any, raw: bytes | None = None) -> DecodeError:
        """What is wrong with ``data``, and where."""
        try:
            where, problem = self._explain(self.resolve(annotation), data, "") or ("", "the value does not fit")
        except RecursionError:
            where, problem = "", "it is nested too deeply"
        place = f" at {where}" if where else ""
        text = f"the reply is not what the document promises{place}: {problem}"
        return DecodeError(text, excerpt=_excerpt(data, raw), where=where)

    def decoder(self, annotation: Any) -> Decoder | None:
        """The compiled decoder of an annotation; ``None`` where any value will do."""
        kind = self.resolve(annotation)
        try:
            return self._decoders[kind]
        except KeyError:
            decoder = self._decoders[kind] = self._compile(kind)
            return decoder

    # Decoding

    def _compile(self, kind: Any) -> Decoder | None:
        if kind in _SCALARS:
            return _scalar_decoder(kind)
        if kind is Any or kind is None:
            return None
        if isinstance(kind, type) and issubclass(kind, Model):
            return self._model_decoder(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return _MARKED[_mark(kind)]
        if origin is Literal:
            return _scalar_decoder(cast("Any", type(arguments[0])))
        if origin is list:
            return _list_decoder(self._lazy(arguments[0]), numbers=arguments[0] in _NUMBERS)
        if origin is dict:
            return _dict_decoder(self._lazy(arguments[1]))
        if origin in {Union, types.UnionType}:
            return self._union_decoder(arguments)
        raise TypeError(f"a model has a field of type {kind!r}, which this codec does not know")

    def _lazy(self, kind: Any) -> Decoder | None:
        """The decoder of a nested type, compiled at its first value: a model may hold itself."""
        if kind in self._decoders:
            return self._decoders[kind]
        if kind in _SCALARS or kind is Any:
            return self.decoder(kind)

        decoder: Decoder | None = None

        def decode(data: Any) -> Any:
            nonlocal decoder
            if decoder is None:
                decoder = self.decoder(kind) or _as_it_is
            return decoder(data)

        return decode

    def _mentions_models(self, annotation: Any) -> bool:
        if not isinstance(annotation, str):
            return True
        return any(name not in self._names for name in compile(annotation, "annotation", "eval").co_names)

    def _union_decoder(self, members: Sequence[Any]) -> Decoder:
        by_class: dict[type, Decoder | None] = {}
        models = [m for m in members if isinstance(m, type) and issubclass(m, Model)]
        for member in members:
            for json_class in _json_classes(member):
                by_class.setdefault(json_class, self._lazy(member))
        if models:
            by_class[dict] = self._lazy(models[0]) if len(models) == 1 else self._choice_decoder(models)

        def decode(data: Any) -> Any:
            decoder = by_class[data.__class__]
            return data if decoder is None else decoder(data)

        return decode

    def _choice_decoder(self, models: Sequence[type[Model]]) -> Decoder:
        tag, table, other = self.choices(models)
        decoders = {value: self._lazy(model) for value, model in table.items()}
        fallback = None if other is None else self._lazy(other)

        def decode(data: Any) -> Any:
            decoder = decoders.get(data.get(tag), fallback)
            if decoder is None:
                raise Mismatch
            return decoder(data)

        return decode

    def choices(self, models: Sequence[type[Model]]) -> tuple[str, dict[Any, type[Model]], type[Model] | None]:
        """How models of one union are told apart: the discriminating field, the model of each value, the model of any other."""
        tag = ""
        table: dict[Any, type[Model]] = {}
        other: type[Model] | None = None
        for model in models:
            constants = {
                wire_name(a): get_args(kind)
                for a in attrs.fields(cast("Any", model))
                if a.name != _OTHERS and get_origin(kind := self._field_kind(a)) is Literal
            }
            if not tag and constants:
                tag = next(iter(constants))
            if tag in constants:
                table.update(dict.fromkeys(constants[tag], model))
            if tag not in constants or _optional(model, tag):
                other = model
        return tag, table, other

    def _field_kind(self, attribute: attrs.Attribute[Any]) -> Any:
        """The type of a field, less its ``None``."""
        kind = self.resolve(attribute.type)
        if get_origin(kind) in {Union, types.UnionType}:
            members = tuple(m for m in get_args(kind) if m is not type(None))
            return members[0] if len(members) == 1 else Union[members]  # noqa: UP007
        return kind

    def _model_decoder(self, cls: type[Model]) -> Decoder:
        """Compile straight-line code: a loop over fields would take three times as long, and this runs for every token."""
        fields = [a for a in attrs.fields(cast("Any", cls)) if a.name != _OTHERS]
        required = [a for a in fields if a.default is attrs.NOTHING]
        defaulted = [a for a in fields if a.default is not attrs.NOTHING and a.default is not None]
        optional = [a for a in fields if a.default is None]
        scope: dict[str, Any] = {"new": cls.__new__, "cls": cls, "absent": object(), "Mismatch": Mismatch}
        code = ["def decode(data):", " self = new(cls)", f" rest = len(data) - {len(required)}"]
        for attribute in required:
            code += [f" value = data[{wire_name(attribute)!r}]", *self._store(attribute, " ", scope)]
        code += [" get = data.get"] if defaulted or optional else []
        for attribute in defaulted:
            code += self._store_or(attribute, "[]" if isinstance(attribute.default, attrs.Factory) else "''", scope)  # type: ignore[arg-type]
        if optional:
            nothing = " = ".join(f"self.{a.name}" for a in optional)
            code += [" if not rest:", f"  {nothing} = None", f"  self.{_OTHERS} = {{}}", "  return self"]
        for attribute in optional:
            code += self._store_or(attribute, "None", scope)
        scope["known"] = frozenset(wire_name(a) for a in fields)
        code += [
            f" self.{_OTHERS} = {{k: v for k, v in data.items() if k not in known}} if rest else {{}}",
            " return self",
        ]
        exec("\n".join(code), scope)  # noqa: S102 - made of generated field names only
        return cast("Decoder", scope["decode"])

    def _store_or(self, attribute: attrs.Attribute[Any], default: str, scope: dict[str, Any]) -> list[str]:
        """The lines that store a field which may be absent."""
        store = f"self.{attribute.name} = {default}"
        code = [
            f" value = get({wire_name(attribute)!r}, absent)",
            " if value is absent:",
            f"  {store}",
            " else:",
            "  rest -= 1",
        ]
        return [*code, "  if value is None:", f"   {store}", "  else:", *self._store(attribute, "   ", scope)]

    def _store(self, attribute: attrs.Attribute[Any], indent: str, scope: dict[str, Any]) -> list[str]:
        """The lines that check or convert ``value`` and store it; what they need by name goes into ``scope``."""
        name = f"as_{attribute.name}"
        if self._mentions_models(attribute.type):
            # Compiled at its first value, so that models which never occur are never imported; then it takes its own place.
            def decode_first(data: Any) -> Any:
                scope[name] = self.decoder(self._field_kind(attribute))
                return scope[name](data)

            scope[name] = decode_first
            return [f"{indent}self.{attribute.name} = {name}(value)"]
        kind = self._field_kind(attribute)
        if get_origin(kind) is Literal:
            kind = cast("Any", type(get_args(kind)[0]))
        if kind in {str, bool, int}:
            scope[name] = kind
            guard = f"{indent}if value.__class__ is not {name}: raise Mismatch"
            return [guard, f"{indent}self.{attribute.name} = value"]
        scope[name] = self.decoder(kind)
        call = "value" if scope[name] is None else f"{name}(value)"
        return [f"{indent}self.{attribute.name} = {call}"]

    # Explaining what is wrong

    def _explain(self, kind: Any, data: Any, where: str) -> tuple[str, str] | None:
        """The first place, and what is wrong there; ``None`` when this part is right."""
        if kind is Any:
            return None
        if isinstance(kind, type) and issubclass(kind, Model):
            return self._explain_model(kind, data, where)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in {Union, types.UnionType}:
            return self._explain_union(arguments, data, where)
        if origin is list and isinstance(data, list):
            return self._first(arguments[0], ((f"{where}[{i}]", item) for i, item in enumerate(cast("Any", data))))
        if origin is dict and isinstance(data, dict):
            pairs = cast("dict[str, Any]", data)
            return self._first(arguments[1], ((f"{where}.{k}".lstrip("."), v) for k, v in pairs.items()))
        try:
            decoder = self.decoder(kind)
            if decoder is not None:
                decoder(data)
        except _MISFITS:
            return where, f"{_show(data)} is not {_describe(kind)}"
        return None

    def _first(self, kind: Any, places: Any) -> tuple[str, str] | None:
        kind = self.resolve(kind)
        return next((found for where, data in places if (found := self._explain(kind, data, where))), None)

    def _explain_union(self, members: Sequence[Any], data: Any, where: str) -> tuple[str, str] | None:
        models = [m for m in members if isinstance(m, type) and issubclass(m, Model)]
        if isinstance(data, dict) and len(models) > 1:
            tag, table, other = self.choices(models)
            value = cast("dict[str, Any]", data).get(tag)
            chosen = _chosen(table, value, other)
            if chosen is None:
                return f"{where}.{tag}".lstrip("."), f"{_show(value)} is none of {', '.join(map(repr, table))}"
            return self._explain(chosen, cast("Any", data), where)
        fitting = [m for m in members if cast("Any", data).__class__ in _json_classes(m)]
        if not fitting:
            return where, f"{_show(data)} is not {' or '.join(map(_describe, members))}"
        return self._explain(fitting[0], data, where)

    def _explain_model(self, cls: type[Model], data: Any, where: str) -> tuple[str, str] | None:
        if not isinstance(data, dict):
            return where, f"{_show(data)} is not {_describe(cls)}"
        values = cast("dict[str, Any]", data)
        for attribute in attrs.fields(cast("Any", cls)):
            if attribute.name == _OTHERS:
                continue
            name = wire_name(attribute)
            place = f"{where}.{name}".lstrip(".")
            if name not in values and attribute.default is attrs.NOTHING:
                return place, "the field is missing"
            if values.get(name) is None and attribute.default is not attrs.NOTHING:
                continue
            if found := self._explain(self._field_kind(attribute), values[name], place):
                return found
        return None

    # Encoding

    def encode(self, annotation: Any, value: Any, where: str) -> Any:
        """``value`` as JSON-ready data.

        Args:
            annotation: The type that the document gives the place, or its source text. It says where bytes and paths
                become base64 and where a class becomes its JSON schema; otherwise the value speaks for itself.
            value: Dicts, lists, models and scalars, mixed freely. ``None`` in a model is left out; in a free-form
                object it is sent.
            where: The path to the value, for errors.

        Raises:
            ConfigurationError: Something cannot be sent as JSON, or a file cannot be read; the message gives its path.
        """
        try:
            return self._encode(annotation, value, where)
        except RecursionError:
            name = where or "the value"
            raise ConfigurationError(f"{name} holds itself, or is nested too deeply to be sent as JSON") from None

    def _encode(self, annotation: Any, value: Any, where: str) -> Any:
        if value is None or value.__class__ in _JSON_SCALARS:
            return value
        if isinstance(value, float):
            return _finite(value, where)
        if isinstance(value, Model):
            others = self._encode(Any, value.additional_properties, where)  # type: ignore[attr-defined]
            return self._encode_fields(type(value), _as_mapping(value), where) | others
        kind = self.resolve(annotation)
        if isinstance(value, Mapping):
            return self._encode_mapping(kind, cast("Any", value), where)
        if isinstance(value, (list, tuple, set, frozenset)) or _is_sequence(value):
            item = next((get_args(m)[0] for m in _members(kind) if get_origin(m) in {list, Sequence}), Any)
            return [self._encode(item, part, f"{where}[{i}]") for i, part in enumerate(cast("Sequence[Any]", value))]
        return _encode_scalar(kind, value, where)

    def _encode_mapping(self, kind: Any, value: Mapping[Any, Any], where: str) -> dict[str, Any]:
        for key in value:
            if not isinstance(key, str):
                raise ConfigurationError(
                    f"{where or 'the value'}: the key {key!r} is not a string; JSON objects have no other"
                )
        members = _members(kind)
        models = [m for m in members if isinstance(m, type) and issubclass(m, Model)]
        if len(models) > 1:
            tag, table, other = self.choices(models)
            models = [m for m in (_chosen(table, value.get(tag), other),) if m is not None]
        if models:
            return self._encode_fields(models[0], cast("Mapping[str, Any]", value), where)
        item = next((get_args(m)[1] for m in members if get_origin(m) in {dict, Mapping}), Any)
        return {k: self._encode(item, v, f"{where}.{k}".lstrip(".")) for k, v in value.items()}

    def _encode_fields(self, cls: type[Model], value: Mapping[str, Any], where: str) -> dict[str, Any]:
        kinds = self._wire_kinds(cls)
        return {
            name: self._encode(kinds.get(name, Any), part, f"{where}.{name}".lstrip("."))
            for name, part in value.items()
            if part is not None or name not in kinds
        }

    def _wire_kinds(self, cls: type[Model]) -> dict[str, Any]:
        return {wire_name(a): a.type for a in attrs.fields(cast("Any", cls)) if a.name != _OTHERS}


def _as_mapping(model: Model) -> dict[str, Any]:
    return {wire_name(a): getattr(model, a.name) for a in attrs.fields(cast("Any", type(model))) if a.name != _OTHERS}


# Decoding of what is not a model


def _optional(model: type[Model], name: str) -> bool:
    return any(wire_name(a) == name and a.default is not attrs.NOTHING for a in attrs.fields(cast("Any", model)))


def _chosen(table: Mapping[Any, type[Model]], value: Any, other: type[Model] | None) -> type[Model] | None:
    """The model that a discriminating value stands for."""
    return table.get(value, other) if isinstance(value, (str, int)) else other


def _excerpt(data: Any, raw: bytes | None) -> str:
    try:
        return (orjson.dumps(data, default=repr) if raw is None else raw)[:_EXCERPT].decode(errors="replace")
    except (TypeError, orjson.JSONEncodeError):
        return ""


def _scalar_decoder(kind: type) -> Decoder | None:
    if kind is datetime:
        return _decode_datetime
    if kind is float:
        return _decode_float

    def decode(data: Any) -> Any:
        if data.__class__ is not kind:
            raise Mismatch
        return data

    return decode


def _decode_float(data: Any) -> float:
    if data.__class__ is float or data.__class__ is int:
        return cast("float", data)
    raise Mismatch


def _decode_datetime(data: Any) -> datetime:
    try:
        return datetime.fromisoformat(data)
    except ValueError:
        # Rare forms; dateutil is slow to import.
        from dateutil.parser import isoparse  # noqa: PLC0415

        return isoparse(data)


def _as_it_is(data: Any) -> Any:
    return data


def _list_decoder(item: Decoder | None, *, numbers: bool) -> Decoder:
    if numbers or item is None:
        return _scalar_decoder(list)  # type: ignore[return-value]

    def decode(data: Any) -> list[Any]:
        if data.__class__ is not list:
            raise Mismatch
        return [item(part) for part in data]

    return decode


def _dict_decoder(item: Decoder | None) -> Decoder:
    if item is None:
        return _scalar_decoder(dict)  # type: ignore[return-value]

    def decode(data: Any) -> dict[str, Any]:
        if data.__class__ is not dict:
            raise Mismatch
        return {key: item(part) for key, part in data.items()}

    return decode


def _decode_vector(data: Any) -> list[float]:
    if data.__class__ is list:
        return cast("list[float]", data)
    try:
        floats = array("f", base64.b64decode(data, validate=True))
    except (binascii.Error, TypeError) as exc:
        raise Mismatch from exc
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


_SCALARS = frozenset({str, int, float, bool, datetime})
_NUMBERS = frozenset({int, float})
_MARKED: dict[str, Decoder | None] = {
    "base64": _scalar_decoder(str),
    "json-schema": _scalar_decoder(dict),
    "float32-base64": _decode_vector,
}
_JSON_CLASSES: dict[Any, tuple[type, ...]] = {
    str: (str,), bool: (bool,), int: (int,), float: (float, int), datetime: (str,), list: (list,), dict: (dict,),
    type(None): (type(None),), "base64": (str,), "json-schema": (dict,), "float32-base64": (list, str),
}  # fmt: skip


def _json_classes(kind: Any) -> tuple[Any, ...]:
    """The classes of decoded JSON that a type may appear as."""
    if isinstance(kind, type) and issubclass(kind, Model):
        return (dict,)
    origin = get_origin(kind)
    if origin is Literal:
        return tuple({value.__class__ for value in get_args(kind)})
    if origin is Annotated:
        return _JSON_CLASSES[_mark(kind)]
    return _JSON_CLASSES.get(origin or kind, ())


def _mark(kind: Any) -> str:
    """The mark of an ``Annotated`` type."""
    return cast("str", kind.__metadata__[0])


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)


def _describe(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return _mark(kind)
    if kind is type(None):
        return "null"
    plain = get_origin(kind) or kind
    return _WORDS[plain] if plain in _WORDS else str(getattr(kind, "__name__", kind))


_WORDS: dict[Any, str] = {
    str: "a string", int: "an integer", float: "a number", bool: "true or false", datetime: "a time", list: "a list",
    dict: "an object",
}  # fmt: skip


def _show(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line's worth


# Encoding of what is neither a model nor a container

_JSON_SCALARS = frozenset({str, int, bool})


def _finite(value: float, where: str) -> float:
    if math.isfinite(value):
        return float(value)
    raise ConfigurationError(f"{where or 'the value'} is {value}, which cannot be sent as JSON")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, memoryview))


def _marks(kind: Any) -> set[str]:
    """The marks of an annotation and of its union members."""
    return {_mark(m) for m in _members(kind) if get_origin(m) is Annotated}


def _encode_scalar(kind: Any, value: Any, where: str) -> Any:
    if isinstance(value, (str, int)):  # subclasses: enumerations
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    marks = _marks(kind)
    if "base64" in marks and isinstance(value, (bytes, bytearray, memoryview, PathLike)):
        return binascii.b2a_base64(_binary(value, where), newline=False).decode("ascii")
    if "json-schema" in marks and isinstance(value, type) and hasattr(value, "model_json_schema"):
        return cast("Any", value).model_json_schema()
    raise ConfigurationError(
        f"{where or 'the value'} is {_show(value)} of type {type(value).__name__}, which cannot be sent as JSON"
    )


def _binary(value: Any, where: str) -> bytes | bytearray | memoryview:
    if not isinstance(value, PathLike):
        return cast("bytes", value)
    try:
        return Path(cast("PathLike[str]", value)).read_bytes()
    except OSError as exc:
        raise ConfigurationError(
            f"{where}: the file {str(cast('Any', value))!r} cannot be read: {exc.strerror}"
        ) from exc


def dumps(data: Any) -> bytes:
    """JSON text of encoded data.

    Raises:
        ConfigurationError: A number is too large, or a string is not valid Unicode; the message gives its path.
    """
    try:
        return orjson.dumps(data)
    except (TypeError, orjson.JSONEncodeError) as exc:
        raise ConfigurationError(f"{_culprit(data, '') or 'the value'} cannot be sent as JSON: {exc}") from exc


def _culprit(data: Any, where: str) -> str:
    """The path of the innermost part that is to blame."""
    parts: dict[str, Any] = {}
    if isinstance(data, dict):
        parts = {f"{where}.{name}".lstrip("."): part for name, part in cast("Any", data).items()}
    elif isinstance(data, list):
        parts = {f"{where}[{i}]": part for i, part in enumerate(cast("Any", data))}
    for path, part in parts.items():
        try:
            orjson.dumps(part)
        except (TypeError, orjson.JSONEncodeError):
            return _culprit(part, path)
    return where
