# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseCompaction: A compacted conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .response_output_item import ResponseOutputItem
    from .response_usage import ResponseUsage


@define(kw_only=True, eq=False, repr=False)
class ResponseCompaction(Model):
    """A compacted conversation.

    Attributes:
        output: One item of type `compaction`.
        id: Identifies the response.
        object: The type of object.
        created_at: When it was created, in seconds since 1970.
        usage: Token counts.
    """

    output: list[ResponseOutputItem]
    id: str | None = None
    object: str | None = None
    created_at: int | None = None
    usage: ResponseUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
