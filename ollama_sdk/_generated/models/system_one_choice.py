# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneChoice: Which of several options is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .system_one_instructions import SystemOneInstructions


@define(kw_only=True, eq=False, repr=False)
class SystemOneChoice(Model):
    """Which of several options is right.

    Attributes:
        type: The type of question.
        instructions: The question to decide; objects and arrays are passed to the model as JSON text.
        criteria: The meaning of each option, by key; null if the key is clear. 2 to 255 options; many models take
            only 26.
    """

    type: Literal["choice"]
    instructions: SystemOneInstructions
    criteria: dict[str, str | None]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
