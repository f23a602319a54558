# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseOutputItem: An item of a response."""

from __future__ import annotations

from typing import TypeAlias

from .response_compaction_item import ResponseCompactionItem
from .response_function_call import ResponseFunctionCall
from .response_other_item import ResponseOtherItem
from .response_output_message import ResponseOutputMessage
from .response_reasoning_item import ResponseReasoningItem
from .response_tool_search_call import ResponseToolSearchCall
from .response_web_search_call import ResponseWebSearchCall

ResponseOutputItem: TypeAlias = (
    ResponseOutputMessage
    | ResponseFunctionCall
    | ResponseReasoningItem
    | ResponseWebSearchCall
    | ResponseCompactionItem
    | ResponseToolSearchCall
    | ResponseOtherItem
)
"""An item of a response."""
