# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneUsage: Token counts of a call; the shared part of the questions is counted for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class SystemOneUsage(Model):
    """Token counts of a call; the shared part of the questions is counted for each of them.

    Attributes:
        input_tokens: Number of tokens in the input.
        output_tokens: Number of tokens in the answers.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
