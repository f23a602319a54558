# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ProgressResponse: How far a long piece of work is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ProgressResponse(Model):
    """How far a long piece of work is. Only `success` says that it is done.

    Attributes:
        status: What is being done; `success` at the end.
        digest: The layer that is being transferred.
        total: Size of the layer, in bytes.
        completed: How much of the layer is there, in bytes; absent before the first.
    """

    status: str
    digest: str | None = None
    total: int | None = None
    completed: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
