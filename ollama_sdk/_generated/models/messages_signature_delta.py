# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesSignatureDelta: Proof that thoughts are the model's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class MessagesSignatureDelta(Model):
    """Proof that thoughts are the model's own.

    Attributes:
        type: The kind of piece.
        signature: The proof.
    """

    type: Literal["signature_delta"]
    signature: str = ""
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
