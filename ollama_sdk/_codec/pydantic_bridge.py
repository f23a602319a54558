"""Makes models usable in Pydantic and FastAPI: their validation, serialization and JSON schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import attrs

from ollama_sdk._json import is_list, is_object
from ollama_sdk.errors import OllamaError

from .codec import codec_of
from .model import Model, document_fields, misfits_of, wire_name
from .resolve import is_model, mark_of, union_members

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["core_schema_of", "json_schema_of"]

_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time"},
    type(None): {"type": "null"},
}
_MARKED: dict[str, dict[str, Any]] = {
    "base64": {"type": "string", "format": "byte"},
    "json-schema": {"type": "object"},
    "float32-base64": {"type": "array", "items": {"type": "number"}},
}


def core_schema_of(model: type[Model]) -> CoreSchema:
    """The schema by which Pydantic validates and serializes a model: an instance unchanged, a dict as the document says."""
    from pydantic_core import (
        PydanticCustomError,
        core_schema,
    )  # an optional dependency; here Pydantic itself is the caller

    def validate(value: Any) -> Model:
        if isinstance(value, model):
            return value
        if not is_object(value):
            raise PydanticCustomError(
                "ollama_model", "Input should be an object or a {model}", {"model": model.__name__}
            )
        try:
            made = model.from_dict(value)
        except OllamaError as exc:
            raise PydanticCustomError("ollama_model", "{problem}", {"problem": str(exc)}) from None
        misfit = next(_misfits(made, ""), "")
        if misfit:  # a server's reply may have it; this may be anybody's input
            raise PydanticCustomError("ollama_model", "{misfit} has another type than documented", {"misfit": misfit})
        return made

    def serialize(value: Model) -> dict[str, Any]:
        return value.to_dict()

    return core_schema.no_info_plain_validator_function(
        validate, serialization=core_schema.plain_serializer_function_ser_schema(serialize)
    )


def _misfits(value: Any, path: str) -> Iterator[str]:
    """The paths to the fields that read as absent because of their types."""
    if isinstance(value, Model):
        for name in misfits_of(value):
            yield f"{path}.{name}".lstrip(".")
        for field in document_fields(type(value)):
            yield from _misfits(getattr(value, field.name), f"{path}.{wire_name(field)}".lstrip("."))
    elif is_list(value):
        for i, part in enumerate(value):
            yield from _misfits(part, f"{path}[{i}]")


def json_schema_of(model: type[Model], within: tuple[type[Model], ...] = ()) -> dict[str, Any]:
    """The JSON schema of a model; nested models are written in place, and a recursive one only once."""
    if model in within:
        return {"type": "object", "title": model.__name__}
    codec = codec_of(model.__module__.rpartition(".")[0])
    fields = document_fields(model)
    properties = {wire_name(field): _schema(codec.field_type(field), (*within, model)) for field in fields}
    return {
        "type": "object",
        "title": model.__name__,
        "description": (model.__doc__ or "").partition("\n\n")[0].strip(),
        "properties": properties,
        "required": [wire_name(field) for field in fields if field.default is attrs.NOTHING],
    }


def _schema(kind: Any, within: tuple[type[Model], ...]) -> dict[str, Any]:
    origin, arguments, members = get_origin(kind), get_args(kind), union_members(kind)
    if len(members) > 1:
        return {"anyOf": [_schema(each, within) for each in members]}
    if is_model(kind):
        return json_schema_of(kind, within)
    if origin is Annotated:
        return dict(_MARKED[mark_of(kind)])
    if origin is Literal:  # newer servers may send values that the document does not list
        values = list(arguments)
        return {"const": values[0]} if len(values) == 1 else {"type": "string", "examples": values}
    if origin in {list, Sequence}:
        return {"type": "array", "items": _schema(arguments[0], within)}
    if origin in {dict, Mapping}:
        return {"type": "object", "additionalProperties": _schema(arguments[1], within)}
    return dict(_SCALARS.get(kind, {}))
