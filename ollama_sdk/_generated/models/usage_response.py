# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""UsageResponse: What an account has used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .usage_bucket import UsageBucket
    from .usage_counters import UsageCounters


@define(kw_only=True, repr=False)
class UsageResponse(Model):
    """What an account has used.

    Attributes:
        buckets: The use by hour or day, oldest first; also those without any.
        range: How far back.
        scope: Whose use.
        granularity: How long a bucket is.
        from_: Start of the range.
        until: End of the range, which is not part of it.
        totals: The use of the whole range.
    """

    buckets: list[UsageBucket]
    range: Literal["24h", "30d", "7d"] | str | None = None
    scope: Literal["self", "team"] | str | None = None
    granularity: Literal["day", "hour"] | str | None = None
    from_: datetime | None = field(default=None, metadata={"wire": "from"})
    until: datetime | None = None
    totals: UsageCounters | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
