# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesThinking: Whether a model thinks before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesThinking(Model):
    """Whether a model thinks before the answer.

    Attributes:
        type: Whether thinking is enabled; `adaptive` leaves it to `effort`.
        budget_tokens: Has no effect.
    """

    type: Literal["adaptive", "disabled", "enabled"] | str
    budget_tokens: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
