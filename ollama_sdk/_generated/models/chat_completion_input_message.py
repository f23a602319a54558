# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionInputMessage: A message of a conversation."""

from __future__ import annotations

from typing import TypeAlias

from .chat_completion_message import ChatCompletionMessage
from .chat_completion_request_message import ChatCompletionRequestMessage

ChatCompletionInputMessage: TypeAlias = ChatCompletionMessage | ChatCompletionRequestMessage
"""A message of a conversation. A message of the model can be sent back unchanged."""
