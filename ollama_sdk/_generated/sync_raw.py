# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""The sync client with raw responses: one method an endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from ollama_sdk._call.request import CallOptions
from ollama_sdk._client import RawResponse, SyncNamespace
from ollama_sdk._timeout import INHERIT

from . import operations as _op

if TYPE_CHECKING:
    from ollama_sdk._codec.annotations import Base64, FileContent, JSONSchema
    from ollama_sdk._timeout import Inherit, TimeoutLike

    from .models import (
        ChatCompletion,
        ChatCompletionMessage,
        ChatCompletionReasoning,
        ChatCompletionRequestMessage,
        ChatCompletionResponseFormat,
        ChatCompletionStreamOptions,
        ChatResponse,
        Completion,
        EmbeddingsResponse,
        EmbedResponse,
        GenerateResponse,
        Message,
        MessagesImageBlock,
        MessagesMessage,
        MessagesMetadata,
        MessagesOtherBlock,
        MessagesOutputConfig,
        MessagesResponse,
        MessagesServerToolUseBlock,
        MessagesTextBlock,
        MessagesThinking,
        MessagesThinkingBlock,
        MessagesTool,
        MessagesToolChoice,
        MessagesToolResultBlock,
        MessagesToolUseBlock,
        MessagesWebSearchResultBlock,
        ModelList,
        ModelRecommendations,
        Options,
        ProgressResponse,
        ResponseFunctionCall,
        ResponseFunctionCallOutput,
        ResponseInputMessage,
        ResponseObject,
        ResponseReasoning,
        ResponseReasoningItem,
        ResponseText,
        ResponseTool,
        ResponseWebSearchCall,
        RunningModelList,
        ShowResponse,
        StatusResponse,
        Tool,
        TranscriptionResponse,
        UserResponse,
        V1EmbeddingList,
        V1Model,
        V1ModelList,
        VersionResponse,
        WebFetchResponse,
        WebSearchResponse,
    )
    from .params import (
        ChatCompletionMessageParam,
        ChatCompletionReasoningParam,
        ChatCompletionRequestMessageParam,
        ChatCompletionResponseFormatParam,
        ChatCompletionStreamOptionsParam,
        MessageParam,
        MessagesImageBlockParam,
        MessagesMessageParam,
        MessagesMetadataParam,
        MessagesOtherBlockParam,
        MessagesOutputConfigParam,
        MessagesServerToolUseBlockParam,
        MessagesTextBlockParam,
        MessagesThinkingBlockParam,
        MessagesThinkingParam,
        MessagesToolChoiceParam,
        MessagesToolParam,
        MessagesToolResultBlockParam,
        MessagesToolUseBlockParam,
        MessagesWebSearchResultBlockParam,
        OptionsParam,
        ResponseFunctionCallOutputParam,
        ResponseFunctionCallParam,
        ResponseInputMessageParam,
        ResponseReasoningItemParam,
        ResponseReasoningParam,
        ResponseTextParam,
        ResponseToolParam,
        ResponseWebSearchCallParam,
        ToolParam,
    )

__all__ = ["RawOllama"]


class RawV1AudioTranscriptions(SyncNamespace):
    """The methods of ``v1.audio.transcriptions``."""

    def create(
        self,
        model: str,
        file: FileContent,
        *,
        response_format: str | None = None,
        language: str | None = None,
        prompt: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[TranscriptionResponse | str]:
        """As ``Ollama.v1.audio.transcriptions.create``, with status and headers."""
        return self._runtime.raw(
            _op.V1_AUDIO_TRANSCRIPTIONS_CREATE,
            {
                "model": model,
                "file": file,
                "response_format": response_format,
                "language": language,
                "prompt": prompt,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1ChatCompletions(SyncNamespace):
    """The methods of ``v1.chat.completions``."""

    def create(
        self,
        model: str,
        messages: Sequence[
            ChatCompletionMessage
            | ChatCompletionMessageParam
            | ChatCompletionRequestMessage
            | ChatCompletionRequestMessageParam
        ],
        *,
        tools: Sequence[Tool | ToolParam] | None = None,
        response_format: ChatCompletionResponseFormat | ChatCompletionResponseFormatParam | None = None,
        stream_options: ChatCompletionStreamOptions | ChatCompletionStreamOptionsParam | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        reasoning_effort: Literal["", "high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"]
        | None = None,
        reasoning: ChatCompletionReasoning | ChatCompletionReasoningParam | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ChatCompletion]:
        """As ``Ollama.v1.chat.completions.create``, with status and headers."""
        return self._runtime.raw(
            _op.V1_CHAT_COMPLETIONS_CREATE,
            {
                "model": model,
                "messages": messages,
                "tools": tools,
                "response_format": response_format,
                "stream_options": stream_options,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "seed": seed,
                "stop": stop,
                "frequency_penalty": frequency_penalty,
                "presence_penalty": presence_penalty,
                "reasoning_effort": reasoning_effort,
                "reasoning": reasoning,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1Audio(SyncNamespace):
    """The methods of ``v1.audio``."""

    @property
    def transcriptions(self) -> RawV1AudioTranscriptions:
        """The ``v1.audio.transcriptions`` methods."""
        return RawV1AudioTranscriptions(self._runtime)


class RawV1Chat(SyncNamespace):
    """The methods of ``v1.chat``."""

    @property
    def completions(self) -> RawV1ChatCompletions:
        """The ``v1.chat.completions`` methods."""
        return RawV1ChatCompletions(self._runtime)


class RawV1Completions(SyncNamespace):
    """The methods of ``v1.completions``."""

    def create(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        stream_options: ChatCompletionStreamOptions | ChatCompletionStreamOptionsParam | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Sequence[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        logprobs: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[Completion]:
        """As ``Ollama.v1.completions.create``, with status and headers."""
        return self._runtime.raw(
            _op.V1_COMPLETIONS_CREATE,
            {
                "model": model,
                "prompt": prompt,
                "suffix": suffix,
                "stream_options": stream_options,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "seed": seed,
                "stop": stop,
                "frequency_penalty": frequency_penalty,
                "presence_penalty": presence_penalty,
                "logprobs": logprobs,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1Embeddings(SyncNamespace):
    """The methods of ``v1.embeddings``."""

    def create(
        self,
        model: str,
        input: str | Sequence[str],
        *,
        dimensions: int | None = None,
        encoding_format: Literal["", "base64", "float"] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[V1EmbeddingList]:
        """As ``Ollama.v1.embeddings.create``, with status and headers."""
        return self._runtime.raw(
            _op.V1_EMBEDDINGS_CREATE,
            {
                "model": model,
                "input": input,
                "dimensions": dimensions,
                "encoding_format": encoding_format,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1Messages(SyncNamespace):
    """The methods of ``v1.messages``."""

    def create(
        self,
        model: str,
        messages: Sequence[MessagesMessage | MessagesMessageParam],
        max_tokens: int,
        *,
        system: str
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
        | None = None,
        tools: Sequence[MessagesTool | MessagesToolParam] | None = None,
        tool_choice: MessagesToolChoice | MessagesToolChoiceParam | None = None,
        thinking: MessagesThinking | MessagesThinkingParam | None = None,
        output_config: MessagesOutputConfig | MessagesOutputConfigParam | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Sequence[str] | None = None,
        metadata: MessagesMetadata | MessagesMetadataParam | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[MessagesResponse]:
        """As ``Ollama.v1.messages.create``, with status and headers."""
        return self._runtime.raw(
            _op.V1_MESSAGES_CREATE,
            {
                "model": model,
                "messages": messages,
                "max_tokens": max_tokens,
                "system": system,
                "tools": tools,
                "tool_choice": tool_choice,
                "thinking": thinking,
                "output_config": output_config,
                "temperature": temperature,
                "top_p": top_p,
                "top_k": top_k,
                "stop_sequences": stop_sequences,
                "metadata": metadata,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1Models(SyncNamespace):
    """The methods of ``v1.models``."""

    def list(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[V1ModelList]:
        """As ``Ollama.v1.models.list``, with status and headers."""
        return self._runtime.raw(
            _op.V1_MODELS_LIST,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[V1Model]:
        """As ``Ollama.v1.models.retrieve``, with status and headers."""
        return self._runtime.raw(
            _op.V1_MODELS_RETRIEVE,
            {
                "model": model,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1Responses(SyncNamespace):
    """The methods of ``v1.responses``."""

    def create(
        self,
        model: str,
        input: str
        | Sequence[
            ResponseInputMessage
            | ResponseInputMessageParam
            | ResponseFunctionCall
            | ResponseFunctionCallParam
            | ResponseFunctionCallOutput
            | ResponseFunctionCallOutputParam
            | ResponseReasoningItem
            | ResponseReasoningItemParam
            | ResponseWebSearchCall
            | ResponseWebSearchCallParam
        ]
        | None = None,
        *,
        instructions: str | None = None,
        tools: Sequence[ResponseTool | ResponseToolParam] | None = None,
        text: ResponseText | ResponseTextParam | None = None,
        reasoning: ResponseReasoning | ResponseReasoningParam | None = None,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        truncation: str | None = None,
        include: Sequence[str] | None = None,
        background: bool | None = None,
        conversation: str | Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ResponseObject]:
        """As ``Ollama.v1.responses.create``, with status and headers."""
        return self._runtime.raw(
            _op.V1_RESPONSES_CREATE,
            {
                "model": model,
                "input": input,
                "instructions": instructions,
                "tools": tools,
                "text": text,
                "reasoning": reasoning,
                "max_output_tokens": max_output_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "truncation": truncation,
                "include": include,
                "background": background,
                "conversation": conversation,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawExperimental(SyncNamespace):
    """The methods of ``experimental``."""

    def model_recommendations(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ModelRecommendations]:
        """As ``Ollama.experimental.model_recommendations``, with status and headers."""
        return self._runtime.raw(
            _op.EXPERIMENTAL_MODEL_RECOMMENDATIONS,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def web_fetch(
        self,
        url: str,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[WebFetchResponse]:
        """As ``Ollama.experimental.web_fetch``, with status and headers."""
        return self._runtime.raw(
            _op.EXPERIMENTAL_WEB_FETCH,
            {
                "url": url,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def web_search(
        self,
        query: str,
        *,
        max_results: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[WebSearchResponse]:
        """As ``Ollama.experimental.web_search``, with status and headers."""
        return self._runtime.raw(
            _op.EXPERIMENTAL_WEB_SEARCH,
            {
                "query": query,
                "max_results": max_results,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )


class RawV1(SyncNamespace):
    """The methods of ``v1``."""

    @property
    def audio(self) -> RawV1Audio:
        """The ``v1.audio`` methods."""
        return RawV1Audio(self._runtime)

    @property
    def chat(self) -> RawV1Chat:
        """The ``v1.chat`` methods."""
        return RawV1Chat(self._runtime)

    @property
    def completions(self) -> RawV1Completions:
        """The ``v1.completions`` methods."""
        return RawV1Completions(self._runtime)

    @property
    def embeddings(self) -> RawV1Embeddings:
        """The ``v1.embeddings`` methods."""
        return RawV1Embeddings(self._runtime)

    @property
    def messages(self) -> RawV1Messages:
        """The ``v1.messages`` methods."""
        return RawV1Messages(self._runtime)

    @property
    def models(self) -> RawV1Models:
        """The ``v1.models`` methods."""
        return RawV1Models(self._runtime)

    @property
    def responses(self) -> RawV1Responses:
        """The ``v1.responses`` methods."""
        return RawV1Responses(self._runtime)


class RawOllama(SyncNamespace):
    """The methods of :class:`Ollama`, returning status and headers with the reply."""

    @property
    def experimental(self) -> RawExperimental:
        """The ``experimental`` methods."""
        return RawExperimental(self._runtime)

    @property
    def v1(self) -> RawV1:
        """The ``v1`` methods."""
        return RawV1(self._runtime)

    def blob_exists(
        self,
        digest: str,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[bool]:
        """As ``Ollama.blob_exists``, with status and headers."""
        return self._runtime.raw(
            _op.BLOB_EXISTS,
            {
                "digest": digest,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def chat(
        self,
        model: str,
        messages: Sequence[Message | MessageParam] | None = None,
        *,
        tools: Sequence[Tool | ToolParam] | None = None,
        format: Literal["", "json"] | JSONSchema | None = None,
        options: Options | OptionsParam | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ChatResponse]:
        """As ``Ollama.chat``, with status and headers."""
        return self._runtime.raw(
            _op.CHAT,
            {
                "model": model,
                "messages": messages,
                "tools": tools,
                "format": format,
                "options": options,
                "think": think,
                "keep_alive": keep_alive,
                "truncate": truncate,
                "shift": shift,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def copy(
        self,
        source: str,
        destination: str,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[None]:
        """As ``Ollama.copy``, with status and headers."""
        return self._runtime.raw(
            _op.COPY,
            {
                "source": source,
                "destination": destination,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def create(
        self,
        model: str,
        *,
        from_: str | None = None,
        files: Mapping[str, str] | None = None,
        adapters: Mapping[str, str] | None = None,
        template: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        messages: Sequence[Message | MessageParam] | None = None,
        license: str | Sequence[str] | None = None,
        quantize: str | None = None,
        draft_files: Mapping[str, str] | None = None,
        draft_quantize: str | None = None,
        renderer: str | None = None,
        parser: str | None = None,
        requires: str | None = None,
        info: Mapping[str, Any] | None = None,
        remote_host: str | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ProgressResponse]:
        """As ``Ollama.create``, with status and headers."""
        return self._runtime.raw(
            _op.CREATE,
            {
                "model": model,
                "from_": from_,
                "files": files,
                "adapters": adapters,
                "template": template,
                "system": system,
                "parameters": parameters,
                "messages": messages,
                "license": license,
                "quantize": quantize,
                "draft_files": draft_files,
                "draft_quantize": draft_quantize,
                "renderer": renderer,
                "parser": parser,
                "requires": requires,
                "info": info,
                "remote_host": remote_host,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def delete(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[None]:
        """As ``Ollama.delete``, with status and headers."""
        return self._runtime.raw(
            _op.DELETE,
            {
                "model": model,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def embed(
        self,
        model: str,
        input: str | Sequence[str] | None = None,
        *,
        dimensions: int | None = None,
        truncate: bool | None = None,
        options: Options | OptionsParam | None = None,
        keep_alive: str | float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[EmbedResponse]:
        """As ``Ollama.embed``, with status and headers."""
        return self._runtime.raw(
            _op.EMBED,
            {
                "model": model,
                "input": input,
                "dimensions": dimensions,
                "truncate": truncate,
                "options": options,
                "keep_alive": keep_alive,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def embeddings(
        self,
        model: str,
        prompt: str | None = None,
        *,
        options: Options | OptionsParam | None = None,
        keep_alive: str | float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[EmbeddingsResponse]:
        """As ``Ollama.embeddings``, with status and headers."""
        return self._runtime.raw(
            _op.EMBEDDINGS,
            {
                "model": model,
                "prompt": prompt,
                "options": options,
                "keep_alive": keep_alive,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def generate(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        system: str | None = None,
        template: str | None = None,
        images: Sequence[Base64] | None = None,
        format: Literal["", "json"] | JSONSchema | None = None,
        options: Options | OptionsParam | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | None = None,
        raw: bool | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        context: Sequence[int] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[GenerateResponse]:
        """As ``Ollama.generate``, with status and headers."""
        return self._runtime.raw(
            _op.GENERATE,
            {
                "model": model,
                "prompt": prompt,
                "suffix": suffix,
                "system": system,
                "template": template,
                "images": images,
                "format": format,
                "options": options,
                "think": think,
                "raw": raw,
                "keep_alive": keep_alive,
                "truncate": truncate,
                "shift": shift,
                "logprobs": logprobs,
                "top_logprobs": top_logprobs,
                "context": context,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def is_available(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[bool]:
        """As ``Ollama.is_available``, with status and headers."""
        return self._runtime.raw(
            _op.IS_AVAILABLE,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def list_models(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ModelList]:
        """As ``Ollama.list_models``, with status and headers."""
        return self._runtime.raw(
            _op.LIST_MODELS,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def list_running(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[RunningModelList]:
        """As ``Ollama.list_running``, with status and headers."""
        return self._runtime.raw(
            _op.LIST_RUNNING,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def me(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[UserResponse]:
        """As ``Ollama.me``, with status and headers."""
        return self._runtime.raw(
            _op.ME,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def pull(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ProgressResponse]:
        """As ``Ollama.pull``, with status and headers."""
        return self._runtime.raw(
            _op.PULL,
            {
                "model": model,
                "insecure": insecure,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def push(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ProgressResponse]:
        """As ``Ollama.push``, with status and headers."""
        return self._runtime.raw(
            _op.PUSH,
            {
                "model": model,
                "insecure": insecure,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def show(
        self,
        model: str,
        *,
        verbose: bool | None = None,
        system: str | None = None,
        template: str | None = None,
        options: Options | OptionsParam | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[ShowResponse]:
        """As ``Ollama.show``, with status and headers."""
        return self._runtime.raw(
            _op.SHOW,
            {
                "model": model,
                "verbose": verbose,
                "system": system,
                "template": template,
                "options": options,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def signout(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[None]:
        """As ``Ollama.signout``, with status and headers."""
        return self._runtime.raw(
            _op.SIGNOUT,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def status(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[StatusResponse]:
        """As ``Ollama.status``, with status and headers."""
        return self._runtime.raw(
            _op.STATUS,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    @overload
    def upload_blob(
        self,
        digest: str | None,
        content: FileContent,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[str]: ...
    @overload
    def upload_blob(
        self,
        *,
        content: FileContent,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[str]: ...
    def upload_blob(
        self,
        digest: str | None = None,
        content: FileContent | None = None,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[str]:
        """As ``Ollama.upload_blob``, with status and headers."""
        return self._runtime.raw(
            _op.UPLOAD_BLOB,
            {
                "digest": digest,
                "content": content,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def version(
        self,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[VersionResponse]:
        """As ``Ollama.version``, with status and headers."""
        return self._runtime.raw(
            _op.VERSION,
            {},
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def web_fetch(
        self,
        url: str,
        *,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[WebFetchResponse]:
        """As ``Ollama.web_fetch``, with status and headers."""
        return self._runtime.raw(
            _op.WEB_FETCH,
            {
                "url": url,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )

    def web_search(
        self,
        query: str,
        *,
        max_results: int | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> RawResponse[WebSearchResponse]:
        """As ``Ollama.web_search``, with status and headers."""
        return self._runtime.raw(
            _op.WEB_SEARCH,
            {
                "query": query,
                "max_results": max_results,
            },
            CallOptions(extra_headers, extra_query, extra_body, timeout),
        )
