# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""UsageResponse: The usage of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .usage_bucket import UsageBucket
    from .usage_counters import UsageCounters


@define(kw_only=True, eq=False, repr=False)
class UsageResponse(Model):
    """The usage of an account.

    Attributes:
        buckets: The usage by hour or day, oldest first; periods without usage are included.
        range: The time range.
        scope: The users that count.
        granularity: The length of a bucket.
        from_: Start of the range.
        until: End of the range (exclusive).
        totals: The usage in the whole range.
    """

    buckets: list[UsageBucket]
    range: Literal["24h", "30d", "7d"] | str | None = None
    scope: Literal["self", "team"] | str | None = None
    granularity: Literal["day", "hour"] | str | None = None
    from_: datetime | None = field(default=None, metadata={"wire": "from"})
    until: datetime | None = None
    totals: UsageCounters | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
