"""Calls that only type checkers read: what every method takes and returns, and what they must refuse.

A line with a ``type: ignore`` is one that both checkers refuse; they complain if it ever becomes acceptable.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

import httpx
import httpx2
from PIL import Image

from ollama_sdk import (
    INHERIT,
    APIStatusError,
    APITimeoutError,
    AsyncByteStream,
    AsyncOllama,
    AsyncStream,
    AuthenticationError,
    ByteStream,
    DecodeError,
    HTTPTransport,
    IncompleteReplyError,
    NotFoundError,
    Ollama,
    OllamaError,
    RawResponse,
    ReplyFailedError,
    ResponseHead,
    Stream,
    Timeout,
)
from ollama_sdk.reliability import Retry, RetryTransport
from ollama_sdk.tools import Toolbox, tool
from ollama_sdk.types import (
    Capability,
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionRequestMessage,
    ChatCompletionRequestMessageParam,
    ChatCompletionToolCall,
    ChatResponse,
    Logprob,
    Message,
    MessageParam,
    MessagesContentBlock,
    MessagesMessageParam,
    MessagesResponse,
    MessagesTextBlock,
    Metrics,
    Options,
    OptionsParam,
    ResponseObject,
    ResponseOtherEvent,
    SystemOneAnswer,
    SystemOneResponse,
    SystemOneScore,
    Tool,
    ToolCall,
    ToolFunction,
    ToolParam,
    ToolProperty,
    VersionResponse,
)

DIGEST = "sha256:" + "0" * 64
MESSAGES: list[MessageParam] = [{"role": "user", "content": "Hi"}]
V1_MESSAGES: list[ChatCompletionRequestMessageParam] = [{"role": "user", "content": "Hi"}]
ANTHROPIC: list[MessagesMessageParam] = [{"role": "user", "content": "Hi"}]


# Making a client


def clients_are_made() -> None:
    assert_type(Ollama(), Ollama)
    assert_type(
        Ollama(
            "http://gpu-1:11434",
            api_key="key",
            headers={"X-Team": "red"},
            timeout=Timeout(connect=5, first_item=600, between_items=None, total=1.5),
            max_item_bytes=1024,
        ),
        Ollama,
    )
    assert_type(AsyncOllama("gpu-1", timeout=None), AsyncOllama)
    Ollama(transport=httpx.HTTPTransport(retries=1), timeout=3)
    Ollama(transport=HTTPTransport(proxy="socks5://gateway:1080", trust_env=False, uds=None, ssl_context=None))
    Ollama(http_client=httpx.Client())
    AsyncOllama(transport=httpx.AsyncHTTPTransport(), timeout=INHERIT)
    AsyncOllama(http_client=httpx.AsyncClient())
    Ollama(transport=httpx2.HTTPTransport(), timeout=httpx2.Timeout(5))
    Ollama(http_client=httpx2.Client(), timeout=httpx.Timeout(5))
    AsyncOllama(transport=httpx2.AsyncHTTPTransport())
    AsyncOllama(http_client=httpx2.AsyncClient())
    HTTPTransport(proxy=httpx.Proxy("http://gateway:3128"))
    HTTPTransport(proxy=httpx2.Proxy("http://gateway:3128"))
    RetryTransport(httpx.HTTPTransport(), Retry())
    RetryTransport(httpx2.HTTPTransport(), Retry())
    Ollama(http_client=httpx2.AsyncClient())  # type: ignore[arg-type]
    AsyncOllama(transport=httpx2.HTTPTransport())  # type: ignore[arg-type]
    Ollama(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]
    Ollama(http_client=httpx.AsyncClient())  # type: ignore[arg-type]
    AsyncOllama(transport=httpx.HTTPTransport())  # type: ignore[arg-type]
    AsyncOllama(http_client=httpx.Client())  # type: ignore[arg-type]
    Ollama(hots="gpu-1")  # type: ignore[call-arg]
    Ollama("gpu-1", "key")  # type: ignore[call-arg]
    Ollama(timeout="3")  # type: ignore[arg-type]
    Timeout(read=3)  # type: ignore[call-arg]


def clients_have_views(client: Ollama, async_client: AsyncOllama) -> None:
    assert_type(client.base_url, httpx.URL)
    assert_type(client.with_options(timeout=3, headers={"X-A": "1"}, api_key="key", max_item_bytes=5), Ollama)
    assert_type(async_client.with_options(timeout=None), AsyncOllama)
    client.with_options(host="gpu-2")  # type: ignore[call-arg]
    with client as entered:
        assert_type(entered, Ollama)


async def async_clients_are_context_managers(client: AsyncOllama) -> None:
    async with client as entered:
        assert_type(entered, AsyncOllama)
    await client.close()
    with client:  # type: ignore[attr-defined]
        pass


# What every method returns is checked in tests/client/test_method_types.py, by the document.


def sync_streams_give_items_and_collect_a_reply(client: Ollama) -> None:
    with client.v1.chat.completions.create("llama3.2", V1_MESSAGES, stream=True) as stream:
        for item in stream:
            assert_type(item, ChatCompletionChunk)
        assert_type(stream.collect(), ChatCompletion)


async def async_streams_give_items_and_collect_a_reply(client: AsyncOllama) -> None:
    async with await client.v1.chat.completions.create("llama3.2", V1_MESSAGES, stream=True) as stream:
        async for item in stream:
            assert_type(item, ChatCompletionChunk)
        assert_type(await stream.collect(), ChatCompletion)


# Arguments


def arguments_are_dicts_and_models_mixed(client: Ollama, picture: Path) -> None:
    message = Message(role="user", content="Hi", images=[b"", picture, "QUJD"])
    tool = Tool(function=ToolFunction(name="add"))
    tool_dict: ToolParam = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    options: OptionsParam = {"temperature": 0, "stop": ["\n"]}
    client.chat("llama3.2", [message, {"role": "user", "content": "Hi"}], tools=[tool, tool_dict], options=options)
    client.chat("llama3.2", (message,), options=Options(seed=1), think="high", keep_alive=-1)
    client.chat("llama3.2", [{"role": "user", "images": [b"", picture, "QUJD"]}], keep_alive="5m", think=True)
    client.chat("llama3.2", tools=[{"function": ToolFunction(name="add")}])
    client.generate("llama3.2", images=[b"", picture, "QUJD"], context=[1, 2])
    client.generate("llama3.2", images=[Image.open(picture)])
    client.create("mine", from_="llama3.2", parameters={"stop": ["a"]}, license=["MIT"])
    client.upload_blob(DIGEST, picture)
    client.upload_blob(DIGEST, picture.open("rb"))
    client.v1.audio.transcriptions.create("whisper", picture)


def a_conversation_goes_on_with_the_reply(client: Ollama) -> None:
    messages: list[Message | MessageParam] = [{"role": "user", "content": "Hi"}]
    reply = client.chat("llama3.2", messages)
    messages.append(reply.message)
    for call in reply.message.tool_calls or ():
        assert_type(call, ToolCall)
        assert_type(call.function.arguments, dict[str, Any])
        messages.append({"role": "tool", "content": "3", "tool_name": call.function.name})
        messages.append(Message(role="tool", content="3", tool_call_id=call.id))
    client.chat("llama3.2", messages)


class Answer:
    """What any Pydantic model has."""

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        """The schema."""
        return {}


def formats_are_json_a_schema_or_a_class_with_one(client: Ollama) -> None:
    client.chat("llama3.2", MESSAGES, format="json")
    client.chat("llama3.2", MESSAGES, format={"type": "object"})
    client.generate("llama3.2", format=Answer)
    client.v1.responses.create(
        "llama3.2", "Hi", text={"format": {"type": "json_schema", "name": "a", "schema": Answer}}
    )
    client.v1.messages.create("llama3.2", ANTHROPIC, 10, tools=[{"name": "f", "input_schema": Answer}])
    client.chat("llama3.2", MESSAGES, format=3)  # type: ignore[call-overload]


def known_names_and_others_are_taken(client: Ollama, name: str) -> None:
    for level in ("low", "max", name):
        client.chat("llama3.2", MESSAGES, think=level, format=name)
    client.chat("llama3.2", MESSAGES, think="extreme")
    client.v1.chat.completions.create("llama3.2", [{"role": "user"}], reasoning_effort=name)
    client.v1.responses.create("llama3.2", "Hi", reasoning={"effort": "extreme"})
    client.v1.audio.speech.create("phonon", "Hi", voice=name)
    reason: str | None = client.chat("llama3.2", MESSAGES).done_reason
    capabilities: list[Capability] | None = client.show("llama3.2").capabilities
    texts: list[str] = [reason or "", *(capabilities or ())]
    runner: str | None = client.list_running().models[0].runner
    if runner == "mlx" or reason == "stop" or texts == [name]:
        client.v1.embeddings.create("all-minilm", "Hi", encoding_format="float")
        client.v1.embeddings.create("all-minilm", "Hi", encoding_format="array").array()


def bytes_are_streamed(client: Ollama) -> None:
    with client.v1.audio.speech.create("phonon", "Hi", voice="Freya") as sound:
        assert_type(sound, ByteStream)
        assert_type(next(sound), bytes)
        assert_type(sound.read(), bytes)
        assert_type(sound.save(Path("hi.wav")), int)
        assert_type(sound.head, ResponseHead)


async def bytes_are_streamed_async(client: AsyncOllama) -> None:
    assert_type(await client.v1.audio.speech.create("phonon", "Hi"), AsyncByteStream)
    async with await client.v1.audio.speech.create("phonon", "Hi") as sound:
        assert_type(sound, AsyncByteStream)
        assert_type([chunk async for chunk in sound], list[bytes])
        assert_type(await sound.read(), bytes)
        assert_type(await sound.save("hi.wav"), int)


def questions_are_dicts_or_models(client: Ollama) -> None:
    reply = client.v1.systemone.create(
        "nimble",
        ["a", {"b": 1}],
        {
            "one": {"type": "choice", "instructions": "Which?", "criteria": {"a": None, "b": "the second"}},
            "two": {"type": "noul", "instructions": {"text": "Is it?"}, "criteria": {"true": "so", "false": "not"}},
            "three": SystemOneScore(type="score", instructions="How much?", criteria=["little", "much"]),
        },
        images=[b"png"],
    )
    assert_type(reply.answers, dict[str, SystemOneAnswer])
    assert_type(reply.answers["two"].noul, float | None)
    client.v1.systemone.create("nimble", "x", {"one": {"type": "noul", "instructions": 3}})
    assert_type(reply, SystemOneResponse)


def every_method_takes_extras(client: Ollama, headers: Mapping[str, str]) -> None:
    body = {"new": None}
    assert_type(client.chat("m", extra_headers=headers, extra_query={"a": 1}, extra_body=body, timeout=3), ChatResponse)
    assert_type(client.version(extra_headers=headers, timeout=Timeout(total=1)), VersionResponse)
    assert_type(client.with_raw_response.version(timeout=None), RawResponse[VersionResponse])


def what_checkers_refuse(client: Ollama) -> None:
    client.chat()  # type: ignore[call-overload]
    client.chat(3, MESSAGES)  # type: ignore[call-overload]
    client.chat("llama3.2", MESSAGES, temperature=1)  # type: ignore[call-overload]
    client.embed("llama3.2", prompt="Hi")  # type: ignore[call-arg]
    client.with_raw_response.embed("llama3.2", prompt="Hi")  # type: ignore[call-arg]
    client.chat("llama3.2", "Hi")  # type: ignore[arg-type]
    client.chat("llama3.2", MESSAGES, think=3)  # type: ignore[call-overload]
    client.chat("llama3.2", MESSAGES, stream="yes")  # type: ignore[call-overload]
    client.chat("llama3.2", MESSAGES, None)  # type: ignore[call-overload]
    client.embed("all-minilm", [1, 2])  # type: ignore[list-item]
    client.copy("llama3.2")  # type: ignore[call-arg]
    client.version(model="llama3.2")  # type: ignore[call-arg]
    client.upload_blob(DIGEST)  # type: ignore[call-overload]
    client.upload_blob(content="a path?")  # type: ignore[call-overload]
    client.list_modles()  # type: ignore[attr-defined]
    client.v1.chat.create("llama3.2")  # type: ignore[attr-defined]
    Message(content="no role")  # type: ignore[call-arg]
    Message(role="user", contents="misspelt")  # type: ignore[call-arg]
    Message("user")  # type: ignore[call-arg]
    Options(temperature="hot")  # type: ignore[arg-type]


def what_checkers_refuse_of_clients(client: Ollama) -> None:
    Ollama(retry=3)  # type: ignore[arg-type]
    Ollama(retries=None)  # type: ignore[call-arg]
    client.reconfigure(retry=3)  # type: ignore[arg-type]
    client.with_options(timeouts=3)  # type: ignore[call-arg]


def what_checkers_refuse_of_raw_calls(client: Ollama) -> None:
    raw = client.with_raw_response
    raw.chat()  # type: ignore[call-overload]
    raw.chat("llama3.2", MESSAGES, temperature=1)  # type: ignore[call-overload]
    raw.chat("llama3.2", MESSAGES, stream="yes")  # type: ignore[call-overload]
    raw.copy("llama3.2")  # type: ignore[call-arg]
    raw.version(model="llama3.2")  # type: ignore[call-arg]
    raw.show(3)  # type: ignore[arg-type]
    raw.upload_blob(DIGEST)  # type: ignore[call-overload]
    raw.upload_blob(content="a path?")  # type: ignore[call-overload]
    raw.list_modles()  # type: ignore[attr-defined]
    raw.v1.chat.create("llama3.2")  # type: ignore[attr-defined]
    raw.v1.chat.completions.create("llama3.2")  # type: ignore[call-overload]
    raw.v1.models.retrieve()  # type: ignore[call-arg]
    _ = raw.version().version  # type: ignore[attr-defined]


async def what_checkers_refuse_of_async_raw_calls(client: AsyncOllama) -> None:
    raw = client.with_raw_response
    await raw.chat("llama3.2", MESSAGES, temperature=1)  # type: ignore[call-overload]
    await raw.upload_blob(DIGEST)  # type: ignore[call-overload]
    await raw.version(model="llama3.2")  # type: ignore[call-arg]
    await raw.v1.chat.completions.create("llama3.2")  # type: ignore[call-overload]
    _ = raw.version().parsed  # type: ignore[attr-defined]


async def what_checkers_refuse_of_async_calls(client: AsyncOllama) -> None:
    await client.chat("llama3.2", MESSAGES, temperature=1)  # type: ignore[call-overload]
    _ = client.version().version  # type: ignore[attr-defined]
    for _ in await client.chat("llama3.2", MESSAGES, stream=True):  # type: ignore[attr-defined]
        pass


# Replies


def replies_have_types(client: Ollama) -> None:
    reply = client.chat("llama3.2", MESSAGES)
    assert_type(reply.message, Message)
    assert_type(reply.message.content, str)
    assert_type(reply.message.thinking, str | None)
    assert_type(reply.message.tool_calls, list[ToolCall] | None)
    assert_type(reply.created_at, datetime | None)
    assert_type(reply.done, bool | None)
    assert_type(reply.eval_count, int | None)
    assert_type(reply.logprobs, list[Logprob] | None)
    assert_type(reply.metrics, Metrics)
    assert_type(reply.metrics.tokens_per_second, float | None)
    assert_type(reply.additional_properties, dict[str, Any])
    assert_type(client.embed("all-minilm", "one").embeddings, list[list[float]])
    assert_type(client.v1.embeddings.create("all-minilm", "one").data[0].embedding, Sequence[float])
    assert_type(client.show("llama3.2").model_info, dict[str, Any] | None)
    _ = reply.mesage  # type: ignore[attr-defined]


def unions_narrow_by_class(client: Ollama) -> None:
    content = client.v1.messages.create("llama3.2", ANTHROPIC, 10).content
    assert_type(content, list[MessagesContentBlock])
    for block in content:
        if isinstance(block, MessagesTextBlock):
            assert_type(block.text, str)


def models_are_made_from_and_into_dicts(data: Mapping[str, Any]) -> None:
    assert_type(ChatResponse.from_dict(data), ChatResponse)
    assert_type(Message(role="user").to_dict(), dict[str, Any])
    assert_type(ToolProperty.from_dict(data).properties, dict[str, ToolProperty] | None)


def streams_have_a_head_and_a_state(stream: Stream[ChatResponse], async_stream: AsyncStream[ChatResponse]) -> None:
    assert_type(stream.head, ResponseHead)
    assert_type(stream.head.status_code, int)
    assert_type(async_stream.head.headers, httpx.Headers)
    assert_type(next(stream), ChatResponse)
    assert_type(stream.collect(), ChatResponse)


def raw_responses_have_status_headers_and_the_model(raw: RawResponse[ChatResponse]) -> None:
    assert_type(raw.status_code, int)
    assert_type(raw.headers, httpx.Headers)
    assert_type(raw.parsed, ChatResponse)


# Errors


def errors_have_types(client: Ollama) -> None:
    try:
        client.version()
    except NotFoundError as error:
        assert_type(error.status_code, int)
        assert_type(error.message, str)
        assert_type(error.retry_after, float | None)
    except AuthenticationError as error:
        assert_type(error.signin_url, str | None)
    except APIStatusError as error:
        assert_type(error.response, httpx.Response)
    except IncompleteReplyError as error:
        assert_type(error.items, int)
    except ReplyFailedError as error:
        assert_type(error.message, str)
    except DecodeError as error:
        assert_type(error.where, str)
    except (APITimeoutError, ConnectionError) as error:
        assert_type(error, APITimeoutError | ConnectionError)
    except OllamaError as error:
        assert_type(error, OllamaError)


# Routes without a method


def any_route_can_be_called(client: Ollama, sound: Path) -> None:
    assert_type(client.request("GET", "/x"), dict[str, Any])
    assert_type(client.request("POST", "/x", json={"a": 1}, cast_to=dict, repeat="safe", timeout=3), dict[str, Any])
    assert_type(client.request("POST", "/x", content=sound, cast_to=ChatResponse), ChatResponse)
    assert_type(client.request("POST", "/x", files={"file": sound}, json={"a": 1}, cast_to=bytes), bytes)
    assert_type(client.request("POST", "/x", cast_to=str), str)
    client.request("POST", "/x", cast_to=None)
    items = client.request("POST", "/x", json=[1], stream="sse", last="[DONE]")
    assert_type(items, Stream[dict[str, Any], list[dict[str, Any]]])
    models = client.request("POST", "/x", stream="ndjson", last={"done": True}, cast_to=ChatResponse)
    assert_type(models, Stream[ChatResponse, list[ChatResponse]])
    assert_type(client.with_raw_response.request("GET", "/x"), RawResponse[dict[str, Any]])
    assert_type(client.with_raw_response.request("GET", "/x", cast_to=ChatResponse), RawResponse[ChatResponse])
    assert_type(client.request("POST", "/x", stream="bytes"), ByteStream)
    assert_type(client.with_raw_response.request("POST", "/x", stream="bytes"), RawResponse[ByteStream])
    client.request("POST", "/x", stream="bytes", last=None)  # type: ignore[call-overload]
    client.request("POST", "/x", stream="bytes", cast_to=ChatResponse)  # type: ignore[call-overload]
    client.request("POST", "/x", stream="sse")  # type: ignore[call-overload]
    client.request("POST", "/x", stream=True, last=None)  # type: ignore[call-overload]
    client.request("POST", "/x", cast_to=int)  # type: ignore[arg-type]


async def any_async_route_can_be_called(client: AsyncOllama) -> None:
    assert_type(await client.request("GET", "/x"), dict[str, Any])
    assert_type(await client.request("POST", "/x", json={"a": 1}, cast_to=ChatResponse), ChatResponse)
    items = await client.request("POST", "/x", stream="ndjson", last=None)
    assert_type(items, AsyncStream[dict[str, Any], list[dict[str, Any]]])
    models = await client.request("POST", "/x", stream="sse", last=None, cast_to=ChatResponse)
    assert_type(models, AsyncStream[ChatResponse, list[ChatResponse]])
    assert_type(await client.request("POST", "/x", stream="bytes"), AsyncByteStream)
    raw = await client.with_raw_response.request("POST", "/x", stream="bytes")
    assert_type(raw, RawResponse[AsyncByteStream])
    assert_type(await client.with_raw_response.request("GET", "/x"), RawResponse[dict[str, Any]])


# Dicts in variables, whose types are inferred


def plain_variables_are_arguments(client: Ollama, names: set[str]) -> None:
    messages = [{"role": "user", "content": "Hi"}]
    options = {"temperature": 0}
    weather = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    tools = [weather]
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    client.chat("llama3.2", messages, options=options, tools=tools, format=schema)
    client.chat("llama3.2", (message for message in messages), stream=True)
    client.generate("llama3.2", "Hi", options=options)
    client.embed("all-minilm", names, options=options)
    client.v1.chat.completions.create("llama3.2", messages, tools=tools)
    client.v1.messages.create("llama3.2", messages, 100)
    client.v1.responses.create("llama3.2", messages)
    with_picture = [{"role": "user", "content": "What is this?", "images": [b"PNG", Path("a.png")]}]
    client.chat("llama3.2", with_picture)
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    client.v1.chat.completions.create("llama3.2", [{"role": "user", "content": parts}])


def typed_dicts_are_checked_where_they_are_named() -> None:
    _: MessageParam = {"content": "no role"}  # type: ignore[typeddict-item]
    _ = {"role": "user", "contents": "misspelt"}  # type: ignore[typeddict-unknown-key]
    _ = {"role": "user", "images": [3]}  # type: ignore[list-item]
    options: OptionsParam = {"temprature": 1}  # type: ignore[typeddict-unknown-key]
    assert options


# Unions narrow by their tag


def responses_narrow(client: Ollama) -> None:
    for event in client.v1.responses.create("llama3.2", "Hi", stream=True):
        if event.type == "response.output_text.delta":
            assert_type(event.delta, str)
        elif event.type == "response.completed":
            assert_type(event.response, ResponseObject)
            for item in event.response.output:
                if item.type == "message":
                    for part in item.content:
                        if part.type == "output_text":
                            assert_type(part.text, str)
                elif item.type == "function_call":
                    assert_type(item.arguments, str)
        elif isinstance(event, ResponseOtherEvent):
            text: str = event.type
            assert text


def messages_narrow(client: Ollama) -> None:
    for event in client.v1.messages.create("llama3.2", ANTHROPIC, 100, stream=True):
        if event.type == "content_block_delta":
            delta = event.delta
            if delta.type == "text_delta":
                assert_type(delta.text, str)
            elif delta.type == "input_json_delta":
                assert_type(delta.partial_json, str)
        elif event.type == "message_start":
            assert_type(event.message, MessagesResponse)


def blocks_narrow(reply: MessagesResponse) -> None:
    for block in reply.content:
        match block.type:
            case "text":
                assert_type(block.text, str)
            case "tool_use":
                assert_type(block.input, dict[str, Any])
            case _:
                pass


# Functions as tools


def get_weather(city: str) -> str:
    """The weather of a city."""
    return city


def functions_are_tools(client: Ollama, call: ToolCall, v1_call: ChatCompletionToolCall) -> None:
    tools = [get_weather]
    toolbox = Toolbox(tools, errors="answer")
    client.chat("llama3.2", MESSAGES, tools=tools)
    client.chat("llama3.2", MESSAGES, tools=[get_weather, tool(get_weather), {"type": "function"}])
    client.v1.chat.completions.create("llama3.2", V1_MESSAGES, tools=toolbox)
    client.v1.messages.create("llama3.2", ANTHROPIC, 100, tools=toolbox)
    client.v1.responses.create("llama3.2", "Hi", tools=[get_weather])
    assert_type(tool(get_weather), Tool)
    assert_type(toolbox.call(call), Message)
    assert_type(toolbox.call(v1_call), ChatCompletionRequestMessage)
    client.chat("llama3.2", MESSAGES, tools=get_weather)  # type: ignore[call-overload]
    client.chat("llama3.2", MESSAGES, options=get_weather)  # type: ignore[call-overload]
