# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""WebSearchResult: A page that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, repr=False)
class WebSearchResult(Model):
    """A page that was found.

    Attributes:
        title: Its title.
        url: Its address.
        content: The part of its text that fits the search.
    """

    title: str
    url: str
    content: str
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
