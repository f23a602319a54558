# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""ResponseObject: A response, complete or in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attr import define, field

from ollama_sdk._codec import Model
from ollama_sdk._replies import ResponseReply

if TYPE_CHECKING:
    from .response_error import ResponseError
    from .response_incomplete_details import ResponseIncompleteDetails
    from .response_output_item import ResponseOutputItem
    from .response_reasoning import ResponseReasoning
    from .response_text import ResponseText
    from .response_tool import ResponseTool
    from .response_usage import ResponseUsage


@define(kw_only=True, eq=False, repr=False)
class ResponseObject(ResponseReply, Model):
    """A response, complete or in progress.

    Attributes:
        output: The reasoning, messages and function calls of the model, in this order.
        id: Identifies the response; not unique.
        object: The type of object.
        status: State of the item.
        model: The model that answered.
        created_at: When it began, in seconds since 1970.
        completed_at: When it was completed, in seconds since 1970. Since Ollama 0.14.2.
        usage: Token counts.
        error: Why it failed. Since Ollama 0.14.2.
        incomplete_details: Why it is incomplete. Since Ollama 0.14.2.
        instructions: As in the request. Since Ollama 0.14.2.
        tools: As in the request. Since Ollama 0.14.2.
        text: As in the request. Since Ollama 0.14.2.
        reasoning: As in the request. Since Ollama 0.14.2.
        temperature: As in the request. Since Ollama 0.14.2.
        top_p: As in the request. Since Ollama 0.14.2.
        max_output_tokens: As in the request. Since Ollama 0.14.2.
        truncation: As in the request. Since Ollama 0.14.2.
        background: As in the request. Since Ollama 0.14.2.
        tool_choice: Always `auto`. Since Ollama 0.14.2.
        parallel_tool_calls: Always true. Since Ollama 0.14.2.
        presence_penalty: Always 0. Since Ollama 0.14.2.
        frequency_penalty: Always 0. Since Ollama 0.14.2.
        top_logprobs: Always 0. Since Ollama 0.14.2.
        max_tool_calls: Always null. Since Ollama 0.14.2.
        store: Always false; the server keeps no responses. Since Ollama 0.14.2.
        service_tier: Always `default`. Since Ollama 0.14.2.
        metadata: Always empty. Since Ollama 0.14.2.
        previous_response_id: Always null; the server keeps no responses. Since Ollama 0.14.2.
        safety_identifier: Always null. Since Ollama 0.14.2.
        prompt_cache_key: Always null. Since Ollama 0.14.2.
    """

    output: list[ResponseOutputItem]
    id: str | None = None
    object: str | None = None
    status: Literal["completed", "failed", "in_progress"] | str | None = None
    model: str | None = None
    created_at: int | None = None
    completed_at: int | None = None
    usage: ResponseUsage | None = None
    error: ResponseError | None = None
    incomplete_details: ResponseIncompleteDetails | None = None
    instructions: str | None = None
    tools: list[ResponseTool] | None = None
    text: ResponseText | None = None
    reasoning: ResponseReasoning | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    truncation: str | None = None
    background: bool | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    max_tool_calls: int | None = None
    store: bool | None = None
    service_tier: str | None = None
    metadata: dict[str, Any] | None = None
    previous_response_id: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    additional_properties: dict[str, Any] = field(factory=dict[str, Any])
