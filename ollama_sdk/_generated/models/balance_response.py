# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""BalanceResponse: The balance of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .balance_included import BalanceIncluded
    from .balance_purchased import BalancePurchased


@define(kw_only=True, eq=False, repr=False)
class BalanceResponse(Model):
    """The balance of an account.

    Attributes:
        included: The credit included in the plan.
        purchased: The purchased credit that has not expired.
    """

    included: BalanceIncluded
    purchased: BalancePurchased | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
