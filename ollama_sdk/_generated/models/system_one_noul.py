# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneNoul: Whether something is so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .system_one_instructions import SystemOneInstructions
    from .system_one_noul_criteria import SystemOneNoulCriteria


@define(kw_only=True, repr=False)
class SystemOneNoul(Model):
    """Whether something is so.

    Attributes:
        type: The type of question.
        instructions: What to decide; objects and arrays are given to the model as JSON text.
        criteria: What true and false mean. Leave it out rather than giving null.
    """

    type: Literal["noul"]
    instructions: SystemOneInstructions
    criteria: SystemOneNoulCriteria | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
