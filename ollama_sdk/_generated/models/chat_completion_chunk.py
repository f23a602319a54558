# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionChunk: A piece of the next message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .chat_completion_chunk_choice import ChatCompletionChunkChoice
    from .completion_usage import CompletionUsage


@define(kw_only=True, repr=False)
class ChatCompletionChunk(Model):
    """A piece of the next message of a conversation.

    Attributes:
        id: Identifies the answer; the same in all pieces.
        object: The kind of object.
        created: When it was written, in seconds since 1970.
        model: The model that answers; empty when the stream broke off here.
        choices: The piece; none in the item that counts the tokens.
        system_fingerprint: Always the same.
        usage: How many tokens it took, in an item of its own at the end, if it was asked for.
    """

    id: str
    object: str
    created: int
    model: str
    choices: list[ChatCompletionChunkChoice]
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
