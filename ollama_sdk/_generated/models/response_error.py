# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseError: Why a response failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseError(Model):
    """Why a response failed.

    Attributes:
        message: The error message.
        code: The code of the error.
    """

    message: str
    code: Literal["api_error", "authentication_error", "rate_limit_exceeded"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
