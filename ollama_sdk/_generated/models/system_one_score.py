# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneScore: To what degree a statement is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .system_one_instructions import SystemOneInstructions


@define(kw_only=True, eq=False, repr=False)
class SystemOneScore(Model):
    """To what degree a statement is true.

    Attributes:
        type: The type of question.
        instructions: The question to decide; objects and arrays are passed to the model as JSON text.
        criteria: 2 to 26 levels, the lowest first.
    """

    type: Literal["score"]
    instructions: SystemOneInstructions
    criteria: list[str]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
