# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseFunctionCall: A function call of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class ResponseFunctionCall(Model):
    """A function call of the model.

    Attributes:
        type: The type of item.
        call_id: Identifies the call in the item with its result.
        name: Name of the function.
        arguments: Arguments by name, as the text of a JSON object.
        id: Identifies the item.
        status: State of the item.
    """

    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: Literal["completed", "in_progress"] | str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
