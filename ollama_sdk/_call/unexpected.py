"""Explains a keyword argument that a method does not have; imported only for the error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import attrs

from ollama_sdk._codec.resolve import is_model
from ollama_sdk._habits import explain_argument

from .operation import Operation

__all__ = ["unexpected_argument", "unexpected_keyword"]

_OF_EVERY_METHOD = ("extra_headers", "extra_query", "extra_body", "timeout")


def unexpected_argument(operation: Operation[Any, Any], others: Iterable[str]) -> TypeError:
    """Return the error about the first of the arguments that the method of an operation does not have."""
    models = import_module(operation.models)
    fields = {a.name: _fields(models, a.kind) for a in operation.arguments if a.place == "body"}
    own = {field: argument for argument, names in reversed(fields.items()) for field in names}
    streams = operation.streaming is not None and operation.streaming.is_asked_for
    known = [*(a.name for a in operation.arguments), *_OF_EVERY_METHOD, *(["stream"] if streams else [])]
    extra = "extra_body" if operation.body in {"json", "multipart"} else "extra_query"
    native = [] if "options" in fields else ["options", *_fields(models, "Options")]
    said = explain_argument(operation.name, next(iter(others)), known=known, fields=own, native=native, extra=extra)
    return TypeError(said)


def unexpected_keyword(method: str, others: Iterable[str], known: Iterable[str], extra: str = "") -> TypeError:
    """Return the error about the first of the arguments that a method without an operation does not have.

    Args:
        method: Its name.
        others: The arguments.
        known: The arguments that it has.
        extra: The one that takes what the server may know; empty without.
    """
    return TypeError(explain_argument(method, next(iter(others)), known=[*known], fields={}, native=[], extra=extra))


def _fields(models: Any, kind: str) -> Sequence[str]:
    """The fields of a model; none of any other type."""
    model = getattr(models, kind, None)
    return [f.name for f in attrs.fields(model) if f.name != "additional_properties"] if is_model(model) else []
