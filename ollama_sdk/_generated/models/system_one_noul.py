# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneNoul: Whether a statement is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .system_one_instructions import SystemOneInstructions
    from .system_one_noul_criteria import SystemOneNoulCriteria


@define(kw_only=True, eq=False, repr=False)
class SystemOneNoul(Model):
    """Whether a statement is true.

    Attributes:
        type: The type of question.
        instructions: The question to decide; objects and arrays are passed to the model as JSON text.
        criteria: The meaning of true and false. Leave it out instead of sending null.
    """

    type: Literal["noul"]
    instructions: SystemOneInstructions
    criteria: SystemOneNoulCriteria | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
