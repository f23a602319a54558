# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputItem: An item of a conversation."""

from __future__ import annotations

from typing import TypeAlias

from .response_compaction_item import ResponseCompactionItem
from .response_compaction_trigger import ResponseCompactionTrigger
from .response_custom_tool_call import ResponseCustomToolCall
from .response_custom_tool_call_output import ResponseCustomToolCallOutput
from .response_function_call import ResponseFunctionCall
from .response_function_call_output import ResponseFunctionCallOutput
from .response_input_message import ResponseInputMessage
from .response_reasoning_item import ResponseReasoningItem
from .response_tool_search_call import ResponseToolSearchCall
from .response_tool_search_output import ResponseToolSearchOutput
from .response_web_search_call import ResponseWebSearchCall

ResponseInputItem: TypeAlias = (
    ResponseInputMessage
    | ResponseFunctionCall
    | ResponseFunctionCallOutput
    | ResponseReasoningItem
    | ResponseWebSearchCall
    | ResponseCompactionItem
    | ResponseCompactionTrigger
    | ResponseToolSearchCall
    | ResponseToolSearchOutput
    | ResponseCustomToolCall
    | ResponseCustomToolCallOutput
)
"""An item of a conversation."""
