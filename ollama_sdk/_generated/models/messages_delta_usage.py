# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesDeltaUsage: Token counts of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesDeltaUsage(Model):
    """Token counts of a message. The first servers with this route count only the answer here.

    Attributes:
        input_tokens: Number of tokens in the input, from Ollama 0.33.3 on without those that were found in the
            cache. Since Ollama 0.15.5.
        output_tokens: Number of tokens in the answer.
        cache_read_input_tokens: Number of further tokens in the input that were found in the cache. Since Ollama
            0.33.3.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
