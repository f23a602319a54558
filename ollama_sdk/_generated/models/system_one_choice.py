# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneChoice: Which of several options is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .system_one_instructions import SystemOneInstructions


@define(kw_only=True, repr=False)
class SystemOneChoice(Model):
    """Which of several options is right.

    Attributes:
        type: The type of question.
        instructions: What to decide; objects and arrays are given to the model as JSON text.
        criteria: What each option means, by its key; null where the key says it. 2 to 255, and many models take only
            26.
    """

    type: Literal["choice"]
    instructions: SystemOneInstructions
    criteria: dict[str, str | None]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
