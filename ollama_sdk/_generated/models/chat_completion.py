# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletion: The next message of a conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import CompletionReply

if TYPE_CHECKING:
    from .chat_completion_choice import ChatCompletionChoice
    from .completion_usage import CompletionUsage


@define(kw_only=True, eq=False, repr=False)
class ChatCompletion(CompletionReply, Model):
    """The next message of a conversation.

    Attributes:
        choices: The message; there is always one.
        id: Identifies the answer; not unique.
        object: The type of object.
        created: When it was created, in seconds since 1970.
        model: The model that answered.
        system_fingerprint: A constant.
        usage: Token counts. In a reply collected from a stream, present only if the stream had them.
    """

    choices: list[ChatCompletionChoice]
    id: str | None = None
    object: Literal["chat.completion"] | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
