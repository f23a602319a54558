# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseWebSearchAction: The search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseWebSearchAction(Model):
    """The search.

    Attributes:
        type: The type of action.
        query: The search terms.
    """

    type: str
    query: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
