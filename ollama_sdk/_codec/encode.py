"""Turns arguments and models into JSON-ready data, and that into JSON text.

Theory
------

*Why two paths.* Most of a request is plain data: dicts, lists, strings and numbers. Walking it by annotation takes longer than
everything else in a call, and changes nothing. So :meth:`Encoder.encode_object` passes plain arguments to orjson unchanged (the fast
path) and walks only the others. A message that is a model or holds ``None`` is walked alone, without the rest of the conversation.

*Why they agree.* :func:`_are_plain` admits only values that orjson writes exactly as the walk would: of exactly the classes below (a
subclass may be an enumeration), no ``None`` (the walk leaves it out of a model) and no infinite float (orjson writes ``null``). It does
not check keys, strings and large integers, because orjson refuses the invalid ones. Arguments that fail on the fast path are encoded
again by the walk, which finds the first fault in document order, or encodes them after all. So the fast path raises no errors itself.
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

from ollama_sdk.errors import ConfigurationError

from .check import ArgumentChecks, describe_kind, with_article
from .model import Model, additional_properties_of, document_fields, wire_name
from .resolve import is_model, mark_of, union_members
from .unions import choice_of

if TYPE_CHECKING:
    from .annotations import Picture, SupportsJSONSchema, SupportsSchema
    from .resolve import Resolver

__all__ = ["NOTHING_LEFT", "Encoder", "dumps", "read_bytes"]

# Classes whose values JSON can hold. Not float: it may be infinite.
_JSON_SCALARS = frozenset({str, int, bool})
# The annotation of values in a free-form object: anything, and integers of any size.
_FREE_FORM = object()
_INT64, _UINT64 = -(2**63), 2**64 - 1
# The attribute, the JSON name and the annotation of a model's field.
_Field = tuple[str, str, Any]
_PNG_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})
_WIDEST = 10_000  # bits; Python refuses to write much longer integers


class _ExactInt(int):
    """An integer beyond 64 bits in a free-form object, such as the arguments of a tool call."""


# The clause for a file that was read to its end before.
NOTHING_LEFT = "is a file with nothing left to read: call its seek(0), or give a pathlib.Path"


class Encoder:
    """Encodes values by their own type, and by their annotation where that does not decide.

    Args:
        resolver: Resolves annotations.
        checks: Checks arguments against the document.
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
        """Encode every part after the fast path failed, so that the error names the first fault in argument order.

        It starts from the results of the fast path, because a file or generator cannot be read twice.

        Args:
            fields: As :meth:`encode_object` takes them.
            read: The fields that the fast path encoded before it failed.
            others: The extra fields, if the fast path encoded them.
            where: The path to ``others``.
            refusal: The error of the fast path.
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
        """Encode a model by its fields, and its additional properties unchanged."""
        model = type(value)
        data: dict[str, Any] = {}
        for name, wire, kind in self._fields_of(model):
            part = getattr(value, name)
            if part is not None:
                plain = part.__class__ in _JSON_SCALARS
                data[wire] = part if plain else self._encode(kind, part, f"{where}.{wire}".lstrip("."))
        others = additional_properties_of(value)
        return data | self._encode(Any, others, where) if others or others.__class__ is not dict else data

    def _encode_mapping(self, kind: Any, value: Mapping[Any, Any], where: str) -> dict[str, Any]:
        """Encode a mapping: a model by its fields, a free-form object by its values."""
        for key in value:
            if not isinstance(key, str):
                raise ConfigurationError(
                    f"{where or 'the value'}: the key {key!r} is not a string; JSON objects have no other keys"
                )
        members = union_members(kind)
        choice = choice_of(self._resolver, members)
        model = None if choice is None else choice.model_for(value)
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
    """Whether orjson writes values as the walk would; orjson itself checks keys, strings and integers.

    Raises:
        RecursionError: A value contains itself, or is nested too deeply.
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
    """The error for a value that cannot be encoded; an error from the caller's generator is returned unchanged."""
    if not isinstance(exc, RecursionError):
        return exc
    return ConfigurationError(f"{where or 'the value'} contains itself, or is nested too deeply to be sent as JSON")


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
    """Base64 of a vector as little-endian 32-bit floats, the form in which the server sends it."""
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
    """Whether a value becomes a JSON array by being read once; an open file or a stream of replies does not."""
    is_other = hasattr(value, "read") or hasattr(value, "collect")
    return not is_other and isinstance(value, (Iterator, MappingView))


def _plain(value: Any, where: str) -> Any:
    """The plain value of another library's value, such as a NumPy or torch array; any other value unchanged.

    Raises:
        ConfigurationError: The value has no plain form, as a sparse tensor or one without storage.
    """
    if _is_iterator(value):
        from ollama_sdk._concurrency.loops import leave_loop  # imported only for iterators

        leave_loop()  # before it is used up: a file that follows would make the encoding start again in a thread
        return list(value)
    if isinstance(value, type) or _is_bytes(value):
        return value
    convert = getattr(value, "tolist", None) or getattr(value, "to_list", None)  # the latter of Polars
    try:
        return value if convert is None else convert()
    except Exception as exc:
        name = with_article(value)
        raise ConfigurationError(f"{where or 'the value'} is {name}, whose values cannot be read: {exc}") from exc


def _encode_scalar(kind: Any, value: Any, where: str) -> Any:
    """Encode a value that is neither a model nor a container."""
    if isinstance(value, (str, int)):  # subclasses: enumerations
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    for model in union_members(kind):
        if is_model(model) and model.FROM_FUNCTION is not None and callable(value):
            from ollama_sdk._functions import describe  # imported only for tools

            return describe(model.FROM_FUNCTION, value)
    marks = _marks_of(kind)
    if "json-schema" in marks and (schema := _schema_of(value, where)) is not None:
        return schema
    content = _content_of(value, where) if "base64" in marks else None
    if content is not None:
        return binascii.b2a_base64(content, newline=False).decode("ascii")
    raise ConfigurationError(
        f"{where or 'the value'} is {with_article(value)}, which {_unsendable(kind, value, where)}"
    )


def _content_of(value: Any, where: str) -> bytes | None:
    """The bytes of binary data in any form that :data:`Base64` takes except text; ``None`` for any other value."""
    if _is_bytes(value):
        return value
    if _is_path(value):
        from ollama_sdk._files import read_whole  # imported only for files

        return read_whole(value, where)
    if hasattr(value, "save") and hasattr(value, "convert") and hasattr(value, "mode"):
        return _png_of(value)
    if not hasattr(value, "read") or isinstance(value, io.TextIOBase):
        return None
    data = read_bytes(value, where)
    if not data:
        raise ConfigurationError(f"{where} {NOTHING_LEFT}")
    return data


def _png_of(picture: Picture) -> bytes:
    """A Pillow image as PNG; a pixel format that PNG does not have becomes RGB."""
    file = io.BytesIO()
    (picture if picture.mode in _PNG_MODES else picture.convert("RGB")).save(file, "PNG")
    return file.getvalue()


def _is_adapter(value: Any) -> TypeGuard[SupportsSchema]:
    return hasattr(value, "json_schema") and hasattr(value, "validate_json")


def _schema_of(value: Any, where: str) -> Any:
    """The JSON schema of a class, of a type such as ``list[Colour]``, or of a Pydantic adapter; ``None`` for any other value."""
    if isinstance(value, type) and hasattr(value, "model_json_schema"):
        schema_class: type[SupportsJSONSchema] = value
        return schema_class.model_json_schema()
    if _is_adapter(value):
        return value.json_schema()
    if not isinstance(value, type) and get_origin(value) is None:
        return None
    from ollama_sdk._replies import adapter_of  # imported only for structured output

    return adapter_of(value, where).json_schema()


# Where /v1 takes the class of structured output, in arguments in place of which it is often given.
_SCHEMA_FORMS = {
    "response_format": '{"type": "json_schema", "json_schema": {"name": ..., "schema": SCHEMA}}',
    "json_schema": '{"name": ..., "schema": SCHEMA}',
    "text": '{"format": {"type": "json_schema", "name": ..., "schema": SCHEMA}}',
    "output_config": '{"format": {"type": "json_schema", "schema": SCHEMA}}',
}


def _unsendable(kind: Any, value: Any, where: str) -> str:
    """The clause that says why a value cannot be sent, and what to give."""
    if isinstance(value, Awaitable):
        return "cannot be sent as JSON: await it, and give the result"
    if hasattr(value, "collect"):
        return "cannot be sent as JSON: give a part of what its collect() returns"
    if isinstance(value, io.TextIOBase):
        return "gives text: open the file in binary mode, or give its text"
    if isinstance(value, type) and (form := _SCHEMA_FORMS.get(where.rpartition(".")[2])):
        return f"cannot be sent as JSON; give {form.replace('SCHEMA', value.__name__)}"
    instead = "plain values, lists, dicts or models" if kind is Any else describe_kind(kind, where)
    return f"cannot be sent as JSON; give {instead}"


def read_bytes(file: IO[bytes], where: str, size: int = -1) -> bytes:
    """Read from a caller's file.

    Raises:
        ConfigurationError: ``read()`` returns text (some text files are not ``TextIOBase``) or a coroutine (as the upload
            files of web frameworks do).
    """
    from ollama_sdk._files import read_opened  # imported only for files

    data: Any = read_opened(file, where, size)
    if _is_bytes(data):
        return data
    if isinstance(data, Coroutine):
        data.close()
    raise ConfigurationError(
        f"{where} is {with_article(file)}, whose read() gives {with_article(data)}; give bytes, or a file opened in binary mode"
    )


def dumps(data: Any) -> bytes:
    """Convert encoded data to JSON text.

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
    """Encoded data in which each :class:`_ExactInt` is a fragment of JSON, because orjson does not write such integers."""
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
