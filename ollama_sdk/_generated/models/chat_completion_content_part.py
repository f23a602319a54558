# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionContentPart: A part of a message."""

from __future__ import annotations

from typing import TypeAlias

from .chat_completion_audio_part import ChatCompletionAudioPart
from .chat_completion_image_part import ChatCompletionImagePart
from .chat_completion_text_part import ChatCompletionTextPart

ChatCompletionContentPart: TypeAlias = ChatCompletionTextPart | ChatCompletionImagePart | ChatCompletionAudioPart
"""A part of a message."""
