"""Resolves annotations from source text to types."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, reduce
from typing import TYPE_CHECKING, Any, Literal, TypeGuard, Union, get_args, get_origin

from . import annotations as _annotations
from .model import Model

if TYPE_CHECKING:
    import attr

__all__ = ["Resolver", "empty_of", "is_model", "mark_of", "union_members"]


class _Names(dict[str, Any]):
    """The names that an annotation may use; a model is imported at its first use."""

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


class Resolver:
    """Resolves annotations that name the models of one package.

    Args:
        models: The package; its attributes are the models.
    """

    def __init__(self, models: types.ModuleType) -> None:
        self._names = _Names(models)
        self._resolved: dict[str, Any] = {}

    def resolve(self, annotation: Any) -> Any:
        """The type of an annotation; a type is returned unchanged."""
        if not isinstance(annotation, str):
            return annotation
        found = self._resolved.get(annotation)
        if found is None:
            # The text comes from generated code, never from data.
            found = self._resolved[annotation] = eval(_compiled(annotation), {}, self._names)  # noqa: S307
        return found

    def field_type(self, field: attr.Attribute[Any]) -> Any:
        """The type of a model's field, without ``None``, and without the known values of a field that takes any text."""
        kind = self.resolve(field.type)
        members = [member for member in union_members(kind) if member is not type(None)]
        if str in members:
            members = [member for member in members if get_origin(member) is not Literal]
        return reduce(lambda one, other: one | other, members)

    def names_models(self, annotation: Any) -> bool:
        """Whether resolving an annotation would import models."""
        if not isinstance(annotation, str):
            return True
        return any(name not in self._names for name in _compiled(annotation).co_names)


# The fields of a model have few different annotations, and parsing them takes a good part of compiling its decoder.
@cache
def _compiled(annotation: str) -> types.CodeType:
    return compile(annotation, "annotation", "eval")


def empty_of(annotation: Any) -> str:
    """The source text of an annotation's empty value: ``[]`` for a list, ``{}`` for a dict, ``""`` for any other type.

    ``None`` in a union is ignored. The annotation is not resolved, because that could import models.
    """
    if not isinstance(annotation, str):
        members = [member for member in union_members(annotation) if member is not type(None)]
        origins = [getattr(get_origin(member), "__name__", "") for member in members]
    else:
        origins = _containers(annotation)
    return {"list": "[]", "dict": "{}"}.get(origins[0], "") if len(origins) == 1 else ""


@cache
def _containers(annotation: str) -> list[str]:
    if "list" not in annotation and "dict" not in annotation:
        return []
    return [_container(node) for node in _alternatives(ast.parse(annotation, mode="eval").body)]


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    """The members of a union except ``None``."""
    if isinstance(node, ast.BinOp):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    elif not (isinstance(node, ast.Constant) and node.value is None):
        yield node


def _container(node: ast.expr) -> str:
    """The name before the brackets of ``list[...]``."""
    return node.value.id if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) else ""


def is_model(kind: Any) -> TypeGuard[type[Model]]:
    """Whether a type is a model."""
    return isinstance(kind, type) and issubclass(kind, Model)


def union_members(kind: Any) -> tuple[Any, ...]:
    """The members of a union; any other type alone."""
    return get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)


def mark_of(kind: Any) -> str:
    """The mark of an ``Annotated`` type: how its values are converted."""
    mark: str = kind.__metadata__[0]
    return mark
