"""The base class of every model, and the fields that the interface document gives a model."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Self

import attr

from ollama_sdk._json import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .codec import Codec

__all__ = ["Model", "document_fields", "empty_list", "wire_name"]

_OTHERS = "additional_properties"

# A repr must not fill a notebook or a log.
_LONGEST_REPR = 300  # characters
_BRIEFER = ((80, 6), (40, 3), (24, 1))  # characters of one text, and items of one list; tried in this order


class Model:  # noqa: PLW1641 - a model can be changed, so it has no hash
    """The base of every generated model: an attrs class whose fields are the document's, ``None`` where absent.

    Attributes:
        additional_properties: Fields that the document does not list, or lists with another type, by JSON name; :meth:`to_dict`
            includes them.
        FROM_FUNCTION: The template of the object that describes a Python function; ``None`` if a function is not accepted.
    """

    __slots__ = ()
    FROM_FUNCTION: ClassVar[dict[str, Any] | None] = None
    __attrs_attrs__: ClassVar[tuple[attr.Attribute[Any], ...]]
    additional_properties: dict[str, Any]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a model from decoded JSON.

        Args:
            data: The JSON object, by JSON field names.

        Raises:
            DecodeError: A required field is missing, or a part of the content has another type than in the document; ``.where``
                is the path, such as ``message.tool_calls[0].function``. Metadata that does not fit reads as absent.
        """
        model: Self = _codec_for(cls).decode(cls, data)
        return model

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON-ready data: the fields that are not ``None`` by JSON name, then the additional properties.

        Raises:
            ConfigurationError: A value cannot be sent as JSON, or a file to be sent cannot be read.
        """
        data: dict[str, Any] = _codec_for(type(self)).encode(type(self), self, "")
        return data

    def to_json(self) -> str:
        """Convert to JSON text: that of :meth:`to_dict`, without spaces.

        Raises:
            ConfigurationError: As :meth:`to_dict`.
        """
        import json

        import orjson

        data = self.to_dict()
        try:
            return orjson.dumps(data).decode()
        except TypeError:  # integers beyond 64 bits, and half a character of an interrupted text
            return json.dumps(data, separators=(",", ":"))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let Pydantic validate and serialize this class, as a field of its models and in FastAPI's routes."""
        from .pydantic_bridge import core_schema_of  # imported only for Pydantic

        return core_schema_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe this class in the JSON schema of such a model or route."""
        from .pydantic_bridge import json_schema_of

        return json_schema_of(cls)

    # Access by JSON name, like that of a dict; other methods of a dict are left out

    def __getitem__(self, name: str) -> Any:
        for each, value in _present(self):
            if each == name:
                return value
        known = ", ".join(self.keys()) or "nothing"
        raise KeyError(f"{type(self).__name__} has no {name!r} here; it has {known}")

    def __contains__(self, name: object) -> bool:
        return any(each == name for each, _ in _present(self))

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field by its JSON name.

        Args:
            name: The JSON name of a field, or of an additional property.
            default: Returned if the field is ``None`` or does not exist.
        """
        return next((value for each, value in _present(self) if each == name), default)

    def keys(self) -> list[str]:
        """The JSON names of the fields that are not ``None``, and of the additional properties."""
        return [name for name, _ in _present(self)]

    # Equality and repr are here, because generated methods of each model would take a quarter of the time of defining it.

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, a.name) == getattr(other, a.name) for a in attr.fields(type(self)))

    def __repr__(self) -> str:
        """The fields that are not ``None``, in 300 characters at most: long texts and lists are shortened."""
        shown = ""
        for text, items in _BRIEFER:
            shown = _shown(self, text, items)
            if len(shown) <= _LONGEST_REPR:
                return shown
        return f"{shown[: _LONGEST_REPR - 4]}...)"

    def _repr_markdown_(self) -> str | None:
        """The text of a reply, for notebooks."""
        from ollama_sdk._display import markdown_of  # imported only for notebooks

        return markdown_of(self)

    def _repr_html_(self) -> str | None:
        """Lists, details and vectors, for notebooks."""
        from ollama_sdk._display import html_of

        return html_of(self)

    if not TYPE_CHECKING:  # for a type checker, any attribute would exist
        __iter__ = None  # else Python would iterate through __getitem__ with 0, 1, 2 ...

        def __getattr__(self, name: str) -> Any:
            """Raise an error that names the counterpart of a Pydantic method."""
            ours = _PYDANTIC.get(name)
            hint = f"; use {ours}" if ours else ""
            text = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            raise AttributeError(text, name=name, obj=self)


_PYDANTIC = {
    "model_dump": "to_dict()",
    "dict": "to_dict()",
    "model_dump_json": "to_json()",
    "json": "to_json()",
    "model_copy": "attrs.evolve(x, ...)",
    "model_fields": "attrs.fields(type(x))",
}


def _shown(value: Any, text: int, items: int) -> str:
    """The short repr of a value; parts are shortened before they are formatted, so the cost does not grow with its size.

    Args:
        value: A value of a model.
        text: The most characters of one text.
        items: The most items of one list or object.
    """
    if isinstance(value, Model):
        fields = ((a.name, getattr(value, a.name)) for a in attr.fields(type(value)))
        present = [(name, each) for name, each in fields if each is not None and (each or name != _OTHERS)]
        return f"{type(value).__name__}({', '.join(f'{name}={_shown(each, text, items)}' for name, each in present)})"
    if isinstance(value, (str, bytes)):
        return repr(value) if len(value) <= text else f"{value[:text]!r}... ({len(value)} long)"
    if is_list(value):
        inner = [_shown(each, text, items) for each in value[:items]]
        return f"[{', '.join(inner)}{_left_out(len(value), items)}]"
    if is_object(value):
        inner = [f"{key!r}: {_shown(value[key], text, items)}" for key in islice(value, items)]
        return f"{{{', '.join(inner)}{_left_out(len(value), items)}}}"
    return repr(value)


def _left_out(count: int, shown: int) -> str:
    return f", ... ({count} in all)" if count > shown else ""


def _present(model: Model) -> Iterator[tuple[str, Any]]:
    """The JSON names and the values of the fields that are not ``None``, then the additional properties."""
    others = additional_properties_of(model)
    for attribute in document_fields(type(model)):
        value = getattr(model, attribute.name)
        if value is not None and wire_name(attribute) not in others:
            yield wire_name(attribute), value
    yield from others.items()


def additional_properties_of(model: Model) -> dict[str, Any]:
    """The additional properties, without those of fields that were set afterwards."""
    others = model.additional_properties
    if not others or not is_object(others):
        return others
    fields = [field for field in document_fields(type(model)) if wire_name(field) in others]
    set_since = {wire_name(field) for field in fields if getattr(model, field.name) != _default_of(field)}
    return {name: value for name, value in others.items() if name not in set_since} if set_since else others


def misfits_of(model: Model) -> list[str]:
    """The JSON names of the fields whose value had another type than in the document, so that it is an additional property."""
    others = additional_properties_of(model)
    return [wire_name(field) for field in document_fields(type(model)) if wire_name(field) in others] if others else []


def _default_of(field: attr.Attribute[Any]) -> Any:
    default: Any = field.default
    return default.factory() if hasattr(default, "factory") else default


def _codec_for(model: type[Model]) -> Codec:
    """The codec of the package that a model belongs to."""
    from .codec import codec_of  # the codec imports this module

    return codec_of(model.__module__.rpartition(".")[0])


def document_fields(model: type[Model]) -> list[attr.Attribute[Any]]:
    """The fields of a model in the document's order, without ``additional_properties``."""
    return [attribute for attribute in attr.fields(model) if attribute.name != _OTHERS]


def wire_name(attribute: attr.Attribute[Any]) -> str:
    """The JSON name of a model's field."""
    name: str = attribute.metadata.get("wire", attribute.name)
    return name


def empty_list() -> list[Any]:
    """The default of a list field: the server sends ``null`` for an empty list, or leaves the field out."""
    return []
