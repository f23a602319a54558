# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseError: Why a response failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseError(Model):
    """Why a response failed.

    Attributes:
        message: The error message.
        code: The code of the error.
    """

    message: str
    code: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
