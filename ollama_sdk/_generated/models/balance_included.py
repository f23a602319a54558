# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""BalanceIncluded: The credit of a plan; in an old plan, the remaining limits of a session and of a week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .balance_limit import BalanceLimit
    from .balance_period import BalancePeriod


@define(kw_only=True, eq=False, repr=False)
class BalanceIncluded(Model):
    """The credit of a plan; in an old plan, the remaining limits of a session and of a week.

    Attributes:
        balance_usd: Remaining credit, in US dollars.
        allowance_usd: Credit of a whole period, in US dollars.
        period: The current period.
        session: The limit of a session, in an old plan.
        weekly: The limit of a week, in an old plan.
    """

    balance_usd: float | None = None
    allowance_usd: float | None = None
    period: BalancePeriod | None = None
    session: BalanceLimit | None = None
    weekly: BalanceLimit | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
