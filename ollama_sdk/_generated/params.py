# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""TypedDicts that arguments take instead of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required

from typing_extensions import TypedDict  # Pydantic takes no other before Python 3.12

from ollama_sdk._codec.annotations import Base64, JSONSchema

from .models import (
    ChatCompletionAudio,
    ChatCompletionAudioPart,
    ChatCompletionImagePart,
    ChatCompletionImageURL,
    ChatCompletionJSONSchema,
    ChatCompletionTextPart,
    ChatCompletionToolCall,
    ChatCompletionToolCallFunction,
    MessagesCitation,
    MessagesImageBlock,
    MessagesImageSource,
    MessagesOtherBlock,
    MessagesServerToolUseBlock,
    MessagesTextBlock,
    MessagesThinkingBlock,
    MessagesToolResultBlock,
    MessagesToolUseBlock,
    MessagesWebSearchError,
    MessagesWebSearchResult,
    MessagesWebSearchResultBlock,
    ResponseInputFile,
    ResponseInputImage,
    ResponseInputText,
    ResponseOutputText,
    ResponseReasoningSummary,
    ResponseTextFormat,
    ResponseTool,
    ResponseWebSearchAction,
    SystemOneNoulCriteria,
    ToolCall,
    ToolCallFunction,
    ToolFunction,
    ToolParameters,
    ToolProperty,
)

__all__ = [
    "ChatCompletionAudioParam",
    "ChatCompletionAudioPartParam",
    "ChatCompletionImagePartParam",
    "ChatCompletionImageURLParam",
    "ChatCompletionJSONSchemaParam",
    "ChatCompletionMessageParam",
    "ChatCompletionReasoningParam",
    "ChatCompletionRequestMessageParam",
    "ChatCompletionResponseFormatParam",
    "ChatCompletionStreamOptionsParam",
    "ChatCompletionTextPartParam",
    "ChatCompletionToolCallFunctionParam",
    "ChatCompletionToolCallParam",
    "MessageParam",
    "MessagesCitationParam",
    "MessagesImageBlockParam",
    "MessagesImageSourceParam",
    "MessagesMessageParam",
    "MessagesMetadataParam",
    "MessagesOtherBlockParam",
    "MessagesOutputConfigParam",
    "MessagesServerToolUseBlockParam",
    "MessagesTextBlockParam",
    "MessagesThinkingBlockParam",
    "MessagesThinkingParam",
    "MessagesToolChoiceParam",
    "MessagesToolParam",
    "MessagesToolResultBlockParam",
    "MessagesToolUseBlockParam",
    "MessagesWebSearchErrorParam",
    "MessagesWebSearchResultBlockParam",
    "MessagesWebSearchResultParam",
    "OptionsParam",
    "ResponseCompactionItemParam",
    "ResponseCompactionTriggerParam",
    "ResponseCustomToolCallOutputParam",
    "ResponseCustomToolCallParam",
    "ResponseFunctionCallOutputParam",
    "ResponseFunctionCallParam",
    "ResponseInputFileParam",
    "ResponseInputImageParam",
    "ResponseInputMessageParam",
    "ResponseInputTextParam",
    "ResponseOutputTextParam",
    "ResponseReasoningItemParam",
    "ResponseReasoningParam",
    "ResponseReasoningSummaryParam",
    "ResponseTextFormatParam",
    "ResponseTextParam",
    "ResponseToolParam",
    "ResponseToolSearchCallParam",
    "ResponseToolSearchOutputParam",
    "ResponseWebSearchActionParam",
    "ResponseWebSearchCallParam",
    "SystemOneChoiceParam",
    "SystemOneNoulCriteriaParam",
    "SystemOneNoulParam",
    "SystemOneScoreParam",
    "ToolCallFunctionParam",
    "ToolCallParam",
    "ToolFunctionParam",
    "ToolParam",
    "ToolParametersParam",
    "ToolPropertyParam",
]


class ChatCompletionAudioParam(TypedDict, total=False):
    """A recording.

    A dict for :class:`ChatCompletionAudio`.
    """

    data: Required[Base64]
    format: Literal["wav"] | str | None


class ChatCompletionAudioPartParam(TypedDict, total=False):
    """A recording in a message.

    A dict for :class:`ChatCompletionAudioPart`.
    """

    type: Required[Literal["input_audio"]]
    input_audio: Required[ChatCompletionAudio | ChatCompletionAudioParam]


class ChatCompletionImagePartParam(TypedDict, total=False):
    """An image in a message.

    A dict for :class:`ChatCompletionImagePart`.
    """

    type: Required[Literal["image_url"]]
    image_url: Required[str | ChatCompletionImageURL | ChatCompletionImageURLParam]


class ChatCompletionImageURLParam(TypedDict, total=False):
    """An image.

    A dict for :class:`ChatCompletionImageURL`.
    """

    url: Required[str]


class ChatCompletionJSONSchemaParam(TypedDict, total=False):
    """The schema of an answer.

    A dict for :class:`ChatCompletionJSONSchema`.
    """

    schema: Required[JSONSchema]


class ChatCompletionMessageParam(TypedDict, total=False):
    """A message of the model.

    A dict for :class:`ChatCompletionMessage`.
    """

    role: Required[Literal["assistant"]]
    content: str | None
    reasoning: str | None
    tool_calls: Sequence[ChatCompletionToolCall | ChatCompletionToolCallParam] | None
    name: str | None
    tool_call_id: str | None


class ChatCompletionReasoningParam(TypedDict, total=False):
    """How a model reasons before the answer.

    A dict for :class:`ChatCompletionReasoning`.
    """

    effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"] | str | None


class ChatCompletionRequestMessageParam(TypedDict, total=False):
    """A message of a conversation.

    A dict for :class:`ChatCompletionRequestMessage`.
    """

    role: Required[Literal["assistant", "system", "tool", "user"] | str]
    content: (
        str
        | Sequence[
            ChatCompletionTextPart
            | ChatCompletionTextPartParam
            | ChatCompletionImagePart
            | ChatCompletionImagePartParam
            | ChatCompletionAudioPart
            | ChatCompletionAudioPartParam
        ]
        | None
    )
    reasoning: str | None
    tool_calls: Sequence[ChatCompletionToolCall | ChatCompletionToolCallParam] | None
    name: str | None
    tool_call_id: str | None


class ChatCompletionResponseFormatParam(TypedDict, total=False):
    """The format of an answer.

    A dict for :class:`ChatCompletionResponseFormat`.
    """

    type: Required[Literal["json_object", "json_schema", "text"] | str]
    json_schema: ChatCompletionJSONSchema | ChatCompletionJSONSchemaParam | None


class ChatCompletionStreamOptionsParam(TypedDict, total=False):
    """Additional items of the stream.

    A dict for :class:`ChatCompletionStreamOptions`.
    """

    include_usage: bool | None


class ChatCompletionTextPartParam(TypedDict, total=False):
    """Text in a message.

    A dict for :class:`ChatCompletionTextPart`.
    """

    type: Required[Literal["text"]]
    text: Required[str]


class ChatCompletionToolCallParam(TypedDict, total=False):
    """A tool call of the model.

    A dict for :class:`ChatCompletionToolCall`.
    """

    function: Required[ChatCompletionToolCallFunction | ChatCompletionToolCallFunctionParam]
    id: str | None
    index: int | None
    type: Literal["function"] | str | None


class ChatCompletionToolCallFunctionParam(TypedDict, total=False):
    """A function and the arguments to call it with.

    A dict for :class:`ChatCompletionToolCallFunction`.
    """

    name: Required[str]
    arguments: Required[str]


class MessageParam(TypedDict, total=False):
    """One message of a conversation, or a piece of one.

    A dict for :class:`Message`.
    """

    role: Required[Literal["assistant", "system", "tool", "user"] | str]
    content: str | None
    thinking: str | None
    images: Sequence[Base64] | None
    tool_calls: Sequence[ToolCall | ToolCallParam] | None
    tool_name: str | None
    tool_call_id: str | None


class MessagesCitationParam(TypedDict, total=False):
    """The source of a text.

    A dict for :class:`MessagesCitation`.
    """

    type: Required[str]
    url: str | None
    title: str | None
    encrypted_index: str | None
    cited_text: str | None


class MessagesImageBlockParam(TypedDict, total=False):
    """An image in a message.

    A dict for :class:`MessagesImageBlock`.
    """

    type: Required[Literal["image"]]
    source: Required[MessagesImageSource | MessagesImageSourceParam]


class MessagesImageSourceParam(TypedDict, total=False):
    """An image. The server downloads none.

    A dict for :class:`MessagesImageSource`.
    """

    type: Required[Literal["base64"] | str]
    media_type: str | None
    data: Base64 | None
    url: str | None


class MessagesMessageParam(TypedDict, total=False):
    """A message of a conversation.

    A dict for :class:`MessagesMessage`.
    """

    role: Required[Literal["assistant", "user"] | str]
    content: Required[
        str
        | Sequence[
            MessagesTextBlock
            | MessagesTextBlockParam
            | MessagesImageBlock
            | MessagesImageBlockParam
            | MessagesToolUseBlock
            | MessagesToolUseBlockParam
            | MessagesToolResultBlock
            | MessagesToolResultBlockParam
            | MessagesThinkingBlock
            | MessagesThinkingBlockParam
            | MessagesServerToolUseBlock
            | MessagesServerToolUseBlockParam
            | MessagesWebSearchResultBlock
            | MessagesWebSearchResultBlockParam
            | MessagesOtherBlock
            | MessagesOtherBlockParam
        ]
    ]


class MessagesMetadataParam(TypedDict, total=False):
    """The user of the request.

    A dict for :class:`MessagesMetadata`.
    """

    user_id: str | None


class MessagesOtherBlockParam(TypedDict, total=False):
    """A block of a type that this document does not define.

    A dict for :class:`MessagesOtherBlock`.
    """

    type: Required[str]


class MessagesOutputConfigParam(TypedDict, total=False):
    """How much a model thinks before the answer.

    A dict for :class:`MessagesOutputConfig`.
    """

    effort: Literal["high", "low", "max", "medium", "xhigh"] | str | None


class MessagesServerToolUseBlockParam(TypedDict, total=False):
    """A tool call that the server has run. In a request, servers before 0.16.2 ignore it.

    A dict for :class:`MessagesServerToolUseBlock`.
    """

    type: Required[Literal["server_tool_use"]]
    id: Required[str]
    name: Required[str]
    input: Required[Mapping[str, Any]]


class MessagesTextBlockParam(TypedDict, total=False):
    """Text in a message.

    A dict for :class:`MessagesTextBlock`.
    """

    type: Required[Literal["text"]]
    text: Required[str]
    citations: Sequence[MessagesCitation | MessagesCitationParam] | None


class MessagesThinkingParam(TypedDict, total=False):
    """Whether a model thinks before the answer.

    A dict for :class:`MessagesThinking`.
    """

    type: Required[Literal["adaptive", "disabled", "enabled"] | str]
    budget_tokens: int | None


class MessagesThinkingBlockParam(TypedDict, total=False):
    """The model's reasoning.

    A dict for :class:`MessagesThinkingBlock`.
    """

    type: Required[Literal["thinking"]]
    thinking: Required[str]
    signature: str | None


class MessagesToolParam(TypedDict, total=False):
    """A tool that the model may call.

    A dict for :class:`MessagesTool`.
    """

    name: Required[str]
    description: str | None
    input_schema: JSONSchema | None
    type: Literal["custom", "web_search_20250305"] | str | None
    max_uses: int | None


class MessagesToolChoiceParam(TypedDict, total=False):
    """Which tools the model may choose.

    A dict for :class:`MessagesToolChoice`.
    """

    type: Required[Literal["any", "auto", "none", "tool"] | str]
    name: str | None
    disable_parallel_tool_use: bool | None


class MessagesToolResultBlockParam(TypedDict, total=False):
    """The result of a tool call.

    A dict for :class:`MessagesToolResultBlock`.
    """

    type: Required[Literal["tool_result"]]
    tool_use_id: Required[str]
    content: (
        str
        | Sequence[
            MessagesTextBlock
            | MessagesTextBlockParam
            | MessagesImageBlock
            | MessagesImageBlockParam
            | MessagesToolUseBlock
            | MessagesToolUseBlockParam
            | MessagesToolResultBlock
            | MessagesToolResultBlockParam
            | MessagesThinkingBlock
            | MessagesThinkingBlockParam
            | MessagesServerToolUseBlock
            | MessagesServerToolUseBlockParam
            | MessagesWebSearchResultBlock
            | MessagesWebSearchResultBlockParam
            | MessagesOtherBlock
            | MessagesOtherBlockParam
        ]
        | None
    )
    is_error: bool | None


class MessagesToolUseBlockParam(TypedDict, total=False):
    """A tool call of the model.

    A dict for :class:`MessagesToolUseBlock`.
    """

    type: Required[Literal["tool_use"]]
    id: Required[str]
    name: Required[str]
    input: Required[Mapping[str, Any]]


class MessagesWebSearchErrorParam(TypedDict, total=False):
    """Why a web search has no results.

    A dict for :class:`MessagesWebSearchError`.
    """

    type: Required[str]
    error_code: Required[Literal["max_uses_exceeded", "unavailable"] | str]


class MessagesWebSearchResultParam(TypedDict, total=False):
    """A result of a web search.

    A dict for :class:`MessagesWebSearchResult`.
    """

    type: Required[str]
    url: Required[str]
    title: str | None
    encrypted_content: str | None
    page_age: str | None


class MessagesWebSearchResultBlockParam(TypedDict, total=False):
    """The result of a web search by the server. In a request, servers before 0.16.2 ignore it.

    A dict for :class:`MessagesWebSearchResultBlock`.
    """

    type: Required[Literal["web_search_tool_result"]]
    tool_use_id: Required[str]
    content: (
        Sequence[MessagesWebSearchResult | MessagesWebSearchResultParam]
        | MessagesWebSearchError
        | MessagesWebSearchErrorParam
        | str
        | None
    )


class OptionsParam(TypedDict, total=False):
    """How the model runs and samples tokens. Options that the server does not know are ignored.

    A dict for :class:`Options`.
    """

    num_ctx: int | None
    num_batch: int | None
    num_gpu: int | None
    main_gpu: int | None
    use_mmap: bool | None
    num_thread: int | None
    draft_num_predict: int | None
    num_keep: int | None
    seed: int | None
    num_predict: int | None
    top_k: int | None
    top_p: float | None
    min_p: float | None
    typical_p: float | None
    repeat_last_n: int | None
    temperature: float | None
    repeat_penalty: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    stop: Sequence[str] | None


class ResponseCompactionItemParam(TypedDict, total=False):
    """A compacted conversation. Send it back unchanged, in place of that conversation. Since Ollama 0.34.0.

    A dict for :class:`ResponseCompactionItem`.
    """

    type: Required[Literal["compaction"]]
    encrypted_content: Required[str]
    id: str | None


class ResponseCompactionTriggerParam(TypedDict, total=False):
    """Compacts the conversation before it. It is the last item, and the call is streamed. Since Ollama 0.34.0.

    A dict for :class:`ResponseCompactionTrigger`.
    """

    type: Required[Literal["compaction_trigger"]]


class ResponseCustomToolCallParam(TypedDict, total=False):
    """A call of a tool that takes plain text, from the history of another server. Since Ollama 0.40.2.

    A dict for :class:`ResponseCustomToolCall`.
    """

    type: Required[Literal["custom_tool_call"]]
    call_id: Required[str]
    name: Required[str]
    input: Required[str]
    namespace: str | None
    id: str | None


class ResponseCustomToolCallOutputParam(TypedDict, total=False):
    """The result of a call of a tool that takes plain text. Since Ollama 0.40.2.

    A dict for :class:`ResponseCustomToolCallOutput`.
    """

    type: Required[Literal["custom_tool_call_output"]]
    call_id: Required[str]
    output: Required[
        str
        | Sequence[
            ResponseInputText
            | ResponseInputTextParam
            | ResponseInputImage
            | ResponseInputImageParam
            | ResponseInputFile
            | ResponseInputFileParam
            | ResponseOutputText
            | ResponseOutputTextParam
        ]
    ]
    id: str | None


class ResponseFunctionCallParam(TypedDict, total=False):
    """A function call of the model.

    A dict for :class:`ResponseFunctionCall`.
    """

    type: Required[Literal["function_call"]]
    call_id: Required[str]
    name: Required[str]
    arguments: Required[str]
    id: str | None
    status: Literal["completed", "in_progress"] | str | None


class ResponseFunctionCallOutputParam(TypedDict, total=False):
    """The result of a function call.

    A dict for :class:`ResponseFunctionCallOutput`.
    """

    type: Required[Literal["function_call_output"]]
    call_id: Required[str]
    output: (
        str
        | Sequence[
            ResponseInputText
            | ResponseInputTextParam
            | ResponseInputImage
            | ResponseInputImageParam
            | ResponseInputFile
            | ResponseInputFileParam
            | ResponseOutputText
            | ResponseOutputTextParam
        ]
        | None
    )


class ResponseInputFileParam(TypedDict, total=False):
    """A file in a message. Ollama refuses files at present; before 0.20.4 as a part of unknown type.

    A dict for :class:`ResponseInputFile`.
    """

    type: Required[Literal["input_file"]]
    file_data: str | None
    file_id: str | None
    file_url: str | None
    filename: str | None


class ResponseInputImageParam(TypedDict, total=False):
    """An image in a message.

    A dict for :class:`ResponseInputImage`.
    """

    type: Required[Literal["input_image"]]
    image_url: str | None
    detail: Literal["auto", "high", "low"] | str | None
    file_id: str | None


class ResponseInputMessageParam(TypedDict, total=False):
    """A message of a conversation. An item without a type is a message.

    A dict for :class:`ResponseInputMessage`.
    """

    role: Required[Literal["assistant", "developer", "system", "user"] | str]
    type: Literal["message"] | None
    content: (
        str
        | Sequence[
            ResponseInputText
            | ResponseInputTextParam
            | ResponseInputImage
            | ResponseInputImageParam
            | ResponseInputFile
            | ResponseInputFileParam
            | ResponseOutputText
            | ResponseOutputTextParam
        ]
        | None
    )


class ResponseInputTextParam(TypedDict, total=False):
    """Text in a message.

    A dict for :class:`ResponseInputText`.
    """

    type: Required[Literal["input_text"]]
    text: Required[str]


class ResponseOutputTextParam(TypedDict, total=False):
    """Text of the model.

    A dict for :class:`ResponseOutputText`.
    """

    type: Required[Literal["output_text"]]
    text: Required[str]
    annotations: Sequence[Any] | None
    logprobs: Sequence[Any] | None


class ResponseReasoningParam(TypedDict, total=False):
    """How a model reasons before the answer.

    A dict for :class:`ResponseReasoning`.
    """

    effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"] | str | None
    summary: Literal["auto", "concise", "detailed"] | str | None
    generate_summary: str | None


class ResponseReasoningItemParam(TypedDict, total=False):
    """The model's reasoning.

    A dict for :class:`ResponseReasoningItem`.
    """

    type: Required[Literal["reasoning"]]
    id: str | None
    summary: Sequence[ResponseReasoningSummary | ResponseReasoningSummaryParam] | None
    encrypted_content: str | None


class ResponseReasoningSummaryParam(TypedDict, total=False):
    """A part of the model's reasoning.

    A dict for :class:`ResponseReasoningSummary`.
    """

    type: Required[str]
    text: Required[str]


class ResponseTextParam(TypedDict, total=False):
    """The format of an answer.

    A dict for :class:`ResponseText`.
    """

    format: ResponseTextFormat | ResponseTextFormatParam | None


class ResponseTextFormatParam(TypedDict, total=False):
    """The format of an answer.

    A dict for :class:`ResponseTextFormat`.
    """

    type: Required[Literal["json_schema", "text"] | str]
    name: str | None
    schema: JSONSchema | None
    strict: bool | None


class ResponseToolParam(TypedDict, total=False):
    """A tool that the model may call.

    A dict for :class:`ResponseTool`.
    """

    type: Required[Literal["function", "namespace", "tool_search", "web_search"] | str]
    name: str | None
    description: str | None
    parameters: JSONSchema | None
    execution: Literal["client"] | str | None
    strict: bool | None
    tools: Sequence[ResponseTool | ResponseToolParam] | None


class ResponseToolSearchCallParam(TypedDict, total=False):
    """A search of the model for tools, which the client performs. Since Ollama 0.34.0.

    A dict for :class:`ResponseToolSearchCall`.
    """

    type: Required[Literal["tool_search_call"]]
    arguments: Required[Mapping[str, Any]]
    id: str | None
    call_id: str | None
    execution: Literal["client"] | str | None
    status: Literal["completed", "in_progress"] | str | None


class ResponseToolSearchOutputParam(TypedDict, total=False):
    """The tools that a search found; the model may call them afterwards. Since Ollama 0.34.0.

    A dict for :class:`ResponseToolSearchOutput`.
    """

    type: Required[Literal["tool_search_output"]]
    tools: Required[Sequence[ResponseTool | ResponseToolParam]]
    id: str | None
    call_id: str | None
    execution: Literal["client"] | str | None
    status: Literal["completed", "in_progress"] | str | None


class ResponseWebSearchActionParam(TypedDict, total=False):
    """The search.

    A dict for :class:`ResponseWebSearchAction`.
    """

    type: Required[str]
    query: str | None


class ResponseWebSearchCallParam(TypedDict, total=False):
    """A web search by the server.

    A dict for :class:`ResponseWebSearchCall`.
    """

    type: Required[Literal["web_search_call"]]
    id: str | None
    status: Literal["completed", "in_progress"] | str | None
    action: ResponseWebSearchAction | ResponseWebSearchActionParam | None


class SystemOneChoiceParam(TypedDict, total=False):
    """Which of several options is right.

    A dict for :class:`SystemOneChoice`.
    """

    type: Required[Literal["choice"]]
    instructions: Required[str | Mapping[str, Any] | Sequence[Any]]
    criteria: Required[Mapping[str, str | None]]


class SystemOneNoulParam(TypedDict, total=False):
    """Whether a statement is true.

    A dict for :class:`SystemOneNoul`.
    """

    type: Required[Literal["noul"]]
    instructions: Required[str | Mapping[str, Any] | Sequence[Any]]
    criteria: SystemOneNoulCriteria | SystemOneNoulCriteriaParam | None


class SystemOneNoulCriteriaParam(TypedDict, total=False):
    """The meaning of true and false; `Yes` and `No` when absent.

    A dict for :class:`SystemOneNoulCriteria`.
    """

    true: str | None
    false: str | None


class SystemOneScoreParam(TypedDict, total=False):
    """To what degree a statement is true.

    A dict for :class:`SystemOneScore`.
    """

    type: Required[Literal["score"]]
    instructions: Required[str | Mapping[str, Any] | Sequence[Any]]
    criteria: Required[Sequence[str]]


class ToolParam(TypedDict, total=False):
    """A tool that the model may call.

    A dict for :class:`Tool`.
    """

    function: Required[ToolFunction | ToolFunctionParam]
    type: Literal["function"] | str | None
    items: Any | None


class ToolCallParam(TypedDict, total=False):
    """A tool call of the model.

    A dict for :class:`ToolCall`.
    """

    function: Required[ToolCallFunction | ToolCallFunctionParam]
    id: str | None


class ToolCallFunctionParam(TypedDict, total=False):
    """A function and the arguments to call it with.

    A dict for :class:`ToolCallFunction`.
    """

    name: Required[str]
    arguments: Required[Mapping[str, Any]]
    index: int | None


class ToolFunctionParam(TypedDict, total=False):
    """A function that the model may call.

    A dict for :class:`ToolFunction`.
    """

    name: Required[str]
    description: str | None
    parameters: ToolParameters | ToolParametersParam | None


ToolParametersParam = TypedDict(
    "ToolParametersParam",
    {
        "type": "str | None",
        "properties": "Mapping[str, ToolProperty | ToolPropertyParam] | None",
        "required": "Sequence[str] | None",
        "$defs": "Any | None",
        "items": "Any | None",
    },
    total=False,
)
"""The parameters of a function, as a JSON schema of an object.

A dict for :class:`ToolParameters`.
"""


class ToolPropertyParam(TypedDict, total=False):
    """One parameter of a function, or a part of one, as a JSON schema.

    A dict for :class:`ToolProperty`.
    """

    type: Literal["array", "boolean", "integer", "number", "object", "string"] | str | Sequence[str] | None
    description: str | None
    enum: Sequence[Any] | None
    items: Any | None
    properties: Mapping[str, ToolProperty | ToolPropertyParam] | None
    required: Sequence[str] | None
    anyOf: Sequence[ToolProperty | ToolPropertyParam] | None
