# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseIncompleteDetails: Why a response is incomplete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseIncompleteDetails(Model):
    """Why a response is incomplete.

    Attributes:
        reason: The reason.
    """

    reason: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
