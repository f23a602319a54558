# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ChatCompletionFunctionCallDelta: A function to call, or a part of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ChatCompletionFunctionCallDelta(Model):
    """A function to call, or a part of its arguments.

    Attributes:
        name: Name of the function; in the first part.
        arguments: The next part of the JSON text of the arguments.
    """

    name: str | None = field(default=None, metadata={"content": True})
    arguments: str | None = field(default=None, metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
