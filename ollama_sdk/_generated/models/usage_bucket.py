# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""UsageBucket: The usage in one hour or day, in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime


@define(kw_only=True, eq=False, repr=False)
class UsageBucket(Model):
    """The usage in one hour or day, in UTC. With an old plan that includes requests, only their number is present.

    Attributes:
        from_: Start of the bucket.
        until: End of the bucket (exclusive).
        partial: Whether the hour or day is still running; absent if not.
        request_count: Number of requests.
        usage_usd: The cost, in US dollars.
        input_tokens: Number of tokens in the input.
        cached_input_tokens: How many of these were found in the server's cache.
        output_tokens: Number of tokens in the answers.
    """

    from_: datetime | None = field(default=None, metadata={"wire": "from"})
    until: datetime | None = None
    partial: bool | None = None
    request_count: int | None = None
    usage_usd: float | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
