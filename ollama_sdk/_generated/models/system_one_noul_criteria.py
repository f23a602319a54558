# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneNoulCriteria: The meaning of true and false; `Yes` and `No` when absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class SystemOneNoulCriteria(Model):
    """The meaning of true and false; `Yes` and `No` when absent.

    Attributes:
        true: What true means.
        false: What false means.
    """

    true: str | None = None
    false: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
