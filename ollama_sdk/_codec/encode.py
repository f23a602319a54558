"""Turns arguments and models into JSON-ready data, and that into JSON text.

Theory
------

*Why two ways.* Most of a request is plain data already: dicts, lists, strings and numbers that JSON knows. Walking it by annotation
costs more than everything else in a call, and changes nothing. So :meth:`Encoder.encode_object` first looks for the arguments that
need no walk and hands them to orjson as they are; it walks only the others. A message that is a model or holds ``None`` is walked
alone, not with the whole conversation.

*Why they agree.* :func:`_are_plain` admits only what orjson writes exactly as the walk would: values of exactly the classes below (a
subclass may be an enumeration), no ``None`` (the walk leaves it out of a model) and no infinite float (orjson writes ``null``). It does
not look at keys, strings and large integers: orjson refuses what is wrong with them. Whatever fails on the quick way is encoded once
more by the walk alone, which finds the first fault in document order, or the way to send it after all. So the quick way has no
errors of its own.
"""

from __future__ import annotations

import binascii
import io
import math
import sys
from array import array
from collections.abc import Awaitable, Coroutine, Iterable, Iterator, Mapping, MappingView, Sequence
from datetime import datetime
from os import PathLike
from typing import IO, TYPE_CHECKING, Annotated, Any, TypeGuard, get_args, get_origin

import orjson

from ollama_sdk._concurrency.loops import leave_loop
from ollama_sdk.errors import ConfigurationError

from .check import ArgumentChecks, describe_kind, with_article
from .model import Model, document_fields, wire_name
from .resolve import is_model, mark_of, union_members
from .unions import choice_between

if TYPE_CHECKING:
    from .annotations import Picture, SupportsJSONSchema, SupportsSchema
    from .resolve import Resolver

__all__ = ["NOTHING_LEFT", "Encoder", "dumps", "read_bytes"]

# Classes whose values are JSON already; a bool is here because it is the most frequent, a float is not: it may be infinite.
_JSON_SCALARS = frozenset({str, int, bool})
# What the values of a free-form object of the document are: anything, and integers of any size.
_FREE_FORM = object()
_INT64, _UINT64 = -(2**63), 2**64 - 1
# The attribute, the JSON name and the annotation of a model's field.
_Field = tuple[str, str, Any]
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_WIDEST = 10_000  # bits; Python itself refuses to write much longer integers


class _ExactInt(int):
    """An integer beyond 64 bits in a free-form object, such as the arguments of a tool call."""


# What a file is that was read to its end before.
NOTHING_LEFT = "is a file with nothing left to read: call its seek(0), or give a pathlib.Path"


class Encoder:
    """Encodes by annotation. A value goes before its annotation: a model, a dict or a list is what it is.

    Args:
        resolver: Resolves annotations.
        checks: Refuses arguments that the document does not take.
    """

    def __init__(self, resolver: Resolver, checks: ArgumentChecks) -> None:
        self._resolver = resolver
        self._checks = checks
        self._fields: dict[type[Model], tuple[_Field, ...]] = {}

    def encode_object(self, fields: Sequence[tuple[str, Any, Any, str]], extra: Mapping[str, Any], where: str) -> bytes:
        """Encode as :meth:`Codec.encode_object` does.

        Raises:
            ConfigurationError: As :meth:`Codec.encode_object`.
        """
        data: dict[str, Any] = {}
        others: dict[str, Any] | None = None
        try:
            for name, kind, value, path in fields:
                data[name] = self._sendable(kind, value, path)
            others = {name: self._sendable(Any, value, f"{where}.{name}") for name, value in extra.items()}
            for name, kind, value, path in fields:
                self._checks.check(kind, data[name], value, path)
            return orjson.dumps(data | others)
        except (TypeError, ConfigurationError, RecursionError) as exc:  # also what orjson raises
            return self._walk_object(fields, data, others, where, exc)

    def _walk_object(
        self,
        fields: Sequence[tuple[str, Any, Any, str]],
        read: dict[str, Any],
        others: dict[str, Any] | None,
        where: str,
        refusal: Exception,
    ) -> bytes:
        """Encode every part, so that the first fault in the order of the arguments is named.

        Nothing is read twice: a file or generator would give less, and what is left of it would be sent.

        Args:
            fields: As :meth:`encode_object` takes them.
            read: What the quick way made of them, as far as it came.
            others: What it made of the fields to add, if it came so far.
            where: The path to ``others``.
            refusal: Why it came no further.
        """
        data: dict[str, Any] = {}
        for name, kind, value, path in fields:
            if name not in read:
                raise _refusal_of(path, refusal)
            data[name] = self.encode(kind, read[name], path)
            self._checks.check(kind, data[name], value, path)
        if others is None:
            raise _refusal_of(where, refusal)
        return dumps(data | self.encode(Any, others, where))

    def _sendable(self, annotation: Any, value: Any, where: str) -> Any:
        """Encode as :meth:`encode` does, but share plain data instead of copying it."""
        if _are_plain((value,)):
            return value
        if value.__class__ is list:
            item = _item_kind(self._resolver.resolve(annotation))
            return [self._sendable(item, part, f"{where}[{i}]") for i, part in enumerate(value)]
        return self._encode(annotation, value, where)

    def encode(self, annotation: Any, value: Any, where: str) -> Any:
        """Encode as :meth:`Codec.encode` does.

        Raises:
            ConfigurationError: As :meth:`Codec.encode`.
        """
        try:
            return self._encode(annotation, value, where)
        except RecursionError as exc:
            raise _refusal_of(where, exc) from None

    def _encode(self, annotation: Any, value: Any, where: str) -> Any:
        if value is None or value.__class__ in _JSON_SCALARS:
            return _ExactInt(value) if annotation is _FREE_FORM and _is_beyond_64_bits(value) else value
        if isinstance(value, float):
            if math.isfinite(value):
                return float(value)
            raise ConfigurationError(f"{where or 'the value'} is {value}, which cannot be sent as JSON")
        if isinstance(value, Model):
            return self._encode_model(value, where)
        kind = self._resolver.resolve(annotation)
        if _is_mapping(value):
            return self._encode_mapping(kind, value, where)
        if value.__class__ is array and "float32-base64" in _marks_of(kind):
            return _vector_text(value)
        if _is_array(value):
            item = _item_kind(kind)
            return [self._encode(item, part, f"{where}[{i}]") for i, part in enumerate(value)]
        plain = _plain(value, where)
        if plain is not value:
            return self._encode(annotation, plain, where)
        return _encode_scalar(kind, value, where)

    def _encode_model(self, value: Model, where: str) -> dict[str, Any]:
        """Encode a model by its fields, and its unknown fields as they are."""
        model = type(value)
        data: dict[str, Any] = {}
        for name, wire, kind in self._fields_of(model):
            part = getattr(value, name)
            if part is not None:
                plain = part.__class__ in _JSON_SCALARS
                data[wire] = part if plain else self._encode(kind, part, f"{where}.{wire}".lstrip("."))
        others = value.additional_properties
        return data | self._encode(Any, others, where) if others or others.__class__ is not dict else data

    def _encode_mapping(self, kind: Any, value: Mapping[Any, Any], where: str) -> dict[str, Any]:
        """Encode a mapping: a model by its fields, a free-form object as it is."""
        for key in value:
            if not isinstance(key, str):
                raise ConfigurationError(
                    f"{where or 'the value'}: the key {key!r} is not a string; JSON objects have no other"
                )
        members = union_members(kind)
        models = tuple(member for member in members if is_model(member))
        model = choice_between(self._resolver, models).model_for(value) if len(models) > 1 else next(iter(models), None)
        if model is not None:
            kinds = {wire: field_kind for _, wire, field_kind in self._fields_of(model)}
            return {
                name: self._encode(kinds.get(name, Any), part, f"{where}.{name}".lstrip("."))
                for name, part in value.items()
                if part is not None or name not in kinds
            }
        item = next((get_args(m)[1] for m in members if get_origin(m) in {dict, Mapping}), None)
        if item is Any or kind is _FREE_FORM:
            item = _FREE_FORM
        return {name: self._encode(item or Any, part, f"{where}.{name}".lstrip(".")) for name, part in value.items()}

    def _fields_of(self, model: type[Model]) -> tuple[_Field, ...]:
        fields = self._fields.get(model)
        if fields is None:
            found = ((field.name, wire_name(field), field.type) for field in document_fields(model))
            fields = self._fields[model] = tuple(found)
        return fields


def _are_plain(parts: Iterable[Any]) -> bool:
    """Whether orjson writes values as the walk would; keys, strings and integers are left to orjson.

    Raises:
        RecursionError: A value holds itself, or is nested too deeply.
    """
    for part in parts:
        kind = part.__class__
        if kind in _JSON_SCALARS:
            continue
        if kind is dict:
            if not _are_plain(part.values()):
                return False
        elif kind is list or kind is tuple:
            if not _are_plain(part):
                return False
        elif kind is not float or not math.isfinite(part):
            return False
    return True


def _refusal_of(where: str, exc: Exception) -> Exception:
    """The error of a value that cannot be encoded; what a generator of the caller raises stays as it is."""
    if not isinstance(exc, RecursionError):
        return exc
    return ConfigurationError(f"{where or 'the value'} holds itself, or is nested too deeply to be sent as JSON")


def _item_kind(kind: Any) -> Any:
    """The annotation of the items of a list."""
    if kind is _FREE_FORM:
        return kind
    return next((get_args(m)[0] for m in union_members(kind) if get_origin(m) in {list, Sequence}), Any)


def _is_beyond_64_bits(value: Any) -> TypeGuard[int]:
    return value.__class__ is int and not _INT64 <= value <= _UINT64 and value.bit_length() <= _WIDEST


def _marks_of(kind: Any) -> set[str]:
    return {mark_of(member) for member in union_members(kind) if get_origin(member) is Annotated}


def _vector_text(vector: array[float]) -> str:
    """Base64 of a vector as little-endian 32-bit floats, which it is read from."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return binascii.b2a_base64(floats, newline=False).decode("ascii")


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_array(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether a value becomes a JSON array."""
    return isinstance(value, (list, tuple, set, frozenset, Sequence)) and not isinstance(
        value, (str, bytes, bytearray, memoryview)
    )


def _is_bytes(value: Any) -> TypeGuard[bytes]:
    return isinstance(value, (bytes, bytearray, memoryview))


def _is_path(value: Any) -> TypeGuard[PathLike[str]]:
    return isinstance(value, PathLike)


def _is_iterator(value: Any) -> TypeGuard[Iterable[Any]]:
    """Whether a value becomes a JSON array by being read once; an open file or a stream does not."""
    is_other = hasattr(value, "read") or hasattr(value, "collect")
    return not is_other and isinstance(value, (Iterator, MappingView))


def _is_binary_file(value: Any) -> TypeGuard[IO[bytes]]:
    return hasattr(value, "read") and not isinstance(value, io.TextIOBase)


def _plain(value: Any, where: str) -> Any:
    """The plain value that one of another library stands for, such as a NumPy or torch array; any other as it is.

    Raises:
        ConfigurationError: It cannot be had, as that of a sparse tensor or of one without storage.
    """
    if _is_iterator(value):
        leave_loop()  # before it is used up: files may follow, and the work would be done again
        return list(value)
    if isinstance(value, type) or _is_bytes(value):
        return value
    convert = getattr(value, "tolist", None) or getattr(value, "to_list", None)  # the latter of Polars
    try:
        return value if convert is None else convert()
    except Exception as exc:
        name = with_article(value)
        raise ConfigurationError(f"{where or 'the value'} is {name}, whose values cannot be had: {exc}") from exc


def _encode_scalar(kind: Any, value: Any, where: str) -> Any:
    """Encode what is neither a model nor a container."""
    if isinstance(value, (str, int)):  # subclasses: enumerations
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    for model in union_members(kind):
        if is_model(model) and model.FROM_FUNCTION is not None and callable(value):
            from ollama_sdk._functions import describe  # only tools pay for it

            return describe(model.FROM_FUNCTION, value)
    marks = _marks_of(kind)
    if "base64" in marks and _is_bytes(value):
        return binascii.b2a_base64(value, newline=False).decode("ascii")
    if "base64" in marks and _is_path(value):
        from ollama_sdk._files import read_whole  # only files pay for it

        return binascii.b2a_base64(read_whole(value, where), newline=False).decode("ascii")
    if "json-schema" in marks and (schema := _schema_of(value, where)) is not None:
        return schema
    if "base64" in marks and _is_picture(value):
        return binascii.b2a_base64(_png_of(value), newline=False).decode("ascii")
    if "base64" in marks and _is_binary_file(value):
        return binascii.b2a_base64(_read_file(value, where), newline=False).decode("ascii")
    raise ConfigurationError(
        f"{where or 'the value'} is {with_article(value)}, which {_unsendable(kind, value, where)}"
    )


def _is_picture(value: Any) -> TypeGuard[Picture]:
    return hasattr(value, "save") and hasattr(value, "convert") and hasattr(value, "mode")


def _png_of(picture: Picture) -> bytes:
    """A picture of Pillow as PNG, which loses nothing but what PNG has no form for."""
    file = io.BytesIO()
    (picture if picture.mode in _PNG_MODES else picture.convert("RGB")).save(file, "PNG")
    return file.getvalue()


def _is_adapter(value: Any) -> TypeGuard[SupportsSchema]:
    return hasattr(value, "json_schema") and hasattr(value, "validate_json")


def _schema_of(value: Any, where: str) -> Any:
    """The JSON schema of a class, a type such as ``list[Colour]``, or Pydantic's adapter of one; ``None`` for anything else."""
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        schema_class: type[SupportsJSONSchema] = value
        return schema_class.model_json_schema()
    if _is_adapter(value):
        return value.json_schema()
    if not isinstance(value, type) and get_origin(value) is None:
        return None
    from ollama_sdk._replies import adapter_of  # only structured output pays for it

    return adapter_of(value, where).json_schema()


def _unsendable(kind: Any, value: Any, where: str) -> str:
    """Why a value cannot be sent, with what to give."""
    if isinstance(value, Awaitable):
        return "cannot be sent as JSON: await it, and give the result"
    if hasattr(value, "collect"):
        return "cannot be sent as JSON: give a part of what its collect() returns"
    if isinstance(value, io.TextIOBase):
        return "gives text: open the file in binary mode, or give what it reads"
    instead = "plain values, lists, dicts or models" if kind is Any else describe_kind(kind, where)
    return f"cannot be sent as JSON; give {instead}"


def _read_file(file: IO[bytes], where: str) -> bytes:
    data = read_bytes(file, where)
    if not data:
        raise ConfigurationError(f"{where} {NOTHING_LEFT}")
    return data


def read_bytes(file: IO[bytes], where: str, size: int = -1) -> bytes:
    """Read from a caller's file.

    Raises:
        ConfigurationError: It gives text, as wrappers of text files do that are no ``TextIOBase``, or it is read with
            ``await``, as the files of web frameworks are.
    """
    from ollama_sdk._files import read_opened  # only files pay for it

    data: Any = read_opened(file, where, size)
    if _is_bytes(data):
        return data
    if isinstance(data, Coroutine):
        data.close()
    raise ConfigurationError(
        f"{where} is {with_article(file)}, whose read() gives {with_article(data)}; give bytes, or a file opened in binary mode"
    )


def dumps(data: Any) -> bytes:
    """Make JSON text of encoded data.

    Raises:
        ConfigurationError: A number is too large, or a string is not valid Unicode; the message gives its path.
    """
    try:
        return orjson.dumps(data)
    except TypeError:  # also what orjson raises
        data = _with_exact_integers(data)
    try:
        return orjson.dumps(data)
    except TypeError as exc:
        raise ConfigurationError(f"{_find_unsendable(data, '') or 'the value'} cannot be sent as JSON: {exc}") from exc


def _with_exact_integers(data: Any) -> Any:
    """Encoded data with the digits of each :class:`_ExactInt`, which orjson does not write itself."""
    if data.__class__ is _ExactInt:
        return orjson.Fragment(int.__repr__(data))
    if data.__class__ is dict:
        return {name: _with_exact_integers(part) for name, part in data.items()}
    if data.__class__ is list:
        return [_with_exact_integers(part) for part in data]
    return data


def _find_unsendable(data: Any, where: str) -> str:
    """The path of the innermost part that orjson refuses."""
    parts: Iterable[tuple[str, Any]] = ()
    if data.__class__ is dict:
        parts = ((f"{where}.{name}".lstrip("."), part) for name, part in data.items())
    elif data.__class__ is list:
        parts = ((f"{where}[{i}]", part) for i, part in enumerate(data))
    for path, part in parts:
        try:
            orjson.dumps(part)
        except TypeError:
            return _find_unsendable(part, path)
    return where
