# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ShowResponse: Details of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .capability import Capability
    from .message import Message
    from .model_details import ModelDetails
    from .model_manifest import ModelManifest
    from .model_thinking import ModelThinking
    from .tensor import Tensor


@define(kw_only=True, eq=False, repr=False)
class ShowResponse(Model):
    """Details of a model.

    Attributes:
        license: Text of the licences.
        modelfile: The Modelfile of the model.
        parameters: The model's options, one per line: name and value.
        template: The template that turns messages into a prompt.
        system: The model's system message.
        renderer: The renderer of the prompts, if not the template. Since Ollama 0.12.0.
        parser: The parser of the answers. Since Ollama 0.12.0.
        details: Architecture and size of the model.
        messages: Messages at the start of every conversation.
        model_info: Metadata of the model's file, by key.
        projector_info: Metadata of the vision projector's file, by key.
        tensors: The tensors of the model. Since Ollama 0.6.1.
        capabilities: What the model can do. Since Ollama 0.6.4.
        modified_at: When the model was last changed on this server.
        requires: The oldest version of Ollama that runs the model. Since Ollama 0.14.0.
        remote_model: Name of the model on the remote host, if it runs there. Since Ollama 0.12.0.
        remote_host: Address of the remote host, if the model runs there. Since Ollama 0.12.0.
        thinking: How the model can think; absent where that is unknown. Since Ollama 0.34.3.
        template_source: The source of the prompts. Since Ollama 0.40.12.
        manifests: The builds of this name. Since Ollama 0.40.0.
    """

    license: str | None = None
    modelfile: str | None = None
    parameters: str | None = None
    template: str | None = None
    system: str | None = None
    renderer: str | None = None
    parser: str | None = None
    details: ModelDetails | None = None
    messages: list[Message] | None = None
    model_info: dict[str, Any] | None = None
    projector_info: dict[str, Any] | None = None
    tensors: list[Tensor] | None = None
    capabilities: list[Capability] | None = None
    modified_at: datetime | None = None
    requires: str | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    thinking: ModelThinking | None = None
    template_source: (
        Literal["gguf_chat_template", "go_template", "harmony", "none", "parser", "renderer", "renderer_parser"]
        | str
        | None
    ) = None
    manifests: list[ModelManifest] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
