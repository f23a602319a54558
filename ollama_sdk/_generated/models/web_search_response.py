# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""WebSearchResponse: The results of a web search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .web_search_result import WebSearchResult


@define(kw_only=True, eq=False, repr=False)
class WebSearchResponse(Model):
    """The results of a web search.

    Attributes:
        results: The results, most relevant first.
    """

    results: list[WebSearchResult]
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
