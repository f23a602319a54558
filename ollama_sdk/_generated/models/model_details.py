# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelDetails: Architecture and size of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model, empty_list

if TYPE_CHECKING:
    from .runner import Runner


@define(kw_only=True, eq=False, repr=False)
class ModelDetails(Model):
    """Architecture and size of a model. Unknown values are empty.

    Attributes:
        parent_model: The model from which it was created.
        format: Format of the model's file.
        family: Architecture of the model.
        families: All architectures of the model's parts.
        parameter_size: Number of parameters, as a text.
        quantization_level: How the parameters are quantized.
        context_length: Longest context of the training, in tokens. Since Ollama 0.30.0.
        embedding_length: Number of dimensions of its embeddings. Since Ollama 0.30.0.
        runner: The runner of the model. Since Ollama 0.40.0.
    """

    parent_model: str = ""
    format: Literal["gguf", "safetensors"] | str = ""
    family: str = ""
    families: list[str] = field(factory=empty_list)
    parameter_size: str = ""
    quantization_level: str = ""
    context_length: int | None = None
    embedding_length: int | None = None
    runner: Runner | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
