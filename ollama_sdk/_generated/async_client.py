# Generated from openapi/ollama.yaml. Do not edit: change that document and run `make generate`.
"""The async client: one method for each endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from ollama_sdk._call.request import CallOptions, exact_signature
from ollama_sdk._client import AsyncClient, AsyncNamespace
from ollama_sdk._timeout import INHERIT

from . import operations as _op

if TYPE_CHECKING:
    from ollama_sdk._call.request import NoOthers
    from ollama_sdk._codec.annotations import Base64, FileContent, JSONSchema
    from ollama_sdk._timeout import Inherit, TimeoutLike
    from ollama_sdk.streaming import AsyncByteStream, AsyncStream

    from .models import (
        BalanceResponse,
        ChatCompletion,
        ChatCompletionChunk,
        ChatCompletionMessage,
        ChatCompletionReasoning,
        ChatCompletionRequestMessage,
        ChatCompletionResponseFormat,
        ChatCompletionStreamOptions,
        ChatResponse,
        Completion,
        CompletionChunk,
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
        MessagesStreamEvent,
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
        ResponseCompaction,
        ResponseCompactionItem,
        ResponseCompactionTrigger,
        ResponseCustomToolCall,
        ResponseCustomToolCallOutput,
        ResponseFunctionCall,
        ResponseFunctionCallOutput,
        ResponseInputMessage,
        ResponseObject,
        ResponseReasoning,
        ResponseReasoningItem,
        ResponseStreamEvent,
        ResponseText,
        ResponseTool,
        ResponseToolSearchCall,
        ResponseToolSearchOutput,
        ResponseWebSearchCall,
        RunningModelList,
        ShowResponse,
        StatusResponse,
        SystemOneChoice,
        SystemOneNoul,
        SystemOneResponse,
        SystemOneScore,
        Tool,
        TranscriptionResponse,
        UsageResponse,
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
        ResponseCompactionItemParam,
        ResponseCompactionTriggerParam,
        ResponseCustomToolCallOutputParam,
        ResponseCustomToolCallParam,
        ResponseFunctionCallOutputParam,
        ResponseFunctionCallParam,
        ResponseInputMessageParam,
        ResponseReasoningItemParam,
        ResponseReasoningParam,
        ResponseTextParam,
        ResponseToolParam,
        ResponseToolSearchCallParam,
        ResponseToolSearchOutputParam,
        ResponseWebSearchCallParam,
        SystemOneChoiceParam,
        SystemOneNoulParam,
        SystemOneScoreParam,
        ToolParam,
    )
    from .raw_async_client import AsyncRawOllama

__all__ = ["AsyncOllama"]


class AsyncV1AudioSpeech(AsyncNamespace):
    """The methods of ``v1.audio.speech``."""

    @exact_signature
    async def create(
        self,
        model: str,
        input: str,
        *,
        voice: Literal["Freya", "Harper", "Sterling", "Toby"] | str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> AsyncByteStream:
        """Speak a text (OpenAI's speech).

        The audio arrives while it is generated. Pass further fields of a server, such as an audio format, in
        `extra_body`.

        Since Ollama 0.40.8.

        ``POST /v1/audio/speech``

        Args:
            model: Name of a speech model.
            input: The text, at most 4096 characters.
            voice: The speaker; `Freya` when absent. It is case-sensitive.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.download(
            _op.V1_AUDIO_SPEECH_CREATE,
            {
                "model": model,
                "input": input,
                "voice": voice,
            },
            _options,
        )


class AsyncV1AudioTranscriptions(AsyncNamespace):
    """The methods of ``v1.audio.transcriptions``."""

    @exact_signature
    async def create(
        self,
        model: str,
        file: FileContent,
        *,
        response_format: Literal["json", "text", "verbose_json"] | str | None = None,
        language: str | None = None,
        prompt: str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> TranscriptionResponse | str:
        """Transcribe a recording.

        Since Ollama 0.20.0.

        ``POST /v1/audio/transcriptions``

        Args:
            model: Name of a model that supports audio.
            file: The recording, at most 25 MiB.
            response_format: `text` is returned as plain text, everything else as JSON.
            language: The language of the recording.
            prompt: Text that helps the model, such as names in the recording.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.V1_AUDIO_TRANSCRIPTIONS_CREATE,
            {
                "model": model,
                "file": file,
                "response_format": response_format,
                "language": language,
                "prompt": prompt,
            },
            _options,
        )


class AsyncV1ChatCompletions(AsyncNamespace):
    """The methods of ``v1.chat.completions``."""

    @overload
    async def create(
        self,
        model: str,
        messages: Iterable[
            ChatCompletionMessage
            | ChatCompletionMessageParam
            | Mapping[str, Any]
            | ChatCompletionRequestMessage
            | ChatCompletionRequestMessageParam
        ],
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        response_format: ChatCompletionResponseFormat
        | ChatCompletionResponseFormatParam
        | Mapping[str, Any]
        | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        reasoning_effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"]
        | str
        | None = None,
        reasoning: ChatCompletionReasoning | ChatCompletionReasoningParam | Mapping[str, Any] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ChatCompletion: ...
    @overload
    async def create(
        self,
        model: str,
        messages: Iterable[
            ChatCompletionMessage
            | ChatCompletionMessageParam
            | Mapping[str, Any]
            | ChatCompletionRequestMessage
            | ChatCompletionRequestMessageParam
        ],
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        response_format: ChatCompletionResponseFormat
        | ChatCompletionResponseFormatParam
        | Mapping[str, Any]
        | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        reasoning_effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"]
        | str
        | None = None,
        reasoning: ChatCompletionReasoning | ChatCompletionReasoningParam | Mapping[str, Any] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[ChatCompletionChunk, ChatCompletion]: ...
    @overload
    async def create(
        self,
        model: str,
        messages: Iterable[
            ChatCompletionMessage
            | ChatCompletionMessageParam
            | Mapping[str, Any]
            | ChatCompletionRequestMessage
            | ChatCompletionRequestMessageParam
        ],
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        response_format: ChatCompletionResponseFormat
        | ChatCompletionResponseFormatParam
        | Mapping[str, Any]
        | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        reasoning_effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"]
        | str
        | None = None,
        reasoning: ChatCompletionReasoning | ChatCompletionReasoningParam | Mapping[str, Any] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk, ChatCompletion]: ...
    @exact_signature
    async def create(
        self,
        model: str,
        messages: Iterable[
            ChatCompletionMessage
            | ChatCompletionMessageParam
            | Mapping[str, Any]
            | ChatCompletionRequestMessage
            | ChatCompletionRequestMessageParam
        ],
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        response_format: ChatCompletionResponseFormat
        | ChatCompletionResponseFormatParam
        | Mapping[str, Any]
        | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        reasoning_effort: Literal["high", "low", "max", "medium", "minimal", "none", "ultra", "xhigh"]
        | str
        | None = None,
        reasoning: ChatCompletionReasoning | ChatCompletionReasoningParam | Mapping[str, Any] | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ChatCompletion | AsyncStream[ChatCompletionChunk, ChatCompletion]:
        """Generate the next message of a conversation (OpenAI's chat completions).

        A complete stream ends with `data:` and `[DONE]`. A stream without it was interrupted.

        ``POST /v1/chat/completions``

        Args:
            model: Name of the model.
            messages: The conversation so far.
            tools: Tools that the model may call.
            response_format: The format of the answer; free text when absent.
            stream_options: Additional items of the stream. Since Ollama 0.5.2.
            max_tokens: Maximum number of tokens to generate; negative is unlimited.
            temperature: Sampling temperature; 0 always takes the most likely token. 1 when absent.
            top_p: Sample from the most likely tokens that together have this probability.
            seed: The same seed and request give the same text.
            stop: A text, or texts, that end the answer, without being part of it.
            frequency_penalty: Penalty for tokens, times how often they have occurred.
            presence_penalty: Penalty for tokens that have occurred.
            reasoning_effort: How much a model reasons before the answer; `none` turns reasoning off. A model takes
                the names that `show().thinking` lists. For a model without such a list, a level that Ollama does not
                have selects the nearest one; any other name is refused. Since Ollama 0.11.5. Of its values, `none`
                since 0.12.4, `minimal` since 0.32.11, `xhigh` since 0.32.11, `ultra` since 0.32.11, `max` since
                0.22.0, any other since 0.34.3.
            reasoning: The same as an object; takes precedence over `reasoning_effort`. Since Ollama 0.11.0.
            logprobs: Whether to return the log probabilities of the answer's tokens. Since Ollama 0.12.11.
            top_logprobs: How many of the most likely tokens to return at each position; only with `logprobs`. Since
                Ollama 0.12.11.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )


class AsyncV1Audio(AsyncNamespace):
    """The methods of ``v1.audio``."""

    @property
    def speech(self) -> AsyncV1AudioSpeech:
        """The ``v1.audio.speech`` methods."""
        return AsyncV1AudioSpeech(self._runtime)

    @property
    def transcriptions(self) -> AsyncV1AudioTranscriptions:
        """The ``v1.audio.transcriptions`` methods."""
        return AsyncV1AudioTranscriptions(self._runtime)


class AsyncV1Chat(AsyncNamespace):
    """The methods of ``v1.chat``."""

    @property
    def completions(self) -> AsyncV1ChatCompletions:
        """The ``v1.chat.completions`` methods."""
        return AsyncV1ChatCompletions(self._runtime)


class AsyncV1Completions(AsyncNamespace):
    """The methods of ``v1.completions``."""

    @overload
    async def create(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        logprobs: int | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> Completion: ...
    @overload
    async def create(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        logprobs: int | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[CompletionChunk, Completion]: ...
    @overload
    async def create(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        logprobs: int | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> Completion | AsyncStream[CompletionChunk, Completion]: ...
    @exact_signature
    async def create(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        stream_options: ChatCompletionStreamOptions
        | ChatCompletionStreamOptionsParam
        | Mapping[str, Any]
        | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        logprobs: int | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> Completion | AsyncStream[CompletionChunk, Completion]:
        """Continue a prompt (OpenAI's completions).

        A complete stream ends with `data:` and `[DONE]`. A stream without it was interrupted.

        ``POST /v1/completions``

        Args:
            model: Name of the model.
            prompt: The prompt. Without it the model is only loaded.
            suffix: Text after the answer, for a model that supports insertion.
            stream_options: Additional items of the stream. Since Ollama 0.5.2.
            max_tokens: Maximum number of tokens to generate; negative is unlimited.
            temperature: Sampling temperature; 0 always takes the most likely token. 1 when absent.
            top_p: Sample from the most likely tokens that together have this probability.
            seed: The same seed and request give the same text.
            stop: A text, or texts, that end the answer, without being part of it.
            frequency_penalty: Penalty for tokens, times how often they have occurred.
            presence_penalty: Penalty for tokens that have occurred.
            logprobs: How many of the most likely tokens to return at each position. Since Ollama 0.12.11.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )


class AsyncV1Embeddings(AsyncNamespace):
    """The methods of ``v1.embeddings``."""

    @exact_signature
    async def create(
        self,
        model: str,
        input: str | Iterable[str],
        *,
        dimensions: int | None = None,
        encoding_format: Literal["array", "base64", "float"] | str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> V1EmbeddingList:
        """Generate embeddings of texts (OpenAI's embeddings).

        ``POST /v1/embeddings``

        Args:
            model: Name of an embedding model.
            input: The text, or the texts.
            dimensions: Number of dimensions to truncate the vectors to; all when absent. Since Ollama 0.11.11.
            encoding_format: Encoding of the vectors; numbers when absent. `array` is for vectors that you read with
                `.array()` or `.buffer()` of the reply; it is sent as `base64`, which takes less than half the bytes.
                Since Ollama 0.12.7.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.V1_EMBEDDINGS_CREATE,
            {
                "model": model,
                "input": input,
                "dimensions": dimensions,
                "encoding_format": encoding_format,
            },
            _options,
        )


class AsyncV1Messages(AsyncNamespace):
    """The methods of ``v1.messages``."""

    @overload
    async def create(
        self,
        model: str,
        messages: Iterable[MessagesMessage | MessagesMessageParam | Mapping[str, Any]],
        max_tokens: int,
        *,
        system: str
        | Iterable[
            MessagesTextBlock
            | MessagesTextBlockParam
            | Mapping[str, Any]
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
        tools: Iterable[MessagesTool | MessagesToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        tool_choice: MessagesToolChoice | MessagesToolChoiceParam | Mapping[str, Any] | None = None,
        thinking: MessagesThinking | MessagesThinkingParam | Mapping[str, Any] | None = None,
        output_config: MessagesOutputConfig | MessagesOutputConfigParam | Mapping[str, Any] | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Iterable[str] | None = None,
        metadata: MessagesMetadata | MessagesMetadataParam | Mapping[str, Any] | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> MessagesResponse: ...
    @overload
    async def create(
        self,
        model: str,
        messages: Iterable[MessagesMessage | MessagesMessageParam | Mapping[str, Any]],
        max_tokens: int,
        *,
        system: str
        | Iterable[
            MessagesTextBlock
            | MessagesTextBlockParam
            | Mapping[str, Any]
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
        tools: Iterable[MessagesTool | MessagesToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        tool_choice: MessagesToolChoice | MessagesToolChoiceParam | Mapping[str, Any] | None = None,
        thinking: MessagesThinking | MessagesThinkingParam | Mapping[str, Any] | None = None,
        output_config: MessagesOutputConfig | MessagesOutputConfigParam | Mapping[str, Any] | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Iterable[str] | None = None,
        metadata: MessagesMetadata | MessagesMetadataParam | Mapping[str, Any] | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[MessagesStreamEvent, MessagesResponse]: ...
    @overload
    async def create(
        self,
        model: str,
        messages: Iterable[MessagesMessage | MessagesMessageParam | Mapping[str, Any]],
        max_tokens: int,
        *,
        system: str
        | Iterable[
            MessagesTextBlock
            | MessagesTextBlockParam
            | Mapping[str, Any]
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
        tools: Iterable[MessagesTool | MessagesToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        tool_choice: MessagesToolChoice | MessagesToolChoiceParam | Mapping[str, Any] | None = None,
        thinking: MessagesThinking | MessagesThinkingParam | Mapping[str, Any] | None = None,
        output_config: MessagesOutputConfig | MessagesOutputConfigParam | Mapping[str, Any] | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Iterable[str] | None = None,
        metadata: MessagesMetadata | MessagesMetadataParam | Mapping[str, Any] | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> MessagesResponse | AsyncStream[MessagesStreamEvent, MessagesResponse]: ...
    @exact_signature
    async def create(
        self,
        model: str,
        messages: Iterable[MessagesMessage | MessagesMessageParam | Mapping[str, Any]],
        max_tokens: int,
        *,
        system: str
        | Iterable[
            MessagesTextBlock
            | MessagesTextBlockParam
            | Mapping[str, Any]
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
        tools: Iterable[MessagesTool | MessagesToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        tool_choice: MessagesToolChoice | MessagesToolChoiceParam | Mapping[str, Any] | None = None,
        thinking: MessagesThinking | MessagesThinkingParam | Mapping[str, Any] | None = None,
        output_config: MessagesOutputConfig | MessagesOutputConfigParam | Mapping[str, Any] | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Iterable[str] | None = None,
        metadata: MessagesMetadata | MessagesMetadataParam | Mapping[str, Any] | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> MessagesResponse | AsyncStream[MessagesStreamEvent, MessagesResponse]:
        """Generate a message (Anthropic's messages).

        Since Ollama 0.14.0.

        ``POST /v1/messages``

        Args:
            model: Name of the model.
            messages: The conversation so far.
            max_tokens: Maximum number of tokens to generate.
            system: A system message, or its parts.
            tools: Tools that the model may call.
            tool_choice: Has no effect.
            thinking: Whether the model thinks before the answer.
            output_config: How much the model thinks before the answer. Since Ollama 0.23.4.
            temperature: Sampling temperature; 0 always takes the most likely token, higher is more varied.
            top_p: Sample from the most likely tokens that together have this probability.
            top_k: Sample from this many of the most likely tokens.
            stop_sequences: Texts that end the answer, without being part of it.
            metadata: Has no effect.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )


class AsyncV1Models(AsyncNamespace):
    """The methods of ``v1.models``."""

    @exact_signature
    async def list(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> V1ModelList:
        """List the models on this server (OpenAI's models).

        ``GET /v1/models``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.V1_MODELS_LIST,
            {},
            _options,
        )

    @exact_signature
    async def retrieve(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> V1Model:
        """One model on this server (OpenAI's models).

        ``GET /v1/models/{model}``

        Args:
            model: Name of the model. Ollama has no route for a name with a slash, escaped or not; `v1.models.list`
                shows such a model.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.V1_MODELS_RETRIEVE,
            {
                "model": model,
            },
            _options,
        )


class AsyncV1Responses(AsyncNamespace):
    """The methods of ``v1.responses``."""

    @exact_signature
    async def compact(
        self,
        model: str,
        input: str
        | Iterable[
            ResponseInputMessage
            | ResponseInputMessageParam
            | Mapping[str, Any]
            | ResponseFunctionCall
            | ResponseFunctionCallParam
            | ResponseFunctionCallOutput
            | ResponseFunctionCallOutputParam
            | ResponseReasoningItem
            | ResponseReasoningItemParam
            | ResponseWebSearchCall
            | ResponseWebSearchCallParam
            | ResponseCompactionItem
            | ResponseCompactionItemParam
            | ResponseCompactionTrigger
            | ResponseCompactionTriggerParam
            | ResponseToolSearchCall
            | ResponseToolSearchCallParam
            | ResponseToolSearchOutput
            | ResponseToolSearchOutputParam
            | ResponseCustomToolCall
            | ResponseCustomToolCallParam
            | ResponseCustomToolCallOutput
            | ResponseCustomToolCallOutputParam
        ],
        *,
        tools: Iterable[ResponseTool | ResponseToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ResponseCompaction:
        """Compact a long conversation (OpenAI's responses).

        Returns one item, which replaces the conversation in the `input` of the next call.

        Since Ollama 0.34.0.

        ``POST /v1/responses/compact``

        Args:
            model: Name of the model.
            input: The user's message, or the conversation so far; no images.
            tools: Tools that the model may call; their names and descriptions count.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.V1_RESPONSES_COMPACT,
            {
                "model": model,
                "input": input,
                "tools": tools,
            },
            _options,
        )

    @overload
    async def create(
        self,
        model: str,
        input: str
        | Iterable[
            ResponseInputMessage
            | ResponseInputMessageParam
            | Mapping[str, Any]
            | ResponseFunctionCall
            | ResponseFunctionCallParam
            | ResponseFunctionCallOutput
            | ResponseFunctionCallOutputParam
            | ResponseReasoningItem
            | ResponseReasoningItemParam
            | ResponseWebSearchCall
            | ResponseWebSearchCallParam
            | ResponseCompactionItem
            | ResponseCompactionItemParam
            | ResponseCompactionTrigger
            | ResponseCompactionTriggerParam
            | ResponseToolSearchCall
            | ResponseToolSearchCallParam
            | ResponseToolSearchOutput
            | ResponseToolSearchOutputParam
            | ResponseCustomToolCall
            | ResponseCustomToolCallParam
            | ResponseCustomToolCallOutput
            | ResponseCustomToolCallOutputParam
        ]
        | None = None,
        *,
        instructions: str | None = None,
        tools: Iterable[ResponseTool | ResponseToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        text: ResponseText | ResponseTextParam | Mapping[str, Any] | None = None,
        reasoning: ResponseReasoning | ResponseReasoningParam | Mapping[str, Any] | None = None,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        truncation: Literal["auto", "disabled"] | str | None = None,
        include: Iterable[str] | None = None,
        background: bool | None = None,
        conversation: str | Mapping[str, Any] | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ResponseObject: ...
    @overload
    async def create(
        self,
        model: str,
        input: str
        | Iterable[
            ResponseInputMessage
            | ResponseInputMessageParam
            | Mapping[str, Any]
            | ResponseFunctionCall
            | ResponseFunctionCallParam
            | ResponseFunctionCallOutput
            | ResponseFunctionCallOutputParam
            | ResponseReasoningItem
            | ResponseReasoningItemParam
            | ResponseWebSearchCall
            | ResponseWebSearchCallParam
            | ResponseCompactionItem
            | ResponseCompactionItemParam
            | ResponseCompactionTrigger
            | ResponseCompactionTriggerParam
            | ResponseToolSearchCall
            | ResponseToolSearchCallParam
            | ResponseToolSearchOutput
            | ResponseToolSearchOutputParam
            | ResponseCustomToolCall
            | ResponseCustomToolCallParam
            | ResponseCustomToolCallOutput
            | ResponseCustomToolCallOutputParam
        ]
        | None = None,
        *,
        instructions: str | None = None,
        tools: Iterable[ResponseTool | ResponseToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        text: ResponseText | ResponseTextParam | Mapping[str, Any] | None = None,
        reasoning: ResponseReasoning | ResponseReasoningParam | Mapping[str, Any] | None = None,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        truncation: Literal["auto", "disabled"] | str | None = None,
        include: Iterable[str] | None = None,
        background: bool | None = None,
        conversation: str | Mapping[str, Any] | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[ResponseStreamEvent, ResponseObject]: ...
    @overload
    async def create(
        self,
        model: str,
        input: str
        | Iterable[
            ResponseInputMessage
            | ResponseInputMessageParam
            | Mapping[str, Any]
            | ResponseFunctionCall
            | ResponseFunctionCallParam
            | ResponseFunctionCallOutput
            | ResponseFunctionCallOutputParam
            | ResponseReasoningItem
            | ResponseReasoningItemParam
            | ResponseWebSearchCall
            | ResponseWebSearchCallParam
            | ResponseCompactionItem
            | ResponseCompactionItemParam
            | ResponseCompactionTrigger
            | ResponseCompactionTriggerParam
            | ResponseToolSearchCall
            | ResponseToolSearchCallParam
            | ResponseToolSearchOutput
            | ResponseToolSearchOutputParam
            | ResponseCustomToolCall
            | ResponseCustomToolCallParam
            | ResponseCustomToolCallOutput
            | ResponseCustomToolCallOutputParam
        ]
        | None = None,
        *,
        instructions: str | None = None,
        tools: Iterable[ResponseTool | ResponseToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        text: ResponseText | ResponseTextParam | Mapping[str, Any] | None = None,
        reasoning: ResponseReasoning | ResponseReasoningParam | Mapping[str, Any] | None = None,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        truncation: Literal["auto", "disabled"] | str | None = None,
        include: Iterable[str] | None = None,
        background: bool | None = None,
        conversation: str | Mapping[str, Any] | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ResponseObject | AsyncStream[ResponseStreamEvent, ResponseObject]: ...
    @exact_signature
    async def create(
        self,
        model: str,
        input: str
        | Iterable[
            ResponseInputMessage
            | ResponseInputMessageParam
            | Mapping[str, Any]
            | ResponseFunctionCall
            | ResponseFunctionCallParam
            | ResponseFunctionCallOutput
            | ResponseFunctionCallOutputParam
            | ResponseReasoningItem
            | ResponseReasoningItemParam
            | ResponseWebSearchCall
            | ResponseWebSearchCallParam
            | ResponseCompactionItem
            | ResponseCompactionItemParam
            | ResponseCompactionTrigger
            | ResponseCompactionTriggerParam
            | ResponseToolSearchCall
            | ResponseToolSearchCallParam
            | ResponseToolSearchOutput
            | ResponseToolSearchOutputParam
            | ResponseCustomToolCall
            | ResponseCustomToolCallParam
            | ResponseCustomToolCallOutput
            | ResponseCustomToolCallOutputParam
        ]
        | None = None,
        *,
        instructions: str | None = None,
        tools: Iterable[ResponseTool | ResponseToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        text: ResponseText | ResponseTextParam | Mapping[str, Any] | None = None,
        reasoning: ResponseReasoning | ResponseReasoningParam | Mapping[str, Any] | None = None,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        truncation: Literal["auto", "disabled"] | str | None = None,
        include: Iterable[str] | None = None,
        background: bool | None = None,
        conversation: str | Mapping[str, Any] | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ResponseObject | AsyncStream[ResponseStreamEvent, ResponseObject]:
        """Generate a response (OpenAI's responses).

        The server stores no responses, so `input` holds the whole conversation each time.

        Since Ollama 0.13.3.

        ``POST /v1/responses``

        Args:
            model: Name of the model.
            input: The user's message, or the conversation so far. Without any, the model is only loaded.
            instructions: A system message before all others.
            tools: Tools that the model may call.
            text: The format of the answer; free text when absent.
            reasoning: How the model reasons before the answer.
            max_output_tokens: Maximum number of tokens to generate; negative is unlimited.
            temperature: Sampling temperature; 0 always takes the most likely token. 1 when absent.
            top_p: Sample from the most likely tokens that together have this probability.
            truncation: Returned unchanged; has no effect.
            include: Has no effect.
            background: Returned unchanged; has no effect.
            conversation: Has no effect; the server stores no conversations.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )


class AsyncV1Systemone(AsyncNamespace):
    """The methods of ``v1.systemone``."""

    @exact_signature
    async def create(
        self,
        model: str,
        state: str | Mapping[str, Any] | Iterable[Any],
        questions: Mapping[
            str,
            SystemOneChoice
            | SystemOneChoiceParam
            | Mapping[str, Any]
            | SystemOneNoul
            | SystemOneNoulParam
            | SystemOneScore
            | SystemOneScoreParam,
        ],
        *,
        images: Iterable[Base64] | None = None,
        keep_alive: str | float | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> SystemOneResponse:
        """Answer questions about a state with probabilities.

        For models with the capability `decision`. The answers are independent of each other. The route is not part
        of OpenAI's API; its errors have the form of the native routes.

        Since Ollama 0.35.0.

        ``POST /v1/systemone``

        Args:
            model: Name of a decision model.
            state: The subject of the questions; objects and arrays are passed to the model as JSON text.
            questions: The questions, by names of your choice; at most 64.
            images: Images for all questions, for a model with vision; PNG, JPEG or WebP. Since Ollama 0.35.1.
            keep_alive: How long the model stays loaded after the call, as a text such as `5m` or `1h30m`, or in
                seconds. A negative value is for ever, 0 unloads it at once. When absent, the server's default
                applies, normally five minutes.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.V1_SYSTEMONE_CREATE,
            {
                "model": model,
                "state": state,
                "questions": questions,
                "images": images,
                "keep_alive": keep_alive,
            },
            _options,
        )


class AsyncExperimental(AsyncNamespace):
    """The methods of ``experimental``."""

    @exact_signature
    async def model_recommendations(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ModelRecommendations:
        """Models that Ollama recommends.

        Since Ollama 0.22.1.

        ``GET /api/experimental/model-recommendations``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.EXPERIMENTAL_MODEL_RECOMMENDATIONS,
            {},
            _options,
        )

    @exact_signature
    async def web_fetch(
        self,
        url: str,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> WebFetchResponse:
        """Fetch a web page through this server.

        The server calls ollama.com with the account that it is signed in to.

        Since Ollama 0.18.0.

        ``POST /api/experimental/web_fetch``

        Args:
            url: Address of the page.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.EXPERIMENTAL_WEB_FETCH,
            {
                "url": url,
            },
            _options,
        )

    @exact_signature
    async def web_search(
        self,
        query: str,
        *,
        max_results: int | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> WebSearchResponse:
        """Search the web through this server.

        The server calls ollama.com with the account that it is signed in to.

        Since Ollama 0.18.0.

        ``POST /api/experimental/web_search``

        Args:
            query: The search terms.
            max_results: Maximum number of results.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.EXPERIMENTAL_WEB_SEARCH,
            {
                "query": query,
                "max_results": max_results,
            },
            _options,
        )


class AsyncV1(AsyncNamespace):
    """The methods of ``v1``."""

    @property
    def audio(self) -> AsyncV1Audio:
        """The ``v1.audio`` methods."""
        return AsyncV1Audio(self._runtime)

    @property
    def chat(self) -> AsyncV1Chat:
        """The ``v1.chat`` methods."""
        return AsyncV1Chat(self._runtime)

    @property
    def completions(self) -> AsyncV1Completions:
        """The ``v1.completions`` methods."""
        return AsyncV1Completions(self._runtime)

    @property
    def embeddings(self) -> AsyncV1Embeddings:
        """The ``v1.embeddings`` methods."""
        return AsyncV1Embeddings(self._runtime)

    @property
    def messages(self) -> AsyncV1Messages:
        """The ``v1.messages`` methods."""
        return AsyncV1Messages(self._runtime)

    @property
    def models(self) -> AsyncV1Models:
        """The ``v1.models`` methods."""
        return AsyncV1Models(self._runtime)

    @property
    def responses(self) -> AsyncV1Responses:
        """The ``v1.responses`` methods."""
        return AsyncV1Responses(self._runtime)

    @property
    def systemone(self) -> AsyncV1Systemone:
        """The ``v1.systemone`` methods."""
        return AsyncV1Systemone(self._runtime)


class AsyncOllama(AsyncClient):
    """A client of an Ollama server, or of several; async, on asyncio and trio.

    No request is made before a method is called. Belongs to the event loop of its first call: make a client in each
    loop, and close it there.

    Args:
        host: The server, in any form that ``OLLAMA_HOST`` takes; by default ``OLLAMA_HOST``. Several servers,
            each a text or an :class:`ollama_sdk.reliability.Endpoint` with its own key, need ``failover``.
        api_key: Sent as a bearer token, also to ollama.com by methods that call it; by default
            ``OLLAMA_API_KEY``. ``""`` sends none. Text, or Pydantic's ``SecretStr``.
        headers: Headers for every request to that server. A method that calls another server, such as
            ``web_search``, sends none of them, except an ``Authorization`` in place of ``api_key``.
        timeout: Limits in seconds; a bare number is ``Timeout(total=…)``, ``None`` waits for ever; a ``Timeout``
            of httpx or httpx2 is converted part by part. By default the limits of ``http_client``, if they are
            not its library's default.
        transport: Any transport of httpx or httpx2, used instead of the SDK's own; closed with the client.
            Timeouts are then as exact as that transport: with httpx's own, each single read may take the time that
            remains at the start of the body.
        http_client: A whole ``httpx.AsyncClient``, or one of httpx2, used instead; left open. Its ``auth`` applies
            if no key is sent.
        max_item_bytes: The largest item of a stream, in bytes after decompression; 64 MiB by default.
        max_body_bytes: The largest reply in one piece, in bytes after decompression; 256 MiB by default. A
            longer reply or item is a :class:`DecodeError`. Of an error body, 1 MiB at most is read.
        retry: Repeat failed calls; off by default, as all policies are. See :mod:`ollama_sdk.reliability`.
        circuit_breaker: Stop calling an endpoint that keeps failing.
        rate_limit: Limit the rate of calls and how many run at once.
        failover: Spread calls over several servers.
        health: How ``client.health`` checks the servers.
        cache: Keep replies and return them again.
        observer: A plain function, called with every event of these policies, in the thread of the event; also
            by the garbage collector for replies that it frees. A lock that it shares with other code must be an
            ``RLock``.

    Raises:
        ConfigurationError: An argument or environment variable cannot work.
    """

    _operations = _op.OPERATIONS

    @property
    def experimental(self) -> AsyncExperimental:
        """The ``experimental`` methods."""
        return AsyncExperimental(self._runtime)

    @property
    def v1(self) -> AsyncV1:
        """The ``v1`` methods."""
        return AsyncV1(self._runtime)

    @property
    def with_raw_response(self) -> AsyncRawOllama:
        """The same methods, returning status and headers with the reply."""
        from ollama_sdk._call.raw import AsyncRawRuntime

        from .raw_async_client import AsyncRawOllama

        return AsyncRawOllama(AsyncRawRuntime(self._runtime))

    @exact_signature
    async def balance(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> BalanceResponse:
        """The balance of an account at ollama.com.

        At ollama.com, the account of the API key; through a local server, the account that the server is signed in
        to. At most ten calls a minute.

        Since Ollama 0.40.1.

        ``GET /api/balance``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.BALANCE,
            {},
            _options,
        )

    @exact_signature
    async def blob_exists(
        self,
        digest: str,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> bool:
        """Whether the server has a blob.

        ``HEAD /api/blobs/{digest}``

        Args:
            digest: SHA-256 of the file, as `sha256:` and 64 hexadecimal digits.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.BLOB_EXISTS,
            {
                "digest": digest,
            },
            _options,
        )

    @overload
    async def chat(
        self,
        model: str,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ChatResponse: ...
    @overload
    async def chat(
        self,
        model: str,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[ChatResponse]: ...
    @overload
    async def chat(
        self,
        model: str,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ChatResponse | AsyncStream[ChatResponse]: ...
    @exact_signature
    async def chat(
        self,
        model: str,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        *,
        tools: Iterable[Tool | ToolParam | Mapping[str, Any] | Callable[..., Any]] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ChatResponse | AsyncStream[ChatResponse]:
        """Generate the next message of a conversation.

        The message may hold tool calls. Without messages, the model is only loaded or, with `keep_alive` 0,
        unloaded; the reply is then one JSON object even when a stream was requested.

        ``POST /api/chat``

        Args:
            model: Name of the model.
            messages: The conversation so far. Without messages the model is only loaded.
            tools: Tools that the model may call.
            format: The format of the answer. `json` is any JSON object; a schema is JSON that matches it; empty is
                free text.
            options: How the model runs and samples tokens.
            think: Whether the model thinks before the answer, or how much: one of the values that `show().thinking`
                lists; an unknown name selects the model's default. When absent, a model that supports thinking
                thinks. Since Ollama 0.9.0. Of its values, `low` since 0.11.0, `medium` since 0.11.0, `high` since
                0.11.0, `max` since 0.22.0, any other since 0.34.3.
            keep_alive: How long the model stays loaded after the call, as a text such as `5m` or `1h30m`, or in
                seconds. A negative value is for ever, 0 unloads it at once. When absent, the server's default
                applies, normally five minutes.
            truncate: Whether the oldest messages are dropped when the conversation is too long, instead of refusing
                it. True when absent. Since Ollama 0.12.6.
            shift: Whether older tokens are dropped when the context is full, instead of ending the answer. True when
                absent. Since Ollama 0.12.6.
            logprobs: Whether to return the log probabilities of the answer's tokens. Since Ollama 0.12.11.
            top_logprobs: How many of the most likely tokens to return at each position; only with `logprobs`. Since
                Ollama 0.12.11.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )

    @exact_signature
    async def copy(
        self,
        source: str,
        destination: str,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> None:
        """Copy a model to a second name.

        ``POST /api/copy``

        Args:
            source: Name of the model.
            destination: The second name.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.COPY,
            {
                "source": source,
                "destination": destination,
            },
            _options,
        )

    @overload
    async def create(
        self,
        model: str,
        *,
        from_: str | None = None,
        files: Mapping[str, str] | None = None,
        adapters: Mapping[str, str] | None = None,
        template: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        license: str | Iterable[str] | None = None,
        quantize: str | None = None,
        draft_files: Mapping[str, str] | None = None,
        draft_quantize: str | None = None,
        renderer: str | None = None,
        parser: str | None = None,
        requires: str | None = None,
        info: Mapping[str, Any] | None = None,
        remote_host: str | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ProgressResponse: ...
    @overload
    async def create(
        self,
        model: str,
        *,
        from_: str | None = None,
        files: Mapping[str, str] | None = None,
        adapters: Mapping[str, str] | None = None,
        template: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        license: str | Iterable[str] | None = None,
        quantize: str | None = None,
        draft_files: Mapping[str, str] | None = None,
        draft_quantize: str | None = None,
        renderer: str | None = None,
        parser: str | None = None,
        requires: str | None = None,
        info: Mapping[str, Any] | None = None,
        remote_host: str | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[ProgressResponse]: ...
    @overload
    async def create(
        self,
        model: str,
        *,
        from_: str | None = None,
        files: Mapping[str, str] | None = None,
        adapters: Mapping[str, str] | None = None,
        template: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        license: str | Iterable[str] | None = None,
        quantize: str | None = None,
        draft_files: Mapping[str, str] | None = None,
        draft_quantize: str | None = None,
        renderer: str | None = None,
        parser: str | None = None,
        requires: str | None = None,
        info: Mapping[str, Any] | None = None,
        remote_host: str | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ProgressResponse | AsyncStream[ProgressResponse]: ...
    @exact_signature
    async def create(
        self,
        model: str,
        *,
        from_: str | None = None,
        files: Mapping[str, str] | None = None,
        adapters: Mapping[str, str] | None = None,
        template: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        messages: Iterable[Message | MessageParam | Mapping[str, Any]] | None = None,
        license: str | Iterable[str] | None = None,
        quantize: str | None = None,
        draft_files: Mapping[str, str] | None = None,
        draft_quantize: str | None = None,
        renderer: str | None = None,
        parser: str | None = None,
        requires: str | None = None,
        info: Mapping[str, Any] | None = None,
        remote_host: str | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ProgressResponse | AsyncStream[ProgressResponse]:
        """Create a model from another one or from uploaded files.

        Needs `from` or `files`. A failure before the stream begins has a status of its own; a later one ends the
        stream with an error.

        ``POST /api/create``

        Args:
            model: Name of the new model.
            from_: Name of the model to create it from. Since Ollama 0.5.5.
            files: Files to create it from: the digest of an uploaded blob for each file name. Since Ollama 0.5.5.
            adapters: LoRA adapters to apply: the digest of an uploaded blob for each file name. Since Ollama 0.5.5.
            template: The template that turns messages into a prompt. Since Ollama 0.5.5.
            system: System message of the model. Since Ollama 0.5.5.
            parameters: Options of the model, by name; those of `Options` and lists of them. Since Ollama 0.5.5.
            messages: Messages at the start of every conversation. Since Ollama 0.5.5.
            license: The licence, or the licences. Since Ollama 0.5.5.
            quantize: How to quantize the parameters. For safetensors, it has no effect from Ollama 0.34.1 on.
            draft_files: Files of a draft model: the digest of an uploaded blob for each file name. Since Ollama
                0.30.0.
            draft_quantize: How to quantize the draft model's parameters. Since Ollama 0.30.0.
            renderer: The renderer of the prompts, in place of the template. Since Ollama 0.12.0.
            parser: The parser of the answers. Since Ollama 0.12.0.
            requires: The oldest version of Ollama that runs the model. Since Ollama 0.14.0.
            info: Metadata by key, which replace those of the files. From Ollama 0.35.1 on, `capabilities` lists what
                a local model can do. Since Ollama 0.12.0.
            remote_host: Address of the host that will run the model. Since Ollama 0.12.0.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )

    @exact_signature
    async def delete(
        self,
        model: str,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> None:
        """Delete a model from this server.

        ``DELETE /api/delete``

        Args:
            model: Name of the model; from Ollama 0.40.2 on also the digest of one of its builds.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.DELETE,
            {
                "model": model,
            },
            _options,
        )

    @exact_signature
    async def embed(
        self,
        model: str,
        input: str | Iterable[str] | None = None,
        *,
        dimensions: int | None = None,
        truncate: bool | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        keep_alive: str | float | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> EmbedResponse:
        """Generate embeddings of texts.

        Returns one vector of length 1 for each text. An empty input returns no vectors and loads the model.

        ``POST /api/embed``

        Args:
            model: Name of an embedding model.
            input: The text, or the texts. Without any, the model is only loaded.
            dimensions: Number of dimensions to truncate the vectors to; all when absent. Since Ollama 0.11.11.
            truncate: Whether a text that is too long is truncated instead of refused. True when absent.
            options: How the model runs.
            keep_alive: How long the model stays loaded after the call, as a text such as `5m` or `1h30m`, or in
                seconds. A negative value is for ever, 0 unloads it at once. When absent, the server's default
                applies, normally five minutes.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.EMBED,
            {
                "model": model,
                "input": input,
                "dimensions": dimensions,
                "truncate": truncate,
                "options": options,
                "keep_alive": keep_alive,
            },
            _options,
        )

    @exact_signature
    async def embeddings(
        self,
        model: str,
        prompt: str | None = None,
        *,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        keep_alive: str | float | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> EmbeddingsResponse:
        """Generate the embedding of one text.

        Superseded by `embed`, which takes many texts at once and returns token counts.

        Deprecated: superseded by a newer method.

        ``POST /api/embeddings``

        Args:
            model: Name of an embedding model.
            prompt: The text. Without it the model is only loaded.
            options: How the model runs.
            keep_alive: How long the model stays loaded after the call, as a text such as `5m` or `1h30m`, or in
                seconds. A negative value is for ever, 0 unloads it at once. When absent, the server's default
                applies, normally five minutes.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.EMBEDDINGS,
            {
                "model": model,
                "prompt": prompt,
                "options": options,
                "keep_alive": keep_alive,
            },
            _options,
        )

    @overload
    async def generate(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        system: str | None = None,
        template: str | None = None,
        images: Iterable[Base64] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        raw: bool | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        context: Iterable[int] | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> GenerateResponse: ...
    @overload
    async def generate(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        system: str | None = None,
        template: str | None = None,
        images: Iterable[Base64] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        raw: bool | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        context: Iterable[int] | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[GenerateResponse]: ...
    @overload
    async def generate(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        system: str | None = None,
        template: str | None = None,
        images: Iterable[Base64] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        raw: bool | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        context: Iterable[int] | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> GenerateResponse | AsyncStream[GenerateResponse]: ...
    @exact_signature
    async def generate(
        self,
        model: str,
        prompt: str | None = None,
        *,
        suffix: str | None = None,
        system: str | None = None,
        template: str | None = None,
        images: Iterable[Base64] | None = None,
        format: Literal["json"] | str | JSONSchema | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        think: bool | Literal["high", "low", "max", "medium"] | str | None = None,
        raw: bool | None = None,
        keep_alive: str | float | None = None,
        truncate: bool | None = None,
        shift: bool | None = None,
        logprobs: bool | None = None,
        top_logprobs: int | None = None,
        context: Iterable[int] | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> GenerateResponse | AsyncStream[GenerateResponse]:
        """Generate text from a prompt.

        Without a prompt, the model is only loaded or, with `keep_alive` 0, unloaded; the reply is then one JSON
        object even when a stream was requested.

        ``POST /api/generate``

        Args:
            model: Name of the model.
            prompt: The prompt. Without it the model is only loaded.
            suffix: Text after the answer, for a model that supports insertion.
            system: Replaces the model's own system message.
            template: Replaces the model's own template.
            images: Images of the prompt, for a model with vision; base64, not a data URL.
            format: The format of the answer. `json` is any JSON object; a schema is JSON that matches it; empty is
                free text.
            options: How the model runs and samples tokens.
            think: Whether the model thinks before the answer, or how much: one of the values that `show().thinking`
                lists; an unknown name selects the model's default. When absent, a model that supports thinking
                thinks. Since Ollama 0.9.0. Of its values, `low` since 0.11.0, `medium` since 0.11.0, `high` since
                0.11.0, `max` since 0.22.0, any other since 0.34.3.
            raw: Whether the prompt is sent to the model without a template.
            keep_alive: How long the model stays loaded after the call, as a text such as `5m` or `1h30m`, or in
                seconds. A negative value is for ever, 0 unloads it at once. When absent, the server's default
                applies, normally five minutes.
            truncate: Whether a prompt that is too long is truncated instead of refused. True when absent. Since
                Ollama 0.12.6.
            shift: Whether older tokens are dropped when the context is full, instead of ending the answer. True when
                absent. Since Ollama 0.12.6.
            logprobs: Whether to return the log probabilities of the answer's tokens. Since Ollama 0.12.11.
            top_logprobs: How many of the most likely tokens to return at each position; only with `logprobs`. Since
                Ollama 0.12.11.
            context: Tokens of the conversation so far, from an earlier reply. Superseded by `chat`.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
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
            _options,
            stream,
        )

    @exact_signature
    async def is_available(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> bool:
        """Whether a server responds.

        True when an Ollama server responds at this address, false when none does.

        ``HEAD /``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.IS_AVAILABLE,
            {},
            _options,
        )

    @exact_signature
    async def list_models(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ModelList:
        """List the models on this server.

        ``GET /api/tags``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.LIST_MODELS,
            {},
            _options,
        )

    @exact_signature
    async def list_running(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> RunningModelList:
        """List the models that are loaded.

        ``GET /api/ps``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.LIST_RUNNING,
            {},
            _options,
        )

    @exact_signature
    async def me(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> UserResponse:
        """The account that this server is signed in to.

        Since Ollama 0.12.0.

        ``POST /api/me``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.ME,
            {},
            _options,
        )

    @overload
    async def pull(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ProgressResponse: ...
    @overload
    async def pull(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[ProgressResponse]: ...
    @overload
    async def pull(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ProgressResponse | AsyncStream[ProgressResponse]: ...
    @exact_signature
    async def pull(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ProgressResponse | AsyncStream[ProgressResponse]:
        """Download a model from a registry.

        Files from an earlier download are not downloaded again, so an interrupted pull resumes. A failure after the
        stream has begun ends it with an error; in one piece the same failure is a 500.

        ``POST /api/pull``

        Args:
            model: Name of the model, with the registry unless it is Ollama's.
            insecure: Whether the connection to the registry may be unencrypted.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
            _op.PULL,
            {
                "model": model,
                "insecure": insecure,
            },
            _options,
            stream,
        )

    @overload
    async def push(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: Literal[False] = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ProgressResponse: ...
    @overload
    async def push(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: Literal[True],
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> AsyncStream[ProgressResponse]: ...
    @overload
    async def push(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: bool,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> ProgressResponse | AsyncStream[ProgressResponse]: ...
    @exact_signature
    async def push(
        self,
        model: str,
        *,
        insecure: bool | None = None,
        stream: bool = False,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ProgressResponse | AsyncStream[ProgressResponse]:
        """Upload a model to a registry.

        Files that the registry already has are not sent again. A failure after the stream has begun ends it with an
        error; in one piece the same failure is a 500.

        ``POST /api/push``

        Args:
            model: Name of the model, with the namespace to upload it to.
            insecure: Whether the connection to the registry may be unencrypted.
            stream: Whether to return a stream of items instead of one reply.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.invoke(
            _op.PUSH,
            {
                "model": model,
                "insecure": insecure,
            },
            _options,
            stream,
        )

    @exact_signature
    async def show(
        self,
        model: str,
        *,
        verbose: bool | None = None,
        system: str | None = None,
        template: str | None = None,
        options: Options | OptionsParam | Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> ShowResponse:
        """Details of a model.

        ``POST /api/show``

        Args:
            model: Name of the model.
            verbose: Whether long metadata, such as the vocabulary, are included in full.
            system: Show the model as if it had this system message.
            template: Show the model as if it had this template.
            options: Show the model as if it had these options.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.SHOW,
            {
                "model": model,
                "verbose": verbose,
                "system": system,
                "template": template,
                "options": options,
            },
            _options,
        )

    @exact_signature
    async def signout(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> None:
        """Sign this server out of its account.

        Since Ollama 0.12.1.

        ``POST /api/signout``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.SIGNOUT,
            {},
            _options,
        )

    @exact_signature
    async def status(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> StatusResponse:
        """Which features of the server are disabled.

        Since Ollama 0.16.2.

        ``GET /api/status``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.STATUS,
            {},
            _options,
        )

    @overload
    async def upload_blob(
        self,
        digest: str | None,
        content: FileContent,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> str: ...
    @overload
    async def upload_blob(
        self,
        *,
        content: FileContent,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
    ) -> str: ...
    @exact_signature
    async def upload_blob(
        self,
        digest: str | None = None,
        content: FileContent | None = None,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> str:
        """Upload a blob from which a model can be created.

        ``POST /api/blobs/{digest}``

        Args:
            digest: SHA-256 of the file, as `sha256:` and 64 hexadecimal digits.
            content: The content: bytes, the path of a file, or a binary file; never read into memory as a whole.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.UPLOAD_BLOB,
            {
                "digest": digest,
                "content": content,
            },
            _options,
        )

    @exact_signature
    async def usage(
        self,
        *,
        range: Literal["24h", "30d", "7d"] | str | None = None,
        scope: Literal["self", "team"] | str | None = None,
        group_by: Literal["model"] | str | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> UsageResponse:
        """The usage of an account at ollama.com.

        At ollama.com, the account of the API key; through a local server, the account that the server is signed in
        to. At most ten calls a minute; recent usage may appear with a delay.

        Since Ollama 0.40.1.

        ``GET /api/usage``

        Args:
            range: The time range; seven days when absent.
            scope: The users that count; `team` only for its administrators. Yourself when absent.
            group_by: How the usage is grouped.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.USAGE,
            {
                "range": range,
                "scope": scope,
                "group_by": group_by,
            },
            _options,
        )

    @exact_signature
    async def version(
        self,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> VersionResponse:
        """The version of Ollama that the server runs.

        ``GET /api/version``

        Args:
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.VERSION,
            {},
            _options,
        )

    @exact_signature
    async def web_fetch(
        self,
        url: str,
        *,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> WebFetchResponse:
        """Fetch a web page.

        Only ollama.com serves this route; it needs an API key.

        ``POST /api/web_fetch`` at https://ollama.com

        Args:
            url: Address of the page.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.WEB_FETCH,
            {
                "url": url,
            },
            _options,
        )

    @exact_signature
    async def web_search(
        self,
        query: str,
        *,
        max_results: int | None = None,
        extra_headers: Mapping[str, str | None] | None = None,
        extra_query: Mapping[str, Any] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeout: TimeoutLike | Inherit = INHERIT,
        **others: Unpack[NoOthers],
    ) -> WebSearchResponse:
        """Search the web.

        Only ollama.com serves this route; it needs an API key.

        ``POST /api/web_search`` at https://ollama.com

        Args:
            query: The search terms.
            max_results: Maximum number of results.
            extra_headers: Headers to add or replace.
            extra_query: Query parameters to add.
            extra_body: Fields to add to the body or to replace, sent unchanged.
            timeout: Limits of this call in seconds; a bare number is the total.

        Raises:
            ConfigurationError: An argument cannot be sent.
            APIConnectionError: No usable response was received.
            APITimeoutError: A time limit was exceeded.
            APIStatusError: The server answered with an error status; each status has a subclass.
            ReplyError: The reply failed or is incomplete.
            DecodeError: The reply does not have the documented form.
        """
        __tracebackhide__ = True
        _options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)
        del extra_headers, others
        return await self._runtime.call(
            _op.WEB_SEARCH,
            {
                "query": query,
                "max_results": max_results,
            },
            _options,
        )
