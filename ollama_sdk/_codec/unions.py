"""Decides which member of a union a JSON value belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import attr

from .model import Model, document_fields, wire_name
from .resolve import Resolver, is_model, mark_of

__all__ = ["Choice", "choice_of", "json_classes"]


class Choice:
    """How the models of one union are distinguished.

    Attributes:
        tag: The JSON name of the field that decides; ``""`` if the union has a single model.
        models: The models by the values of that field.
        other: The model for any other value; ``None`` if an object with another value fits no model.
    """

    __slots__ = ("models", "other", "tag")

    def __init__(self, tag: str, models: Mapping[Any, type[Model]], other: type[Model] | None) -> None:
        self.tag = tag
        self.models = models
        self.other = other

    def model_for(self, data: Mapping[Any, Any]) -> type[Model] | None:
        """The model of a JSON object; ``None`` if it fits no model."""
        value = data.get(self.tag)
        return self.models.get(value, self.other) if isinstance(value, (str, int)) else self.other


def choice_of(resolver: Resolver, members: Sequence[Any]) -> Choice | None:
    """Find what distinguishes the models among the members of a union; :func:`discriminator_of` decides.

    Args:
        resolver: Resolves the annotations of the models' fields.
        members: The members of the union, in its order.

    Returns:
        The choice, or ``None`` if no member is a model.
    """
    models = tuple(member for member in members if is_model(member))
    return _choice_between(resolver, models) if models else None


@cache
def _choice_between(resolver: Resolver, models: tuple[type[Model], ...]) -> Choice:
    if len(models) == 1:
        return Choice("", {}, models[0])
    from .discriminator import Variant, discriminator_of  # imported only for several models

    decision = discriminator_of(Variant(model, *_marks(resolver, model)) for model in models)
    return Choice(decision.tag, dict(decision.values), decision.others[-1] if decision.others else None)


def _marks(resolver: Resolver, model: type[Model]) -> tuple[dict[str, tuple[Any, ...]], set[str]]:
    """The values of each field that takes only constants, and the required fields, by JSON name."""
    fields = document_fields(model)
    kinds = {wire_name(field): resolver.field_type(field) for field in fields}
    constants = {name: get_args(kind) for name, kind in kinds.items() if get_origin(kind) is Literal}
    required = {wire_name(field) for field in fields if field.default is attr.NOTHING}
    return constants, required


_JSON_CLASSES: dict[Any, tuple[type, ...]] = {
    str: (str,), bool: (bool,), int: (int,), float: (float, int), datetime: (str,), list: (list,), dict: (dict,),
    type(None): (type(None),), "base64": (str,), "json-schema": (dict,), "float32-base64": (list, str),
}  # fmt: skip


def json_classes(kind: Any) -> tuple[type, ...]:
    """The Python classes of decoded JSON that a type is read from."""
    if is_model(kind):
        return (dict,)
    origin = get_origin(kind)
    if origin is Literal:
        return tuple({value.__class__ for value in get_args(kind)})
    if origin is Annotated:
        return _JSON_CLASSES[mark_of(kind)]
    return _JSON_CLASSES.get(origin or kind, ())
