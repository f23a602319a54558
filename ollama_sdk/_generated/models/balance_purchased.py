# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""BalancePurchased: Credit that was bought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class BalancePurchased(Model):
    """Credit that was bought.

    Attributes:
        balance_usd: Credit that is left, in US dollars.
    """

    balance_usd: float | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
