# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""UsageCounters: What was used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class UsageCounters(Model):
    """What was used. Where requests of an old plan are included, there is only their number.

    Attributes:
        request_count: Number of requests.
        usage_usd: What it cost, in US dollars.
        input_tokens: Number of tokens in the input.
        cached_input_tokens: How many of these were found in the cache.
        output_tokens: Number of tokens in the answers.
    """

    request_count: int | None = None
    usage_usd: float | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
