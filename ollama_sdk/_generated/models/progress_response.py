# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ProgressResponse: Progress of a long operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ProgressResponse(Model):
    """Progress of a long operation. It is complete only when the status is `success`.

    Attributes:
        status: The current step; `success` at the end.
        digest: The layer being transferred.
        total: Size of the layer, in bytes.
        completed: How much of the layer has been transferred, in bytes; absent before the first.
    """

    status: str
    digest: str | None = None
    total: int | None = None
    completed: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
