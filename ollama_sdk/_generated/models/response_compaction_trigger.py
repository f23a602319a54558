# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseCompactionTrigger: Compacts the conversation before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseCompactionTrigger(Model):
    """Compacts the conversation before it. It is the last item, and the call is streamed. Since Ollama 0.34.0.

    Attributes:
        type: The type of item.
    """

    type: Literal["compaction_trigger"]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
