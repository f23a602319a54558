"""The base class of every model, and the fields that the interface document gives a model."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any, ClassVar, Self

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .codec import Codec

__all__ = ["Model", "document_fields", "empty_list", "wire_name"]

_OTHERS = "additional_properties"

# Embeddings of thousands of numbers and base64 of images would fill a notebook or a log.
_BRIEF = reprlib.Repr()
_BRIEF.maxlist, _BRIEF.maxdict, _BRIEF.maxstring, _BRIEF.maxother = 12, 24, 1000, 10_000


class Model:
    """The base of every generated model: an attrs class whose fields are the document's, ``None`` where absent.

    Attributes:
        additional_properties: Fields that the document does not know, by their JSON names; :meth:`to_dict` sends them back.
    """

    __slots__ = ()
    __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]
    additional_properties: dict[str, Any]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a model from decoded JSON.

        Args:
            data: The JSON object, by JSON field names.

        Raises:
            DecodeError: A required field is missing or a value has another type than the document says; ``.where`` is its
                path, such as ``message.tool_calls[0].function``.
        """
        model: Self = _codec_for(cls).decode(cls, data)
        return model

    def to_dict(self) -> dict[str, Any]:
        """Make JSON-ready data: the fields that are not ``None`` by their JSON names, then the additional properties.

        Raises:
            ConfigurationError: A value cannot be sent as JSON, or a file to be sent cannot be read.
        """
        data: dict[str, Any] = _codec_for(type(self)).encode(type(self), self, "")
        return data

    def __repr__(self) -> str:
        """The fields that hold something; long values are shortened."""
        values = ((a.name, getattr(self, a.name)) for a in attrs.fields(type(self)))
        shown = ", ".join(
            f"{name}={_BRIEF.repr(value)}" for name, value in values if value is not None and (value or name != _OTHERS)
        )
        return f"{type(self).__name__}({shown})"


def _codec_for(model: type[Model]) -> Codec:
    """The codec of the package that a model belongs to."""
    from .codec import codec_of  # the codec imports this module

    return codec_of(model.__module__.rpartition(".")[0])


def document_fields(model: type[Model]) -> list[attrs.Attribute[Any]]:
    """The fields that the document gives a model, in the document's order: all but ``additional_properties``."""
    return [attribute for attribute in attrs.fields(model) if attribute.name != _OTHERS]


def wire_name(attribute: attrs.Attribute[Any]) -> str:
    """The JSON name of a model's field."""
    name: str = attribute.metadata.get("wire", attribute.name)
    return name


def empty_list() -> list[Any]:
    """The default of a list field: the server sends ``null`` for an empty list, or leaves the field out."""
    return []
