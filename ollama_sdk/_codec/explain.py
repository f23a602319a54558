"""Explains where data does not fit its annotation, as the text of an error message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, get_args, get_origin

import attrs
import orjson

from ollama_sdk._json import is_list, is_object
from ollama_sdk.errors import EXCERPT_LENGTH

from .decode import MISMATCHES, is_metadata, value_when_missing
from .model import Model, document_fields, wire_name
from .resolve import empty_of, is_model, mark_of, union_members
from .unions import choice_of, json_classes

if TYPE_CHECKING:
    from .decode import Compiler
    from .resolve import Resolver

__all__ = ["Explainer", "Mismatch", "excerpt_of", "shorten"]

_LINE = 80
_WORDS: dict[Any, str] = {
    str: "a string", int: "an integer", float: "a number", bool: "true or false", datetime: "a time", list: "a list",
    dict: "an object", type(None): "null",
}  # fmt: skip


class Mismatch(NamedTuple):
    """The first value that does not fit.

    Attributes:
        where: Its path, such as ``message.tool_calls[0].id``; empty for the whole value.
        problem: Why it does not fit.
    """

    where: str
    problem: str


class Explainer:
    """Walks data along its annotation, slowly, after a compiled decoder has failed.

    Args:
        resolver: Resolves annotations.
        compiler: Makes the decoders that check values other than models, lists and objects.
    """

    def __init__(self, resolver: Resolver, compiler: Compiler) -> None:
        self._resolver = resolver
        self._compiler = compiler

    def explain(self, kind: Any, data: Any, where: str) -> Mismatch | None:
        """Find the first value that does not fit.

        Args:
            kind: The expected type.
            data: Decoded JSON.
            where: The path to ``data``.

        Returns:
            The mismatch, or ``None`` if everything fits.
        """
        if kind is Any:
            return None
        if is_model(kind):
            return self._explain_model(kind, data, where)
        origin, arguments, members = get_origin(kind), get_args(kind), union_members(kind)
        if len(members) > 1:
            return self._explain_union(members, data, where)
        if is_list(data) and (origin is list or _is_vector(kind)):
            return self._first(
                float if _is_vector(kind) else arguments[0], ((f"{where}[{i}]", item) for i, item in enumerate(data))
            )
        if origin is dict and is_object(data):
            return self._first(arguments[1], ((_join(where, name), item) for name, item in data.items()))
        try:
            decoder = self._compiler.decoder(kind)
            if decoder is not None:
                decoder(data)
        except MISMATCHES:
            return Mismatch(where, f"{shorten(data)} is not {_describe(kind)}")
        return None

    def _first(self, kind: Any, items: Iterable[tuple[str, Any]]) -> Mismatch | None:
        return next((found for where, data in items if (found := self.explain(kind, data, where))), None)

    def _explain_union(self, members: Sequence[Any], data: Any, where: str) -> Mismatch | None:
        choice = choice_of(self._resolver, members)
        if choice is not None and is_object(data):
            chosen = choice.model_for(data)
            if chosen is None:
                allowed = ", ".join(map(repr, choice.models))
                return Mismatch(_join(where, choice.tag), f"{shorten(data.get(choice.tag))} is none of {allowed}")
            return self._explain_model(chosen, data, where)
        fitting = [member for member in members if data.__class__ in json_classes(member)]
        if not fitting:
            return Mismatch(where, f"{shorten(data)} is not {' or '.join(map(_describe, members))}")
        return self.explain(fitting[0], data, where)

    def _explain_model(self, model: type[Model], data: Any, where: str) -> Mismatch | None:
        if not is_object(data):
            return Mismatch(where, f"{shorten(data)} is not {_describe(model)}")
        for field in document_fields(model):
            name = wire_name(field)
            default = value_when_missing(self._resolver, field)
            if name not in data and default is attrs.NOTHING:
                return Mismatch(_join(where, name), "the field is missing")
            if data.get(name) is None and (default is not attrs.NOTHING or empty_of(field.type)):
                continue
            if is_metadata(field):
                continue
            kind = self._resolver.field_type(field)
            if found := self.explain(kind, data[name], _join(where, name)):
                return found
        return None


def _is_vector(kind: Any) -> bool:
    return get_origin(kind) is Annotated and mark_of(kind) == "float32-base64"


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _describe(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        return mark_of(kind)
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, get_args(kind)))
    if is_model(kind):
        return "an object"
    plain = get_origin(kind) or kind
    return _WORDS[plain] if plain in _WORDS else str(getattr(kind, "__name__", kind))


def shorten(data: Any) -> str:
    """The repr of a value, cut to 80 characters."""
    text = repr(data)
    return text if len(text) <= _LINE else f"{text[: _LINE - 3]}..."


def excerpt_of(data: Any, raw: bytes | None) -> str:
    """The beginning of a reply, for :attr:`DecodeError.excerpt`: 200 bytes.

    Args:
        data: The reply, as decoded JSON.
        raw: The bytes it was decoded from, if they are known.
    """
    try:
        return (orjson.dumps(data, default=repr) if raw is None else raw)[:EXCERPT_LENGTH].decode(errors="replace")
    except (TypeError, orjson.JSONEncodeError):
        return ""
