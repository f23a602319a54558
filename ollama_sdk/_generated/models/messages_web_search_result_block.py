# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesWebSearchResultBlock: The result of a web search by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model

if TYPE_CHECKING:
    from .messages_web_search_error import MessagesWebSearchError
    from .messages_web_search_result import MessagesWebSearchResult


@define(kw_only=True, eq=False, repr=False)
class MessagesWebSearchResultBlock(Model):
    """The result of a web search by the server. In a request, servers before 0.16.2 ignore it.

    Attributes:
        type: The type of block.
        tool_use_id: The `id` of the call.
        content: The results, or why there are none.
    """

    type: Literal["web_search_tool_result"]
    tool_use_id: str
    content: list[MessagesWebSearchResult] | MessagesWebSearchError | str | None = field(
        default=None, metadata={"content": True}
    )
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
