"""Turns arguments and models into JSON-ready data, and that into JSON text."""

from __future__ import annotations

import binascii
import io
import math
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence, ValuesView
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, TypeGuard, get_args, get_origin

import orjson

from ollama_sdk.errors import ConfigurationError

from .check import describe_kind, with_article
from .model import Model, document_fields, wire_name
from .resolve import is_model, mark_of, union_members
from .unions import choice_between

if TYPE_CHECKING:
    from .annotations import SupportsJSONSchema
    from .resolve import Resolver

__all__ = ["Encoder", "dumps"]

# Classes whose values are JSON already; a bool is here because it is the most frequent, a float is not: it may be infinite.
_JSON_SCALARS = frozenset({str, int, bool})


class Encoder:
    """Encodes by annotation. A value goes before its annotation: a model, a dict or a list is what it is.

    Args:
        resolver: Resolves annotations.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._kinds: dict[type[Model], dict[str, Any]] = {}  # the annotations of a model's fields, by their JSON names

    def encode(self, annotation: Any, value: Any, where: str) -> Any:
        """Encode as :meth:`Codec.encode` does.

        Raises:
            ConfigurationError: As :meth:`Codec.encode`.
            RecursionError: The value holds itself, or is nested too deeply.
        """
        if value is None or value.__class__ in _JSON_SCALARS:
            return value
        if isinstance(value, float):
            if math.isfinite(value):
                return float(value)
            raise ConfigurationError(f"{where or 'the value'} is {value}, which cannot be sent as JSON")
        if isinstance(value, Model):
            fields = {wire_name(field): getattr(value, field.name) for field in document_fields(type(value))}
            others = self.encode(Any, value.additional_properties, where)
            return self._encode_fields(type(value), fields, where) | others
        kind = self._resolver.resolve(annotation)
        if _is_mapping(value):
            return self._encode_mapping(kind, value, where)
        if _is_array(value):
            item = next((get_args(m)[0] for m in union_members(kind) if get_origin(m) in {list, Sequence}), Any)
            return [self.encode(item, part, f"{where}[{i}]") for i, part in enumerate(value)]
        plain = _plain(value)
        if plain is not value:
            return self.encode(annotation, plain, where)
        return _encode_scalar(kind, value, where)

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
            return self._encode_fields(model, value, where)
        item = next((get_args(m)[1] for m in members if get_origin(m) in {dict, Mapping}), Any)
        return {name: self.encode(item, part, f"{where}.{name}".lstrip(".")) for name, part in value.items()}

    def _encode_fields(self, model: type[Model], value: Mapping[str, Any], where: str) -> dict[str, Any]:
        kinds = self._kinds.get(model)
        if kinds is None:
            kinds = self._kinds[model] = {wire_name(field): field.type for field in document_fields(model)}
        return {
            name: self.encode(kinds.get(name, Any), part, f"{where}.{name}".lstrip("."))
            for name, part in value.items()
            if part is not None or name not in kinds
        }


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
    return not is_other and isinstance(value, (Iterator, ValuesView))


def _is_binary_file(value: Any) -> TypeGuard[IO[bytes]]:
    return hasattr(value, "read") and not isinstance(value, io.TextIOBase)


def _plain(value: Any) -> Any:
    """The plain value that one of another library stands for, such as a NumPy or torch array; any other as it is."""
    if _is_iterator(value):
        return list(value)
    if isinstance(value, type) or _is_bytes(value) or not hasattr(value, "tolist"):
        return value
    return value.tolist()


def _encode_scalar(kind: Any, value: Any, where: str) -> Any:
    """Encode what is neither a model nor a container."""
    if isinstance(value, (str, int)):  # subclasses: enumerations
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    marks = {mark_of(member) for member in union_members(kind) if get_origin(member) is Annotated}
    if "base64" in marks and _is_bytes(value):
        return binascii.b2a_base64(value, newline=False).decode("ascii")
    if "base64" in marks and _is_path(value):
        return binascii.b2a_base64(_read(value, where), newline=False).decode("ascii")
    if "json-schema" in marks and isinstance(value, type) and hasattr(value, "model_json_schema"):
        schema_class: type[SupportsJSONSchema] = value
        return schema_class.model_json_schema()
    if "base64" in marks and _is_binary_file(value):
        return binascii.b2a_base64(value.read(), newline=False).decode("ascii")
    raise ConfigurationError(
        f"{where or 'the value'} is {with_article(value)}, which {_unsendable(kind, value, where)}"
    )


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


def _read(path: PathLike[str], where: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise ConfigurationError(f"{where}: the file {str(path)!r} cannot be read: {exc.strerror}") from exc


def dumps(data: Any) -> bytes:
    """Make JSON text of encoded data.

    Raises:
        ConfigurationError: A number is too large, or a string is not valid Unicode; the message gives its path.
    """
    try:
        return orjson.dumps(data)
    except (TypeError, orjson.JSONEncodeError) as exc:
        raise ConfigurationError(f"{_find_unsendable(data, '') or 'the value'} cannot be sent as JSON: {exc}") from exc


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
        except (TypeError, orjson.JSONEncodeError):
            return _find_unsendable(part, path)
    return where
