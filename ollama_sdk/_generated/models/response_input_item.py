# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseInputItem: An item of a conversation."""

from __future__ import annotations

from typing import TypeAlias

from .response_function_call import ResponseFunctionCall
from .response_function_call_output import ResponseFunctionCallOutput
from .response_input_message import ResponseInputMessage
from .response_reasoning_item import ResponseReasoningItem
from .response_web_search_call import ResponseWebSearchCall

ResponseInputItem: TypeAlias = (
    ResponseInputMessage
    | ResponseFunctionCall
    | ResponseFunctionCallOutput
    | ResponseReasoningItem
    | ResponseWebSearchCall
)
"""An item of a conversation."""
