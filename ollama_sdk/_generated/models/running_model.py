# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""RunningModel: A model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .model_details import ModelDetails


@define(kw_only=True, repr=False)
class RunningModel(Model):
    """A model in memory.

    Attributes:
        name: Name of the model, with its tag.
        model: Name of the model, with its tag.
        size: Memory that it takes, in bytes.
        size_vram: Part of that on GPUs, in bytes.
        digest: SHA-256 of its manifest, in hexadecimal.
        details: What kind of model it is.
        expires_at: When it is unloaded unless it is used; centuries away when it stays for ever.
        context_length: Size of the context window that it was loaded with, in tokens.
    """

    name: str
    model: str
    size: int
    size_vram: int
    digest: str
    details: ModelDetails
    expires_at: datetime
    context_length: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
