# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""Completion: The continuation of a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .completion_choice import CompletionChoice
    from .completion_usage import CompletionUsage


@define(kw_only=True, eq=False, repr=False)
class Completion(Model):
    """The continuation of a prompt.

    Attributes:
        choices: The text; there is always one.
        id: Identifies the answer; not unique.
        object: The type of object.
        created: When it was created, in seconds since 1970.
        model: The model that answered.
        system_fingerprint: A constant.
        usage: Token counts. In a reply collected from a stream, present only if the stream had them.
    """

    choices: list[CompletionChoice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
