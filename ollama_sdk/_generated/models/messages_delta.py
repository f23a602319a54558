# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesDelta: Why a message ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesDelta(Model):
    """Why a message ended.

    Attributes:
        stop_reason: Why the answer ended: `end_turn` by the model, `max_tokens` at the token limit, `stop_sequence`
            at one of those, `tool_use` to call tools.
        stop_sequence: The text that ended the answer.
    """

    stop_reason: Literal["end_turn", "max_tokens", "stop_sequence", "tool_use"] | str | None = None
    stop_sequence: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
