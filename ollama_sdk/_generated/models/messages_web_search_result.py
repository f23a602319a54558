# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesWebSearchResult: A result of a web search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class MessagesWebSearchResult(Model):
    """A result of a web search.

    Attributes:
        type: The type of result.
        url: Address of the page.
        title: Title of the page.
        encrypted_content: Text of the page, to be sent back.
        page_age: The age of the page.
    """

    type: str
    url: str
    title: str | None = None
    encrypted_content: str | None = None
    page_age: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
