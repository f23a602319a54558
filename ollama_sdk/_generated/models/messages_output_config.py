# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesOutputConfig: How much a model thinks before the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesOutputConfig(Model):
    """How much a model thinks before the answer.

    Attributes:
        effort: How much; a model takes the names that `show().thinking` lists.
    """

    effort: Literal["high", "low", "max", "medium", "xhigh"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
