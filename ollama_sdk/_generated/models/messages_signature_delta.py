# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesSignatureDelta: Signature of the thinking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesSignatureDelta(Model):
    """Signature of the thinking.

    Attributes:
        type: The type of part.
        signature: The signature.
    """

    type: Literal["signature_delta"]
    signature: str = field(default="", metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
