# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""CompletionChunk: A part of the continuation of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .completion_choice import CompletionChoice
    from .completion_usage import CompletionUsage


@define(kw_only=True, eq=False, repr=False)
class CompletionChunk(Model):
    """A part of the continuation of a prompt.

    Attributes:
        choices: The parts; none in the item with the token counts.
        id: Identifies the answer; the same in all items.
        object: The type of object.
        created: When it was created, in seconds since 1970.
        model: The model that answered; empty when the stream failed here.
        system_fingerprint: A constant.
        usage: Token counts, if they were requested; zero in all items but the last. Since Ollama 0.5.2.
    """

    choices: list[CompletionChoice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
