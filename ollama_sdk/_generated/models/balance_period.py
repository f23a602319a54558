# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""BalancePeriod: A period of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime


@define(kw_only=True, eq=False, repr=False)
class BalancePeriod(Model):
    """A period of a plan.

    Attributes:
        from_: Start of the period.
        until: End of the period (exclusive).
    """

    from_: datetime | None = field(default=None, metadata={"wire": "from"})
    until: datetime | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
