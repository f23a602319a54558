# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""The models of requests and replies. Each module is imported when its class is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .balance_included import BalanceIncluded as BalanceIncluded
    from .balance_limit import BalanceLimit as BalanceLimit
    from .balance_period import BalancePeriod as BalancePeriod
    from .balance_purchased import BalancePurchased as BalancePurchased
    from .balance_response import BalanceResponse as BalanceResponse
    from .capability import Capability as Capability
    from .chat_completion import ChatCompletion as ChatCompletion
    from .chat_completion_audio import ChatCompletionAudio as ChatCompletionAudio
    from .chat_completion_audio_part import ChatCompletionAudioPart as ChatCompletionAudioPart
    from .chat_completion_choice import ChatCompletionChoice as ChatCompletionChoice
    from .chat_completion_chunk import ChatCompletionChunk as ChatCompletionChunk
    from .chat_completion_chunk_choice import ChatCompletionChunkChoice as ChatCompletionChunkChoice
    from .chat_completion_content_part import ChatCompletionContentPart as ChatCompletionContentPart
    from .chat_completion_delta import ChatCompletionDelta as ChatCompletionDelta
    from .chat_completion_function_call_delta import ChatCompletionFunctionCallDelta as ChatCompletionFunctionCallDelta
    from .chat_completion_image_part import ChatCompletionImagePart as ChatCompletionImagePart
    from .chat_completion_image_url import ChatCompletionImageURL as ChatCompletionImageURL
    from .chat_completion_input_message import ChatCompletionInputMessage as ChatCompletionInputMessage
    from .chat_completion_json_schema import ChatCompletionJSONSchema as ChatCompletionJSONSchema
    from .chat_completion_message import ChatCompletionMessage as ChatCompletionMessage
    from .chat_completion_reasoning import ChatCompletionReasoning as ChatCompletionReasoning
    from .chat_completion_request_message import ChatCompletionRequestMessage as ChatCompletionRequestMessage
    from .chat_completion_response_format import ChatCompletionResponseFormat as ChatCompletionResponseFormat
    from .chat_completion_stream_options import ChatCompletionStreamOptions as ChatCompletionStreamOptions
    from .chat_completion_text_part import ChatCompletionTextPart as ChatCompletionTextPart
    from .chat_completion_tool_call import ChatCompletionToolCall as ChatCompletionToolCall
    from .chat_completion_tool_call_delta import ChatCompletionToolCallDelta as ChatCompletionToolCallDelta
    from .chat_completion_tool_call_function import ChatCompletionToolCallFunction as ChatCompletionToolCallFunction
    from .chat_response import ChatResponse as ChatResponse
    from .cloud_status import CloudStatus as CloudStatus
    from .completion import Completion as Completion
    from .completion_choice import CompletionChoice as CompletionChoice
    from .completion_chunk import CompletionChunk as CompletionChunk
    from .completion_logprobs import CompletionLogprobs as CompletionLogprobs
    from .completion_prompt_tokens_details import CompletionPromptTokensDetails as CompletionPromptTokensDetails
    from .completion_usage import CompletionUsage as CompletionUsage
    from .embed_response import EmbedResponse as EmbedResponse
    from .embeddings_response import EmbeddingsResponse as EmbeddingsResponse
    from .generate_response import GenerateResponse as GenerateResponse
    from .logprob import Logprob as Logprob
    from .message import Message as Message
    from .messages_block_delta import MessagesBlockDelta as MessagesBlockDelta
    from .messages_block_delta_event import MessagesBlockDeltaEvent as MessagesBlockDeltaEvent
    from .messages_block_start_event import MessagesBlockStartEvent as MessagesBlockStartEvent
    from .messages_block_stop_event import MessagesBlockStopEvent as MessagesBlockStopEvent
    from .messages_citation import MessagesCitation as MessagesCitation
    from .messages_content_block import MessagesContentBlock as MessagesContentBlock
    from .messages_delta import MessagesDelta as MessagesDelta
    from .messages_delta_event import MessagesDeltaEvent as MessagesDeltaEvent
    from .messages_delta_usage import MessagesDeltaUsage as MessagesDeltaUsage
    from .messages_error import MessagesError as MessagesError
    from .messages_error_response import MessagesErrorResponse as MessagesErrorResponse
    from .messages_image_block import MessagesImageBlock as MessagesImageBlock
    from .messages_image_source import MessagesImageSource as MessagesImageSource
    from .messages_input_delta import MessagesInputDelta as MessagesInputDelta
    from .messages_message import MessagesMessage as MessagesMessage
    from .messages_metadata import MessagesMetadata as MessagesMetadata
    from .messages_other_block import MessagesOtherBlock as MessagesOtherBlock
    from .messages_other_delta import MessagesOtherDelta as MessagesOtherDelta
    from .messages_other_event import MessagesOtherEvent as MessagesOtherEvent
    from .messages_output_config import MessagesOutputConfig as MessagesOutputConfig
    from .messages_ping_event import MessagesPingEvent as MessagesPingEvent
    from .messages_response import MessagesResponse as MessagesResponse
    from .messages_server_tool_use_block import MessagesServerToolUseBlock as MessagesServerToolUseBlock
    from .messages_signature_delta import MessagesSignatureDelta as MessagesSignatureDelta
    from .messages_start_event import MessagesStartEvent as MessagesStartEvent
    from .messages_stop_event import MessagesStopEvent as MessagesStopEvent
    from .messages_stream_event import MessagesStreamEvent as MessagesStreamEvent
    from .messages_text_block import MessagesTextBlock as MessagesTextBlock
    from .messages_text_delta import MessagesTextDelta as MessagesTextDelta
    from .messages_thinking import MessagesThinking as MessagesThinking
    from .messages_thinking_block import MessagesThinkingBlock as MessagesThinkingBlock
    from .messages_thinking_delta import MessagesThinkingDelta as MessagesThinkingDelta
    from .messages_tool import MessagesTool as MessagesTool
    from .messages_tool_choice import MessagesToolChoice as MessagesToolChoice
    from .messages_tool_result_block import MessagesToolResultBlock as MessagesToolResultBlock
    from .messages_tool_use_block import MessagesToolUseBlock as MessagesToolUseBlock
    from .messages_usage import MessagesUsage as MessagesUsage
    from .messages_web_search_error import MessagesWebSearchError as MessagesWebSearchError
    from .messages_web_search_result import MessagesWebSearchResult as MessagesWebSearchResult
    from .messages_web_search_result_block import MessagesWebSearchResultBlock as MessagesWebSearchResultBlock
    from .model_details import ModelDetails as ModelDetails
    from .model_list import ModelList as ModelList
    from .model_manifest import ModelManifest as ModelManifest
    from .model_recommendation import ModelRecommendation as ModelRecommendation
    from .model_recommendations import ModelRecommendations as ModelRecommendations
    from .model_summary import ModelSummary as ModelSummary
    from .model_thinking import ModelThinking as ModelThinking
    from .options import Options as Options
    from .progress_response import ProgressResponse as ProgressResponse
    from .response_arguments_delta_event import ResponseArgumentsDeltaEvent as ResponseArgumentsDeltaEvent
    from .response_arguments_done_event import ResponseArgumentsDoneEvent as ResponseArgumentsDoneEvent
    from .response_compaction import ResponseCompaction as ResponseCompaction
    from .response_compaction_item import ResponseCompactionItem as ResponseCompactionItem
    from .response_compaction_trigger import ResponseCompactionTrigger as ResponseCompactionTrigger
    from .response_content_part_event import ResponseContentPartEvent as ResponseContentPartEvent
    from .response_custom_tool_call import ResponseCustomToolCall as ResponseCustomToolCall
    from .response_custom_tool_call_output import ResponseCustomToolCallOutput as ResponseCustomToolCallOutput
    from .response_error import ResponseError as ResponseError
    from .response_function_call import ResponseFunctionCall as ResponseFunctionCall
    from .response_function_call_output import ResponseFunctionCallOutput as ResponseFunctionCallOutput
    from .response_incomplete_details import ResponseIncompleteDetails as ResponseIncompleteDetails
    from .response_input_content import ResponseInputContent as ResponseInputContent
    from .response_input_file import ResponseInputFile as ResponseInputFile
    from .response_input_image import ResponseInputImage as ResponseInputImage
    from .response_input_item import ResponseInputItem as ResponseInputItem
    from .response_input_message import ResponseInputMessage as ResponseInputMessage
    from .response_input_text import ResponseInputText as ResponseInputText
    from .response_input_tokens_details import ResponseInputTokensDetails as ResponseInputTokensDetails
    from .response_item_event import ResponseItemEvent as ResponseItemEvent
    from .response_lifecycle_event import ResponseLifecycleEvent as ResponseLifecycleEvent
    from .response_object import ResponseObject as ResponseObject
    from .response_other_content import ResponseOtherContent as ResponseOtherContent
    from .response_other_event import ResponseOtherEvent as ResponseOtherEvent
    from .response_other_item import ResponseOtherItem as ResponseOtherItem
    from .response_output_content import ResponseOutputContent as ResponseOutputContent
    from .response_output_item import ResponseOutputItem as ResponseOutputItem
    from .response_output_message import ResponseOutputMessage as ResponseOutputMessage
    from .response_output_text import ResponseOutputText as ResponseOutputText
    from .response_output_tokens_details import ResponseOutputTokensDetails as ResponseOutputTokensDetails
    from .response_reasoning import ResponseReasoning as ResponseReasoning
    from .response_reasoning_delta_event import ResponseReasoningDeltaEvent as ResponseReasoningDeltaEvent
    from .response_reasoning_done_event import ResponseReasoningDoneEvent as ResponseReasoningDoneEvent
    from .response_reasoning_item import ResponseReasoningItem as ResponseReasoningItem
    from .response_reasoning_summary import ResponseReasoningSummary as ResponseReasoningSummary
    from .response_stream_event import ResponseStreamEvent as ResponseStreamEvent
    from .response_text import ResponseText as ResponseText
    from .response_text_delta_event import ResponseTextDeltaEvent as ResponseTextDeltaEvent
    from .response_text_done_event import ResponseTextDoneEvent as ResponseTextDoneEvent
    from .response_text_format import ResponseTextFormat as ResponseTextFormat
    from .response_tool import ResponseTool as ResponseTool
    from .response_tool_search_call import ResponseToolSearchCall as ResponseToolSearchCall
    from .response_tool_search_output import ResponseToolSearchOutput as ResponseToolSearchOutput
    from .response_usage import ResponseUsage as ResponseUsage
    from .response_web_search_action import ResponseWebSearchAction as ResponseWebSearchAction
    from .response_web_search_call import ResponseWebSearchCall as ResponseWebSearchCall
    from .response_web_search_event import ResponseWebSearchEvent as ResponseWebSearchEvent
    from .runner import Runner as Runner
    from .running_model import RunningModel as RunningModel
    from .running_model_list import RunningModelList as RunningModelList
    from .show_response import ShowResponse as ShowResponse
    from .status_response import StatusResponse as StatusResponse
    from .system_one_answer import SystemOneAnswer as SystemOneAnswer
    from .system_one_choice import SystemOneChoice as SystemOneChoice
    from .system_one_instructions import SystemOneInstructions as SystemOneInstructions
    from .system_one_noul import SystemOneNoul as SystemOneNoul
    from .system_one_noul_criteria import SystemOneNoulCriteria as SystemOneNoulCriteria
    from .system_one_question import SystemOneQuestion as SystemOneQuestion
    from .system_one_response import SystemOneResponse as SystemOneResponse
    from .system_one_score import SystemOneScore as SystemOneScore
    from .system_one_usage import SystemOneUsage as SystemOneUsage
    from .tensor import Tensor as Tensor
    from .token_logprob import TokenLogprob as TokenLogprob
    from .tool import Tool as Tool
    from .tool_call import ToolCall as ToolCall
    from .tool_call_function import ToolCallFunction as ToolCallFunction
    from .tool_function import ToolFunction as ToolFunction
    from .tool_parameters import ToolParameters as ToolParameters
    from .tool_property import ToolProperty as ToolProperty
    from .transcription_response import TranscriptionResponse as TranscriptionResponse
    from .usage_bucket import UsageBucket as UsageBucket
    from .usage_counters import UsageCounters as UsageCounters
    from .usage_response import UsageResponse as UsageResponse
    from .user_response import UserResponse as UserResponse
    from .v1_embedding import V1Embedding as V1Embedding
    from .v1_embedding_list import V1EmbeddingList as V1EmbeddingList
    from .v1_embedding_usage import V1EmbeddingUsage as V1EmbeddingUsage
    from .v1_model import V1Model as V1Model
    from .v1_model_list import V1ModelList as V1ModelList
    from .version_response import VersionResponse as VersionResponse
    from .web_fetch_response import WebFetchResponse as WebFetchResponse
    from .web_search_response import WebSearchResponse as WebSearchResponse
    from .web_search_result import WebSearchResult as WebSearchResult

MODULES = {
    "BalanceIncluded": "balance_included",
    "BalanceLimit": "balance_limit",
    "BalancePeriod": "balance_period",
    "BalancePurchased": "balance_purchased",
    "BalanceResponse": "balance_response",
    "Capability": "capability",
    "ChatCompletion": "chat_completion",
    "ChatCompletionAudio": "chat_completion_audio",
    "ChatCompletionAudioPart": "chat_completion_audio_part",
    "ChatCompletionChoice": "chat_completion_choice",
    "ChatCompletionChunk": "chat_completion_chunk",
    "ChatCompletionChunkChoice": "chat_completion_chunk_choice",
    "ChatCompletionContentPart": "chat_completion_content_part",
    "ChatCompletionDelta": "chat_completion_delta",
    "ChatCompletionFunctionCallDelta": "chat_completion_function_call_delta",
    "ChatCompletionImagePart": "chat_completion_image_part",
    "ChatCompletionImageURL": "chat_completion_image_url",
    "ChatCompletionInputMessage": "chat_completion_input_message",
    "ChatCompletionJSONSchema": "chat_completion_json_schema",
    "ChatCompletionMessage": "chat_completion_message",
    "ChatCompletionReasoning": "chat_completion_reasoning",
    "ChatCompletionRequestMessage": "chat_completion_request_message",
    "ChatCompletionResponseFormat": "chat_completion_response_format",
    "ChatCompletionStreamOptions": "chat_completion_stream_options",
    "ChatCompletionTextPart": "chat_completion_text_part",
    "ChatCompletionToolCall": "chat_completion_tool_call",
    "ChatCompletionToolCallDelta": "chat_completion_tool_call_delta",
    "ChatCompletionToolCallFunction": "chat_completion_tool_call_function",
    "ChatResponse": "chat_response",
    "CloudStatus": "cloud_status",
    "Completion": "completion",
    "CompletionChoice": "completion_choice",
    "CompletionChunk": "completion_chunk",
    "CompletionLogprobs": "completion_logprobs",
    "CompletionPromptTokensDetails": "completion_prompt_tokens_details",
    "CompletionUsage": "completion_usage",
    "EmbedResponse": "embed_response",
    "EmbeddingsResponse": "embeddings_response",
    "GenerateResponse": "generate_response",
    "Logprob": "logprob",
    "Message": "message",
    "MessagesBlockDelta": "messages_block_delta",
    "MessagesBlockDeltaEvent": "messages_block_delta_event",
    "MessagesBlockStartEvent": "messages_block_start_event",
    "MessagesBlockStopEvent": "messages_block_stop_event",
    "MessagesCitation": "messages_citation",
    "MessagesContentBlock": "messages_content_block",
    "MessagesDelta": "messages_delta",
    "MessagesDeltaEvent": "messages_delta_event",
    "MessagesDeltaUsage": "messages_delta_usage",
    "MessagesError": "messages_error",
    "MessagesErrorResponse": "messages_error_response",
    "MessagesImageBlock": "messages_image_block",
    "MessagesImageSource": "messages_image_source",
    "MessagesInputDelta": "messages_input_delta",
    "MessagesMessage": "messages_message",
    "MessagesMetadata": "messages_metadata",
    "MessagesOtherBlock": "messages_other_block",
    "MessagesOtherDelta": "messages_other_delta",
    "MessagesOtherEvent": "messages_other_event",
    "MessagesOutputConfig": "messages_output_config",
    "MessagesPingEvent": "messages_ping_event",
    "MessagesResponse": "messages_response",
    "MessagesServerToolUseBlock": "messages_server_tool_use_block",
    "MessagesSignatureDelta": "messages_signature_delta",
    "MessagesStartEvent": "messages_start_event",
    "MessagesStopEvent": "messages_stop_event",
    "MessagesStreamEvent": "messages_stream_event",
    "MessagesTextBlock": "messages_text_block",
    "MessagesTextDelta": "messages_text_delta",
    "MessagesThinking": "messages_thinking",
    "MessagesThinkingBlock": "messages_thinking_block",
    "MessagesThinkingDelta": "messages_thinking_delta",
    "MessagesTool": "messages_tool",
    "MessagesToolChoice": "messages_tool_choice",
    "MessagesToolResultBlock": "messages_tool_result_block",
    "MessagesToolUseBlock": "messages_tool_use_block",
    "MessagesUsage": "messages_usage",
    "MessagesWebSearchError": "messages_web_search_error",
    "MessagesWebSearchResult": "messages_web_search_result",
    "MessagesWebSearchResultBlock": "messages_web_search_result_block",
    "ModelDetails": "model_details",
    "ModelList": "model_list",
    "ModelManifest": "model_manifest",
    "ModelRecommendation": "model_recommendation",
    "ModelRecommendations": "model_recommendations",
    "ModelSummary": "model_summary",
    "ModelThinking": "model_thinking",
    "Options": "options",
    "ProgressResponse": "progress_response",
    "ResponseArgumentsDeltaEvent": "response_arguments_delta_event",
    "ResponseArgumentsDoneEvent": "response_arguments_done_event",
    "ResponseCompaction": "response_compaction",
    "ResponseCompactionItem": "response_compaction_item",
    "ResponseCompactionTrigger": "response_compaction_trigger",
    "ResponseContentPartEvent": "response_content_part_event",
    "ResponseCustomToolCall": "response_custom_tool_call",
    "ResponseCustomToolCallOutput": "response_custom_tool_call_output",
    "ResponseError": "response_error",
    "ResponseFunctionCall": "response_function_call",
    "ResponseFunctionCallOutput": "response_function_call_output",
    "ResponseIncompleteDetails": "response_incomplete_details",
    "ResponseInputContent": "response_input_content",
    "ResponseInputFile": "response_input_file",
    "ResponseInputImage": "response_input_image",
    "ResponseInputItem": "response_input_item",
    "ResponseInputMessage": "response_input_message",
    "ResponseInputText": "response_input_text",
    "ResponseInputTokensDetails": "response_input_tokens_details",
    "ResponseItemEvent": "response_item_event",
    "ResponseLifecycleEvent": "response_lifecycle_event",
    "ResponseObject": "response_object",
    "ResponseOtherContent": "response_other_content",
    "ResponseOtherEvent": "response_other_event",
    "ResponseOtherItem": "response_other_item",
    "ResponseOutputContent": "response_output_content",
    "ResponseOutputItem": "response_output_item",
    "ResponseOutputMessage": "response_output_message",
    "ResponseOutputText": "response_output_text",
    "ResponseOutputTokensDetails": "response_output_tokens_details",
    "ResponseReasoning": "response_reasoning",
    "ResponseReasoningDeltaEvent": "response_reasoning_delta_event",
    "ResponseReasoningDoneEvent": "response_reasoning_done_event",
    "ResponseReasoningItem": "response_reasoning_item",
    "ResponseReasoningSummary": "response_reasoning_summary",
    "ResponseStreamEvent": "response_stream_event",
    "ResponseText": "response_text",
    "ResponseTextDeltaEvent": "response_text_delta_event",
    "ResponseTextDoneEvent": "response_text_done_event",
    "ResponseTextFormat": "response_text_format",
    "ResponseTool": "response_tool",
    "ResponseToolSearchCall": "response_tool_search_call",
    "ResponseToolSearchOutput": "response_tool_search_output",
    "ResponseUsage": "response_usage",
    "ResponseWebSearchAction": "response_web_search_action",
    "ResponseWebSearchCall": "response_web_search_call",
    "ResponseWebSearchEvent": "response_web_search_event",
    "Runner": "runner",
    "RunningModel": "running_model",
    "RunningModelList": "running_model_list",
    "ShowResponse": "show_response",
    "StatusResponse": "status_response",
    "SystemOneAnswer": "system_one_answer",
    "SystemOneChoice": "system_one_choice",
    "SystemOneInstructions": "system_one_instructions",
    "SystemOneNoul": "system_one_noul",
    "SystemOneNoulCriteria": "system_one_noul_criteria",
    "SystemOneQuestion": "system_one_question",
    "SystemOneResponse": "system_one_response",
    "SystemOneScore": "system_one_score",
    "SystemOneUsage": "system_one_usage",
    "Tensor": "tensor",
    "TokenLogprob": "token_logprob",
    "Tool": "tool",
    "ToolCall": "tool_call",
    "ToolCallFunction": "tool_call_function",
    "ToolFunction": "tool_function",
    "ToolParameters": "tool_parameters",
    "ToolProperty": "tool_property",
    "TranscriptionResponse": "transcription_response",
    "UsageBucket": "usage_bucket",
    "UsageCounters": "usage_counters",
    "UsageResponse": "usage_response",
    "UserResponse": "user_response",
    "V1Embedding": "v1_embedding",
    "V1EmbeddingList": "v1_embedding_list",
    "V1EmbeddingUsage": "v1_embedding_usage",
    "V1Model": "v1_model",
    "V1ModelList": "v1_model_list",
    "VersionResponse": "version_response",
    "WebFetchResponse": "web_fetch_response",
    "WebSearchResponse": "web_search_response",
    "WebSearchResult": "web_search_result",
}

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]
    "BalanceIncluded",
    "BalanceLimit",
    "BalancePeriod",
    "BalancePurchased",
    "BalanceResponse",
    "Capability",
    "ChatCompletion",
    "ChatCompletionAudio",
    "ChatCompletionAudioPart",
    "ChatCompletionChoice",
    "ChatCompletionChunk",
    "ChatCompletionChunkChoice",
    "ChatCompletionContentPart",
    "ChatCompletionDelta",
    "ChatCompletionFunctionCallDelta",
    "ChatCompletionImagePart",
    "ChatCompletionImageURL",
    "ChatCompletionInputMessage",
    "ChatCompletionJSONSchema",
    "ChatCompletionMessage",
    "ChatCompletionReasoning",
    "ChatCompletionRequestMessage",
    "ChatCompletionResponseFormat",
    "ChatCompletionStreamOptions",
    "ChatCompletionTextPart",
    "ChatCompletionToolCall",
    "ChatCompletionToolCallDelta",
    "ChatCompletionToolCallFunction",
    "ChatResponse",
    "CloudStatus",
    "Completion",
    "CompletionChoice",
    "CompletionChunk",
    "CompletionLogprobs",
    "CompletionPromptTokensDetails",
    "CompletionUsage",
    "EmbedResponse",
    "EmbeddingsResponse",
    "GenerateResponse",
    "Logprob",
    "Message",
    "MessagesBlockDelta",
    "MessagesBlockDeltaEvent",
    "MessagesBlockStartEvent",
    "MessagesBlockStopEvent",
    "MessagesCitation",
    "MessagesContentBlock",
    "MessagesDelta",
    "MessagesDeltaEvent",
    "MessagesDeltaUsage",
    "MessagesError",
    "MessagesErrorResponse",
    "MessagesImageBlock",
    "MessagesImageSource",
    "MessagesInputDelta",
    "MessagesMessage",
    "MessagesMetadata",
    "MessagesOtherBlock",
    "MessagesOtherDelta",
    "MessagesOtherEvent",
    "MessagesOutputConfig",
    "MessagesPingEvent",
    "MessagesResponse",
    "MessagesServerToolUseBlock",
    "MessagesSignatureDelta",
    "MessagesStartEvent",
    "MessagesStopEvent",
    "MessagesStreamEvent",
    "MessagesTextBlock",
    "MessagesTextDelta",
    "MessagesThinking",
    "MessagesThinkingBlock",
    "MessagesThinkingDelta",
    "MessagesTool",
    "MessagesToolChoice",
    "MessagesToolResultBlock",
    "MessagesToolUseBlock",
    "MessagesUsage",
    "MessagesWebSearchError",
    "MessagesWebSearchResult",
    "MessagesWebSearchResultBlock",
    "ModelDetails",
    "ModelList",
    "ModelManifest",
    "ModelRecommendation",
    "ModelRecommendations",
    "ModelSummary",
    "ModelThinking",
    "Options",
    "ProgressResponse",
    "ResponseArgumentsDeltaEvent",
    "ResponseArgumentsDoneEvent",
    "ResponseCompaction",
    "ResponseCompactionItem",
    "ResponseCompactionTrigger",
    "ResponseContentPartEvent",
    "ResponseCustomToolCall",
    "ResponseCustomToolCallOutput",
    "ResponseError",
    "ResponseFunctionCall",
    "ResponseFunctionCallOutput",
    "ResponseIncompleteDetails",
    "ResponseInputContent",
    "ResponseInputFile",
    "ResponseInputImage",
    "ResponseInputItem",
    "ResponseInputMessage",
    "ResponseInputText",
    "ResponseInputTokensDetails",
    "ResponseItemEvent",
    "ResponseLifecycleEvent",
    "ResponseObject",
    "ResponseOtherContent",
    "ResponseOtherEvent",
    "ResponseOtherItem",
    "ResponseOutputContent",
    "ResponseOutputItem",
    "ResponseOutputMessage",
    "ResponseOutputText",
    "ResponseOutputTokensDetails",
    "ResponseReasoning",
    "ResponseReasoningDeltaEvent",
    "ResponseReasoningDoneEvent",
    "ResponseReasoningItem",
    "ResponseReasoningSummary",
    "ResponseStreamEvent",
    "ResponseText",
    "ResponseTextDeltaEvent",
    "ResponseTextDoneEvent",
    "ResponseTextFormat",
    "ResponseTool",
    "ResponseToolSearchCall",
    "ResponseToolSearchOutput",
    "ResponseUsage",
    "ResponseWebSearchAction",
    "ResponseWebSearchCall",
    "ResponseWebSearchEvent",
    "Runner",
    "RunningModel",
    "RunningModelList",
    "ShowResponse",
    "StatusResponse",
    "SystemOneAnswer",
    "SystemOneChoice",
    "SystemOneInstructions",
    "SystemOneNoul",
    "SystemOneNoulCriteria",
    "SystemOneQuestion",
    "SystemOneResponse",
    "SystemOneScore",
    "SystemOneUsage",
    "Tensor",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "ToolCallFunction",
    "ToolFunction",
    "ToolParameters",
    "ToolProperty",
    "TranscriptionResponse",
    "UsageBucket",
    "UsageCounters",
    "UsageResponse",
    "UserResponse",
    "V1Embedding",
    "V1EmbeddingList",
    "V1EmbeddingUsage",
    "V1Model",
    "V1ModelList",
    "VersionResponse",
    "WebFetchResponse",
    "WebSearchResponse",
    "WebSearchResult",
]


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{MODULES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return __all__
