# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesWebSearchError: Why a web search has no results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesWebSearchError(Model):
    """Why a web search has no results.

    Attributes:
        type: The type of result.
        error_code: The code of the error.
    """

    type: str
    error_code: Literal["max_uses_exceeded", "unavailable"] | str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
