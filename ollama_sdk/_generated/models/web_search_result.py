# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""WebSearchResult: A result of a web search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class WebSearchResult(Model):
    """A result of a web search.

    Attributes:
        url: Address of the page.
        title: Title of the page.
        content: The relevant part of the page's text.
    """

    url: str
    title: str = ""
    content: str = field(default="", metadata={"content": True})
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
