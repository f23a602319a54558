# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""BalanceLimit: A limit of an old plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime


@define(kw_only=True, eq=False, repr=False)
class BalanceLimit(Model):
    """A limit of an old plan.

    Attributes:
        remaining_percent: The remaining share, from 0 to 100.
        resets_at: When the limit is reset.
    """

    remaining_percent: float | None = None
    resets_at: datetime | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
