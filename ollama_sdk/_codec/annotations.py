"""Names for the types, beyond plain JSON, that signatures and models use; each mark says how a value is converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from types import UnionType
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeAlias

__all__ = [
    "Base64",
    "FileContent",
    "FloatVector",
    "JSONSchema",
    "OtherTag",
    "Picture",
    "SupportsJSONSchema",
    "SupportsSchema",
]


class SupportsJSONSchema(Protocol):
    """A class that describes itself as a JSON schema; every Pydantic model does."""

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        """The JSON schema of this class."""
        ...


class SupportsSchema(Protocol):
    """What has a JSON schema, as Pydantic's ``TypeAdapter`` has."""

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema."""
        ...

    def validate_json(self, data: str, /) -> Any:
        """The value that JSON text stands for."""
        ...


class Picture(Protocol):
    """An image of Pillow; it is sent as PNG."""

    @property
    def mode(self) -> str:
        """How its pixels are stored."""
        ...

    def convert(self, mode: str, /) -> Any:
        """The same picture, with its pixels stored in another way."""
        ...

    def save(self, fp: Any, kind: str | None = ..., /) -> None:
        """Write it to a file."""
        ...


if TYPE_CHECKING:
    Base64: TypeAlias = Annotated[str | bytes | PathLike[str] | IO[bytes] | Picture, "base64"]
    """Binary data in JSON: ``bytes``, the file at a path, an open binary file and an image of Pillow are encoded when sent.

    A ``str`` is base64 already, and is never opened as a file.
    """
else:
    Base64: TypeAlias = Annotated[str | bytes | PathLike[str], "base64"]  # what Pydantic can describe

JSONSchema: TypeAlias = Annotated[
    dict[str, Any] | Mapping[str, Any] | type[Any] | UnionType | SupportsSchema, "json-schema"
]
"""A JSON schema, or a type that Pydantic describes by one: a model, a dataclass, a TypedDict, ``list[Colour]``, a TypeAdapter."""

FloatVector: TypeAlias = Annotated[Sequence[float], "float32-base64"]
"""``[dimensions]`` floats: a list where the server sent numbers, an ``array('f')`` where it sent base64 of 32-bit floats.

NumPy, PyTorch and ``memoryview`` take such an array without copying a number.
"""

FileContent: TypeAlias = bytes | PathLike[str] | IO[bytes]
"""The content of a file to upload: bytes, a path, or a binary file open for reading from where it stands."""

if TYPE_CHECKING:
    OtherTag: TypeAlias = Literal["any other"]
    """A text that is none of those by which the other members of a union are known.

    Checkers have no type for that. With this one, a comparison with one of those narrows the union. For a comparison with another
    text they need ``str(event.type)``, and a new model of this kind is made by ``from_dict``, or given as a dict. At run time it
    is any text.
    """
else:
    OtherTag = str
