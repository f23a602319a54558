"""What replies can do beyond holding fields: subscripts, iteration, arrays, validated text, Pydantic and FastAPI."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from array import array
from typing import Annotated, Literal

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from ollama_sdk import ConfigurationError, DecodeError, Ollama, ParseError
from ollama_sdk.testing import Emulator
from ollama_sdk.types import (
    ChatCompletion,
    ChatResponse,
    EmbeddingsResponse,
    EmbedResponse,
    GenerateResponse,
    Message,
    MessageParam,
    MessagesResponse,
    ModelList,
    ResponseObject,
    RunningModelList,
    Tool,
    V1EmbeddingList,
    V1ModelList,
)
from tests.support.agreeing import Agreeing
from tests.support.loopback import chunks, serving

USER = [{"role": "user", "content": "Hi"}]


def chat(content="Hi", **more):
    return ChatResponse.from_dict({"message": {"role": "assistant", "content": content}, "done": True, **more})


# Subscripts


def test_a_reply_reads_by_json_names():
    reply = chat(total_duration=3, brand_new=[1])
    assert reply["message"]["content"] == "Hi"
    assert (reply["total_duration"], reply["brand_new"]) == (3, [1])
    assert reply.keys() == ["message", "done", "total_duration", "brand_new"]
    assert "message" in reply
    assert "eval_count" not in reply
    assert reply.get("eval_count") is None
    assert reply.get("eval_count", 7) == 7
    assert dict(reply)["message"] is reply.message
    assert (
        Tool.from_dict({"function": {"name": "f", "parameters": {"$defs": {}}}})["function"]["parameters"]["$defs"]
        == {}
    )


def test_a_name_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError, match="ChatResponse has no 'eval_count' here; it has message, done"):
        chat()["eval_count"]
    with pytest.raises(KeyError):
        chat()[0]


def test_nothing_else_of_a_reply_is_like_a_dict():
    reply = chat()
    with pytest.raises(TypeError, match="not iterable"):
        list(reply)
    with pytest.raises(TypeError):
        reply["done"] = False
    with pytest.raises(TypeError):
        len(reply)
    with pytest.raises(AttributeError):
        _ = reply.values


@pytest.mark.parametrize(
    ("reply", "items"),
    [
        (ModelList.from_dict({"models": [{"name": "a"}, {"name": "b"}]}), "models"),
        (RunningModelList.from_dict({"models": []}), "models"),
        (V1ModelList.from_dict({"data": [{"id": "a"}]}), "data"),
        (EmbedResponse.from_dict({"embeddings": [[0.5, 1.0], [2.0, 3.0]]}), "embeddings"),
        (EmbeddingsResponse.from_dict({"embedding": [0.5, 1.0]}), "embedding"),
        (V1EmbeddingList.from_dict({"data": [{"embedding": [0.5]}]}), "data"),
    ],
)
def test_lists_of_replies_iterate_and_have_a_length(reply, items):
    assert list(reply) == getattr(reply, items)
    assert len(reply) == len(getattr(reply, items))


# Vectors

VECTORS = [[0.5, 1.0, -2.0], [0.25, 3.0, 4.0]]
EMBEDDED = [
    (EmbedResponse.from_dict({"embeddings": VECTORS}), VECTORS),
    (EmbeddingsResponse.from_dict({"embedding": VECTORS[0]}), VECTORS[:1]),
    (V1EmbeddingList.from_dict({"data": [{"embedding": each} for each in VECTORS]}), VECTORS),
    (V1EmbeddingList.from_dict({"data": [{"embedding": "AAAAPwAAgD8AAADA"}]}), VECTORS[:1]),
    (EmbedResponse.from_dict({"embeddings": []}), []),
]


@pytest.mark.parametrize(("reply", "vectors"), EMBEDDED)
def test_vectors_are_an_array_and_a_block_of_memory(reply, vectors):
    found, block = reply.array(), reply.buffer()
    assert (found.dtype, found.shape) == (np.float32, (len(vectors), len(vectors[0]) if vectors else 0))
    assert found.tolist() == vectors
    assert (block.format, block.tolist()) == ("f", vectors)


@given(st.lists(st.floats() | st.floats(width=32) | st.integers(-(2**70), 2**70), min_size=1))
def test_numbers_are_rounded_to_32_bits_as_numpy_rounds_them(vector):
    reply = EmbedResponse(embeddings=[vector, vector])
    with np.errstate(over="ignore"):
        expected = np.array([vector, vector], dtype=np.float32)
    for found in (reply.array(), np.asarray(reply.buffer())):
        assert found.tobytes() == expected.tobytes()
    reply.array()[0, 0] = 1  # the array may be written to


@pytest.mark.parametrize("code", ["f", "d"])
def test_arrays_of_floats_are_vectors_too(code):
    reply = EmbedResponse(embeddings=[array(code, each) for each in VECTORS])
    assert reply.buffer().tolist() == VECTORS


def test_vectors_of_different_lengths_are_refused():
    reply = EmbedResponse.from_dict({"embeddings": [[1.0], [1.0, 2.0]]})
    for read in (reply.array, reply.buffer):
        with pytest.raises(DecodeError, match="different lengths: 1 to 2"):
            read()


# Structured output


class Colour(pydantic.BaseModel):
    name: str
    red: int = pydantic.Field(le=255)


@dataclasses.dataclass
class Point:
    x: int


class Place(TypedDict):
    city: str


KINDS = [
    (Colour, '{"name": "sky", "red": 1}', Colour(name="sky", red=1)),
    (Point, '{"x": 1}', Point(1)),
    (Place, '{"city": "Oslo"}', {"city": "Oslo"}),
    (list[Colour], '[{"name": "sky", "red": 1}]', [Colour(name="sky", red=1)]),
    (dict[str, Point], '{"a": {"x": 1}}', {"a": Point(1)}),
    (Literal["yes", "no"], '"yes"', "yes"),
    (Annotated[int, pydantic.Field(ge=3)], "3", 3),
    (Colour | Point, '{"x": 1}', Point(1)),
    (pydantic.TypeAdapter(list[int]), "[1]", [1]),
    (int, "3", 3),
]


@pytest.fixture(scope="module")
def server():
    with Agreeing() as server:
        yield server


@pytest.mark.parametrize(("kind", "text", "value"), KINDS, ids=str)
def test_format_is_sent_as_a_schema_and_parse_gives_its_value(server, kind, text, value):
    with Ollama(server.url) as client:
        client.chat("llama3.2", USER, format=kind)
    adapter = kind if hasattr(kind, "json_schema") else pydantic.TypeAdapter(kind)
    assert server.requests[-1].json["format"] == adapter.json_schema()
    assert chat(text).parse(kind) == value
    assert GenerateResponse.from_dict({"response": text}).parse(kind) == value
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    assert ChatCompletion.from_dict({"choices": [choice]}).parse(kind) == value
    assert message_of({"type": "text", "text": text}).parse(kind) == value
    assert response_of(text).parse(kind) == value


def message_of(*content, **fields):
    return MessagesResponse.from_dict({"content": list(content), "stop_reason": "end_turn"} | fields)


def response_of(*texts, **fields):
    parts = [{"type": "output_text", "text": text} for text in texts]
    return ResponseObject.from_dict({"output": [{"type": "message", "content": parts}]} | fields)


def test_output_text_is_the_text_of_all_blocks_and_of_nothing_else():
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    call = {"type": "tool_use", "id": "1", "name": "look", "input": {"text": "no"}}
    message = message_of(
        thinking, {"type": "text", "text": "Be"}, call, {"type": "new"}, {"type": "text", "text": "cause"}
    )
    assert message.output_text == "Because"
    reasoning = {"type": "reasoning", "id": "1", "summary": [{"type": "summary_text", "text": "Hm."}]}
    parts = [
        {"type": "output_text", "text": "Be"},
        {"type": "refusal", "refusal": "No."},
        {"type": "output_text", "text": "cause"},
    ]
    items = [reasoning, {"type": "message", "content": parts}, {"type": "new"}, {"type": "message", "content": None}]
    assert ResponseObject.from_dict({"output": items}).output_text == "Because"
    assert message_of(thinking).output_text == response_of().output_text == ""


@pytest.mark.parametrize("name", ["messages", "responses"])
def test_output_text_of_a_collected_stream(name):
    with Emulator() as emulator, Ollama(emulator.url) as client:
        emulator.models.add("llama3.2")
        emulator.reply("Be", "cause.", thinking="Hm.")
        if name == "messages":
            stream = client.v1.messages.create("llama3.2", USER, 9, stream=True)
        else:
            stream = client.v1.responses.create("llama3.2", "Why?", stream=True)
        with stream:
            assert stream.collect().output_text == "Because."


def test_a_collected_stream_parses():
    items = [{"message": {"role": "assistant", "content": part}, "done": part == "}"} for part in ('{"x": ', "1", "}")]
    answer = chunks(*(json.dumps(item).encode() + b"\n" for item in items))
    with serving({"/api/chat": answer}) as server, Ollama(server.url) as client:
        assert client.chat("llama3.2", USER, format=Point, stream=True).collect().parse(Point) == Point(1)


@pytest.mark.parametrize(
    ("kind", "text", "where", "message"),
    [
        (list[Colour], '[{"name": "sky", "red": 300}]', "[0].red", "less than or equal to 255"),
        (Colour, '{"name": "sky"}', "red", "the text is not a Colour at red: Field required"),
        (Colour, "The sky is blue.", "", "the text is not a Colour: Invalid JSON"),
        (dict[str, Point], '{"a": {"x": "y"}}', "a.x", "valid integer"),
    ],
)
def test_a_text_that_does_not_fit_is_an_error_with_its_place(kind, text, where, message):
    with pytest.raises(ParseError, match=message) as error:
        chat(text).parse(kind)
    assert (error.value.text, error.value.where) == (text, where)


def test_an_answer_that_was_cut_says_so():
    with pytest.raises(ParseError, match="cut at its token limit"):
        chat('{"name": "s', done_reason="length").parse(Colour)
    with pytest.raises(ParseError, match="cut at its token limit"):
        message_of({"type": "text", "text": '{"name": "s'}, stop_reason="max_tokens").parse(Colour)
    with pytest.raises(ParseError, match="cut at its token limit"):
        response_of('{"name": "s', incomplete_details={"reason": "max_output_tokens"}).parse(Colour)


def test_what_pydantic_cannot_describe_is_refused(server):
    class Strange:
        pass

    sent = len(server.requests)
    with Ollama(server.url) as client, pytest.raises(ConfigurationError, match="format: Pydantic cannot describe"):
        client.chat("llama3.2", USER, format=Strange)
    for kind in (Strange, 5, list[Strange]):
        with pytest.raises(ConfigurationError, match=r"Pydantic cannot describe .*; give a Pydantic model") as refused:
            chat("{}").parse(kind)
        assert "\n" not in str(refused.value)
    assert len(server.requests) == sent


def test_without_pydantic_and_numpy_their_extras_are_named():
    code = """
import sys
sys.modules.update(dict.fromkeys(["pydantic", "pydantic_core", "numpy"]))
from ollama_sdk import ConfigurationError
from ollama_sdk.types import EmbedResponse, GenerateResponse
reply = EmbedResponse(embeddings=[[0.5]])
assert reply.buffer().tolist() == [[0.5]]
for call in (reply.array, lambda: GenerateResponse(response="1").parse(int)):
    try:
        call()
    except ConfigurationError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=600)
    assert "pip install 'ollama-sdk[numpy]'" in done.stdout
    assert "pip install 'ollama-sdk[pydantic]'" in done.stdout


# A context that was cut


@pytest.mark.parametrize(
    ("counts", "generated", "chatted"),
    [
        ({}, None, None),
        ({"prompt_eval_count": 50, "eval_count": 10}, False, None),
        ({"prompt_eval_count": 100, "eval_count": 10}, True, True),
        ({"prompt_eval_count": 95, "eval_count": 10}, True, True),
        ({"prompt_eval_count": 90, "eval_count": 10}, False, None),
    ],
)
def test_counters_show_a_context_that_was_cut(counts, generated, chatted):
    assert GenerateResponse(response="", **counts).truncated(num_ctx=100) is generated
    assert chat(**counts).truncated(num_ctx=100) is chatted
    assert chat(**counts).context_used() == (sum(counts.values()) or None)


# Pydantic and FastAPI


class Conversation(pydantic.BaseModel):
    messages: list[Message]
    reply: ChatResponse | None = None


def test_models_are_fields_of_pydantic_models():
    given = {"messages": [{"role": "user", "content": "Hi"}], "reply": chat(brand_new=1).to_dict()}
    conversation = Conversation.model_validate(given)
    assert conversation.messages == [Message(role="user", content="Hi")]
    assert conversation.reply == chat(brand_new=1)
    assert conversation.model_dump() == given
    assert json.loads(conversation.model_dump_json()) == given
    assert Conversation(messages=[Message(role="user")]).messages[0].role == "user"
    schema = Conversation.model_json_schema()
    assert schema["properties"]["messages"]["items"]["properties"]["content"] == {"type": "string"}


@pytest.mark.parametrize(("given", "message"), [([3], "an object or a Message"), ([{"role": 3}], "at role")])
def test_what_is_no_model_is_a_validation_error(given, message):
    with pytest.raises(pydantic.ValidationError, match=message):
        Conversation.model_validate({"messages": given})


def test_typed_dicts_are_types_of_pydantic():
    adapter = pydantic.TypeAdapter(list[MessageParam])
    assert adapter.validate_python(USER) == USER
    with pytest.raises(pydantic.ValidationError, match="role"):
        adapter.validate_python([{"content": "no role"}])
    assert "role" in adapter.json_schema()["$defs"]["MessageParam"]["properties"]


def test_fastapi_takes_and_returns_models():
    fastapi = pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()

    async def answer(messages: list[MessageParam], last: Message) -> ChatResponse:
        return chat(f"{len(messages)} {last.content}")

    answer.__annotations__ = {
        "messages": list[MessageParam],
        "last": Annotated[Message, fastapi.Body()],
        "return": ChatResponse,
    }
    app.post("/chat")(answer)
    with TestClient(app) as client:
        reply = client.post("/chat", json={"messages": USER, "last": USER[0]})
        assert (reply.status_code, reply.json()) == (200, chat("1 Hi").to_dict())
        assert client.post("/chat", json={"messages": USER, "last": {"role": 3}}).status_code == 422
        schemas = json.dumps(client.get("/openapi.json").json())
    assert "done_reason" in schemas
    assert "tool_calls" in schemas


@pytest.mark.parametrize(
    ("odd", "path"),
    [
        ({"tool_name": 5}, "tool_name"),
        ({"tool_calls": [{"id": [], "function": {"name": "f", "arguments": {}}}]}, r"tool_calls\[0\]\.id"),
    ],
)
def test_pydantic_refuses_what_a_reply_may_have(odd, path):
    data = {"role": "user", "content": "x"} | odd
    assert Message.from_dict(data).to_dict() == data
    with pytest.raises(pydantic.ValidationError, match=f"{path} has another type than documented"):
        pydantic.TypeAdapter(Message).validate_python(data)
