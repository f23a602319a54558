# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""BalancePurchased: Purchased credit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class BalancePurchased(Model):
    """Purchased credit.

    Attributes:
        balance_usd: Remaining credit, in US dollars.
    """

    balance_usd: float | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
