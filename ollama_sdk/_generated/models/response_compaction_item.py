# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseCompactionItem: A compacted conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseCompactionItem(Model):
    """A compacted conversation. Send it back unchanged, in place of that conversation. Since Ollama 0.34.0.

    Attributes:
        type: The type of item.
        encrypted_content: The conversation, to be sent back; Ollama does not encrypt it.
        id: Identifies the item.
    """

    type: Literal["compaction"]
    encrypted_content: str
    id: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
