# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""SystemOneResponse: The answers to questions about a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .system_one_answer import SystemOneAnswer
    from .system_one_usage import SystemOneUsage


@define(kw_only=True, eq=False, repr=False)
class SystemOneResponse(Model):
    """The answers to questions about a state.

    Attributes:
        answers: The answers, by question name.
        model: The model that answered.
        usage: Token counts.
    """

    answers: dict[str, SystemOneAnswer]
    model: str | None = None
    usage: SystemOneUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
