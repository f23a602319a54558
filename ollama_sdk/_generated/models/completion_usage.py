# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CompletionUsage: Token counts of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .completion_prompt_tokens_details import CompletionPromptTokensDetails


@define(kw_only=True, eq=False, repr=False)
class CompletionUsage(Model):
    """Token counts of a call.

    Attributes:
        prompt_tokens: Number of tokens in the prompt.
        completion_tokens: Number of tokens in the answer.
        total_tokens: Sum of both.
        prompt_tokens_details: Details of the prompt's tokens. Since Ollama 0.33.3.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: CompletionPromptTokensDetails | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
