# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesOtherDelta: A part of a type that this document does not define."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import OtherTag


@define(kw_only=True, eq=False, repr=False)
class MessagesOtherDelta(Model):
    """A part of a type that this document does not define.

    Attributes:
        type: The type of part.
    """

    type: OtherTag
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
