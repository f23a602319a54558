# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseWebSearchAction: What was searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ResponseWebSearchAction(Model):
    """What was searched for.

    Attributes:
        type: The kind of action.
        query: The words that were searched for.
    """

    type: str
    query: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
