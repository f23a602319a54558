# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CompletionPromptTokensDetails: Details of the tokens of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class CompletionPromptTokensDetails(Model):
    """Details of the tokens of a prompt.

    Attributes:
        cached_tokens: How many of them were found in the server's cache.
    """

    cached_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
