# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""WebFetchResponse: A page that was fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    pass


@define(kw_only=True, eq=False, repr=False)
class WebFetchResponse(Model):
    """A page that was fetched.

    Attributes:
        content: Text of the page, as Markdown.
        title: Title of the page.
        links: Addresses of the links on the page.
    """

    content: str
    title: str = ""
    links: list[str] | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
