# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""RunningModel: A loaded model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .model_details import ModelDetails
    from .runner import Runner


@define(kw_only=True, eq=False, repr=False)
class RunningModel(Model):
    """A loaded model.

    Attributes:
        name: Name of the model, with its tag.
        model: Name of the model, with its tag.
        size: Memory in use, in bytes.
        size_vram: Part of that memory on GPUs, in bytes.
        digest: SHA-256 of its manifest, in hexadecimal.
        details: Architecture and size of the model.
        expires_at: When the model is unloaded unless it is used; centuries ahead when it stays loaded for ever.
        context_length: Size of the context window, in tokens. Since Ollama 0.10.0.
        runner: The runner of the model. Since Ollama 0.40.0.
    """

    name: str = field(default="", metadata={"content": True})
    model: str = field(default="", metadata={"content": True})
    size: int | None = None
    size_vram: int | None = None
    digest: str | None = None
    details: ModelDetails | None = None
    expires_at: datetime | None = None
    context_length: int | None = None
    runner: Runner | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
