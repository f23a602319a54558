# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseText: The format of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_text_format import ResponseTextFormat


@define(kw_only=True, eq=False, repr=False)
class ResponseText(Model):
    """The format of an answer.

    Attributes:
        format: The format.
    """

    format: ResponseTextFormat | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
