# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelSummary: A model, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .model_details import ModelDetails


@define(kw_only=True, repr=False)
class ModelSummary(Model):
    """A model, in short.

    Attributes:
        name: Name of the model, with its tag.
        model: Name of the model, with its tag.
        modified_at: When it was last changed on this server.
        size: Size of its files, in bytes.
        digest: SHA-256 of its manifest, in hexadecimal.
        details: What kind of model it is.
        capabilities: What the model can do.
        remote_model: Name of the model on another host, if it runs there.
        remote_host: Address of that host, if it runs there.
    """

    name: str
    model: str
    modified_at: datetime
    size: int
    digest: str
    details: ModelDetails
    capabilities: list[str] | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
