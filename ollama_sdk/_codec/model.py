"""The base class of every model, and the fields that the interface document gives a model."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeGuard

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .codec import Codec

__all__ = ["Model", "document_fields", "empty_list", "wire_name"]

_OTHERS = "additional_properties"

# A repr fills no notebook and no log: characters of the whole, and of one text, and items of a list, the fewest at the end.
_LONGEST_REPR = 300
_BRIEFER = ((80, 6), (40, 3), (24, 1))


class Model:
    """The base of every generated model: an attrs class whose fields are the document's, ``None`` where absent.

    Attributes:
        additional_properties: Fields that the document does not know, by their JSON names; :meth:`to_dict` sends them back.
        FROM_FUNCTION: The object that describes a Python function where an argument takes one, else ``None``.
    """

    __slots__ = ()
    FROM_FUNCTION: ClassVar[dict[str, Any] | None] = None
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
        """The fields that hold something, in 300 characters at most: long texts and lists are shortened."""
        shown = ""
        for text, items in _BRIEFER:
            shown = _shown(self, text, items)
            if len(shown) <= _LONGEST_REPR:
                return shown
        return f"{shown[: _LONGEST_REPR - 4]}...)"

    if not TYPE_CHECKING:  # a checker knows which fields there are

        def __getattr__(self, name: str) -> Any:
            """Name the method that does here what ``name`` does in Pydantic."""
            ours = _PYDANTIC.get(name)
            hint = f"; use {ours}" if ours else ""
            text = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            raise AttributeError(text, name=name, obj=self)


_PYDANTIC = {
    "model_dump": "to_dict()",
    "dict": "to_dict()",
    "model_dump_json": "json.dumps(x.to_dict())",
    "json": "json.dumps(x.to_dict())",
    "model_copy": "attrs.evolve(x, ...)",
    "model_fields": "attrs.fields(type(x))",
}


def _shown(value: Any, text: int, items: int) -> str:
    """A value in brief; what is inside it is shortened before it is shown, so the cost does not grow with its size.

    Args:
        value: A value of a model.
        text: The most characters of one text.
        items: The most items of one list or object.
    """
    if isinstance(value, Model):
        fields = ((a.name, getattr(value, a.name)) for a in attrs.fields(type(value)))
        present = [(name, each) for name, each in fields if each is not None and (each or name != _OTHERS)]
        return f"{type(value).__name__}({', '.join(f'{name}={_shown(each, text, items)}' for name, each in present)})"
    if isinstance(value, (str, bytes)):
        return repr(value) if len(value) <= text else f"{value[:text]!r}... ({len(value)} long)"
    if _is_list(value):
        inner = [_shown(each, text, items) for each in value[:items]]
        return f"[{', '.join(inner)}{_left_out(len(value), items)}]"
    if _is_object(value):
        inner = [f"{key!r}: {_shown(value[key], text, items)}" for key in islice(value, items)]
        return f"{{{', '.join(inner)}{_left_out(len(value), items)}}}"
    return repr(value)


def _left_out(count: int, shown: int) -> str:
    return f", ... ({count} in all)" if count > shown else ""


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


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
