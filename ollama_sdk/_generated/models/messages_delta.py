# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesDelta: Why a message ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class MessagesDelta(Model):
    """Why a message ends.

    Attributes:
        stop_reason: Why it ended: `end_turn` by itself, `max_tokens` at the limit of tokens, `stop_sequence` at one
            of those, `tool_use` to have tools called.
        stop_sequence: The text at which it ended.
    """

    stop_reason: str | None = None
    stop_sequence: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
