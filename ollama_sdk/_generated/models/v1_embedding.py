# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""V1Embedding: The embedding of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import FloatVector


@define(kw_only=True, eq=False, repr=False)
class V1Embedding(Model):
    """The embedding of a text.

    Attributes:
        embedding: The vector, of length 1: [dimensions]. In base64 it is little-endian 32-bit floats.
        object: The type of object.
        index: Index of the text, from 0.
    """

    embedding: FloatVector
    object: str | None = None
    index: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
