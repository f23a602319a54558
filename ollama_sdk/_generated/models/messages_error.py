# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesError: The error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesError(Model):
    """The error.

    Attributes:
        message: The error message.
        type: The type of error.
    """

    message: str
    type: Literal["api_error", "invalid_request_error", "not_found_error", "overloaded_error"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
