# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelManifest: One build of a model; one name may have several, for different runners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .runner import Runner


@define(kw_only=True, eq=False, repr=False)
class ModelManifest(Model):
    """One build of a model; one name may have several, for different runners.

    Attributes:
        digest: SHA-256 of the manifest.
        runner: The runner of this build.
        format: Format of its files.
        selected: Whether this build is the one that is used; absent if not.
    """

    digest: str | None = None
    runner: Runner | None = None
    format: Literal["gguf", "safetensors"] | str | None = None
    selected: bool | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
