# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ShowResponse: What is known of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from datetime import datetime

    from .message import Message
    from .model_details import ModelDetails
    from .tensor import Tensor


@define(kw_only=True, repr=False)
class ShowResponse(Model):
    """What is known of a model.

    Attributes:
        details: What kind of model it is.
        license: Text of its licences.
        modelfile: The Modelfile that would make it.
        parameters: Its own options, one a line: name and value.
        template: The template that makes a prompt of messages.
        system: Its own system message.
        renderer: What makes its prompts, if not the template.
        parser: What reads its answers.
        messages: Messages that each conversation begins with.
        model_info: Metadata of its file by key.
        projector_info: Metadata of the file that reads pictures, by key.
        tensors: The arrays that it is made of.
        capabilities: What the model can do.
        modified_at: When it was last changed on this server.
        requires: The oldest release of Ollama that runs it.
        remote_model: Name of the model on another host, if it runs there.
        remote_host: Address of that host, if it runs there.
    """

    details: ModelDetails
    license: str | None = None
    modelfile: str | None = None
    parameters: str | None = None
    template: str | None = None
    system: str | None = None
    renderer: str | None = None
    parser: str | None = None
    messages: list[Message] | None = None
    model_info: dict[str, Any] | None = None
    projector_info: dict[str, Any] | None = None
    tensors: list[Tensor] | None = None
    capabilities: list[str] | None = None
    modified_at: datetime | None = None
    requires: str | None = None
    remote_model: str | None = None
    remote_host: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
