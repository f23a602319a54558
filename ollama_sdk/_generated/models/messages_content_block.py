# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""MessagesContentBlock: A block of a message."""

from __future__ import annotations

from typing import TypeAlias

from .messages_image_block import MessagesImageBlock
from .messages_other_block import MessagesOtherBlock
from .messages_server_tool_use_block import MessagesServerToolUseBlock
from .messages_text_block import MessagesTextBlock
from .messages_thinking_block import MessagesThinkingBlock
from .messages_tool_result_block import MessagesToolResultBlock
from .messages_tool_use_block import MessagesToolUseBlock
from .messages_web_search_result_block import MessagesWebSearchResultBlock

MessagesContentBlock: TypeAlias = (
    MessagesTextBlock
    | MessagesImageBlock
    | MessagesToolUseBlock
    | MessagesToolResultBlock
    | MessagesThinkingBlock
    | MessagesServerToolUseBlock
    | MessagesWebSearchResultBlock
    | MessagesOtherBlock
)
"""A block of a message."""
