"""The types beyond plain JSON in signatures and models; the mark of each says how a value is converted."""

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
    "SupportsSchema",
]


class SupportsSchema(Protocol):
    """An object with a JSON schema, such as Pydantic's ``TypeAdapter``."""

    def json_schema(self) -> dict[str, Any]:
        """The JSON schema."""
        ...

    def validate_json(self, data: str, /) -> Any:
        """Parse and validate JSON text."""
        ...


if TYPE_CHECKING:

    class SupportsJSONSchema(Protocol):
        """A class that describes itself as a JSON schema; every Pydantic model does."""

        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            """The JSON schema of this class."""
            ...

    class Picture(Protocol):
        """A Pillow image; it is sent as PNG."""

        @property
        def mode(self) -> str:
            """The pixel format."""
            ...

        def convert(self, mode: str, /) -> Any:
            """The same picture in another pixel format."""
            ...

        def save(self, fp: Any, kind: str | None = ..., /) -> None:
            """Write it to a file."""
            ...

    Base64: TypeAlias = Annotated[str | bytes | PathLike[str] | IO[bytes] | Picture, "base64"]
    """Binary data in JSON: ``bytes``, a file path, an open binary file and a Pillow image are encoded when sent.

    A ``str`` is taken as base64 text, and is never opened as a file.
    """
else:
    Base64: TypeAlias = Annotated[str | bytes | PathLike[str], "base64"]  # the part that Pydantic can describe

JSONSchema: TypeAlias = Annotated[
    dict[str, Any] | Mapping[str, Any] | type[Any] | UnionType | SupportsSchema, "json-schema"
]
"""A JSON schema, or a type that Pydantic can describe: a model, a dataclass, a TypedDict, ``list[Colour]``, a TypeAdapter."""

FloatVector: TypeAlias = Annotated[Sequence[float], "float32-base64"]
"""``[dimensions]`` floats: a list if the server sent numbers, an ``array('f')`` if it sent base64 of 32-bit floats.

NumPy, PyTorch and ``memoryview`` take such an array without a copy.
"""

FileContent: TypeAlias = bytes | PathLike[str] | IO[bytes]
"""The content of a file to upload: bytes, a path, or an open binary file, which is read from its current position."""

if TYPE_CHECKING:
    OtherTag: TypeAlias = Literal["any other"]
    """The tag of a union member that takes every tag except those of the other members; at run time any ``str``.

    Type checkers cannot express that. With this type, comparing a tag with a known value narrows the union. To compare it with
    an unknown value, write ``str(event.type)``; to make such a model, call ``from_dict`` or pass a dict.
    """
else:
    OtherTag = str
