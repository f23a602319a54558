"""Decides which field of a JSON object selects the model of a union.

The generator calls the same function to refuse a document whose unions the codec could not read.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

__all__ = ["Discriminator", "Variant", "discriminator_of"]

ModelT = TypeVar("ModelT")


class Variant(NamedTuple, Generic[ModelT]):
    """One model of a union.

    Attributes:
        model: The model.
        constants: The values of each field that takes only constants, by JSON name, in the order of the model.
        required: The JSON names of the fields that every such object has.
    """

    model: ModelT
    constants: Mapping[str, Sequence[Any]]
    required: Container[str]


class Discriminator(NamedTuple, Generic[ModelT]):
    """How a decoder chooses among the models of a union.

    Attributes:
        tag: The JSON name of the field that decides; ``""`` if there is none.
        values: Each value of that field with its model. In a readable union, each value occurs once.
        others: The models for any other value and for a missing one. A readable union has at most one.
    """

    tag: str
    values: Sequence[tuple[Any, ModelT]]
    others: Sequence[ModelT]


def discriminator_of(variants: Iterable[Variant[ModelT]]) -> Discriminator[ModelT]:
    """Choose the first field with constants of the first model that has one.

    A model takes the values of that field; a model without the field, or with an optional one, takes all other values.

    Args:
        variants: The models, in the order of the union.
    """
    every = list(variants)
    tag = next((name for variant in every for name in variant.constants), "")
    return Discriminator(
        tag,
        [(value, variant.model) for variant in every for value in variant.constants.get(tag, ())],
        [v.model for v in every if tag not in v.constants or tag not in v.required],
    )
