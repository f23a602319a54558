# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelSummary: Summary of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .capability import Capability
    from .model_details import ModelDetails


@define(kw_only=True, eq=False, repr=False)
class ModelSummary(Model):
    """Summary of a model.

    Attributes:
        name: Name of the model, with its tag.
        model: Name of the model, with its tag.
        modified_at: When the model was last changed on this server.
        size: Size of the model's files, in bytes.
        digest: SHA-256 of its manifest, in hexadecimal.
        details: Architecture and size of the model.
        capabilities: What the model can do. Since Ollama 0.30.0.
        remote_model: Name of the model on the remote host, if it runs there. Since Ollama 0.12.0.
        remote_host: Address of the remote host, if the model runs there. Since Ollama 0.12.0.
    """

    name: str = field(default="", metadata={"content": True})
    model: str = field(default="", metadata={"content": True})
    modified_at: datetime | None = None
    size: int | None = None
    digest: str | None = None
    details: ModelDetails | None = None
    capabilities: list[Capability] | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
