# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesCitation: The source of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesCitation(Model):
    """The source of a text.

    Attributes:
        type: The type of source.
        url: Address of the page.
        title: Title of the page.
        encrypted_index: Position in the page, to be sent back.
        cited_text: The cited text.
    """

    type: str
    url: str | None = None
    title: str | None = None
    encrypted_index: str | None = None
    cited_text: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
