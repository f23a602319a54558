# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ModelDetails: What kind of model it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model, empty_list

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class ModelDetails(Model):
    """What kind of model it is. Where nothing is known, the text is empty.

    Attributes:
        parent_model: The model that it was made from.
        format: Format of its file.
        family: Its architecture.
        parameter_size: How many parameters it has, as a text.
        quantization_level: How its parameters are stored.
        families: All architectures that its parts have.
        context_length: Longest context that it was trained for, in tokens.
        embedding_length: Length of its vectors, in numbers.
    """

    parent_model: str
    format: str
    family: str
    parameter_size: str
    quantization_level: str
    families: list[str] = field(factory=empty_list)
    context_length: int | None = None
    embedding_length: int | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
