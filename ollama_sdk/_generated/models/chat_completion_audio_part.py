# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionAudioPart: A recording in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_audio import ChatCompletionAudio


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionAudioPart(Model):
    """A recording in a message.

    Attributes:
        type: The type of part.
        input_audio: The recording.
    """

    type: Literal["input_audio"]
    input_audio: ChatCompletionAudio
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
