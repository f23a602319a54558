"""Models answer what is scripted, or what follows from the request alone."""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import struct

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ollama_sdk import IncompleteReplyError
from ollama_sdk.testing import Emulator, Prompt, ScriptedReply, ScriptedToolCall
from ollama_sdk.testing._model.embeddings import embedding
from ollama_sdk.testing._model.schema import example_value
from ollama_sdk.testing._model.stop_sequences import StopSequences
from tests.support.streamed import ROUTES
from tests.testing.emulator_requests import CHAT

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
IN_ONE_PIECE = {"stream": False}


@pytest.fixture
def said(client):
    def ask(text="Hi", **body):
        messages = [{"role": "user", "content": text}]
        answer = client.post("/api/chat", json={**CHAT, "messages": messages, **IN_ONE_PIECE, **body})
        return answer.json()["message"]["content"]

    return ask


def test_each_scripted_piece_is_one_item(server, items):
    server.reply("Hello", " there")
    assert [item["message"]["content"] for item in items("/api/chat", **CHAT)] == ["Hello", " there", ""]


def test_default_reply_depends_on_the_question_alone(said):
    assert said("one") == said("one") != said("two")


def test_reply_can_be_scripted_per_model(server, said):
    server.reply("for qwen", to="qwen3")
    server.reply("for all others")
    assert (said(model="qwen3:latest"), said()) == ("for all others", "for all others")
    server.reply("for qwen again", to="qwen3")
    assert (said(model="qwen3"), said()) == ("for qwen again", "for all others")


@pytest.mark.parametrize("when", ["sky", re.compile("s.y"), lambda prompt: prompt.text.startswith("the sky")])
def test_reply_can_be_scripted_per_message(server, said, when):
    server.reply("blue", when=when)
    assert said("the sky?") == "blue"
    assert said("the grass?") != "blue"


def test_replies_with_times_are_a_queue(server, said):
    server.reply("ever")
    server.reply("first", times=1)
    server.reply("second", times=2)
    assert [said() for _ in range(4)] == ["first", "second", "second", "ever"]


def test_prompt_has_one_form_on_every_route(server, client):
    seen: list[Prompt] = []
    server.reply(lambda prompt: seen.append(prompt) or "ok")
    client.post("/api/generate", json={"model": "llama3.2", "prompt": "Hi", "system": "Be brief"})
    client.post(
        "/api/chat",
        json=CHAT | {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]},
    )
    client.post(
        "/v1/messages",
        json={
            "model": "llama3.2",
            "max_tokens": 9,
            "system": "Be brief",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        },
    )
    client.post("/v1/responses", json={"model": "llama3.2", "instructions": "Be brief", "input": "Hi"})
    assert len(seen) == 4
    for prompt in seen:
        assert [(message["role"], message["content"]) for message in prompt.messages] == [
            ("system", "Be brief"),
            ("user", "Hi"),
        ]


def test_function_may_return_an_endless_reply(server, items):
    server.reply(lambda _: (f" {number}" for number in itertools.count()))
    last = items("/api/chat", **CHAT, options={"num_predict": 5})
    assert "".join(item["message"]["content"] for item in last) == " 0 1 2 3 4"
    assert last[-1]["done_reason"] == "length"


@given(st.lists(st.text(min_size=1, max_size=5), max_size=8), st.text(min_size=1, max_size=3))
def test_stop_sequence_is_found_across_pieces(pieces, stop):
    assert "".join(StopSequences([stop]).cut(pieces)) == "".join(pieces).split(stop)[0]


def test_tool_calls_come_one_per_item_before_the_last(server, items):
    server.reply(
        "Let me see.", tool_calls=[ScriptedToolCall("get_weather", {"city": "Oslo"}), ScriptedToolCall("get_time")]
    )
    got = items("/api/chat", **CHAT, tools=[WEATHER, CLOCK])
    calls = [item["message"].get("tool_calls", []) for item in got]
    assert [[call["function"]["name"] for call in each] for each in calls] == [[], ["get_weather"], ["get_time"], []]
    assert [call["function"]["index"] for each in calls for call in each] == [0, 1]
    assert got[-1]["done"]


def test_tool_calls_can_come_on_the_last_item(server, items):
    server.reply(tool_calls=[ScriptedToolCall("get_time")], calls_on_last_item=True)
    got = items("/api/chat", **CHAT, tools=[CLOCK])
    assert len(got) == 1
    assert got[0]["done"]
    assert got[0]["message"]["tool_calls"][0]["function"]["arguments"] == {}


def test_default_reply_calls_tools_until_a_result(client):
    asked = CHAT | IN_ONE_PIECE | {"tools": [WEATHER, CLOCK]}
    message = client.post("/api/chat", json=asked).json()["message"]
    assert [call["function"] for call in message["tool_calls"]] == [
        {"index": 0, "name": "get_weather", "arguments": {"city": "alpha"}},
        {"index": 1, "name": "get_time", "arguments": {}},
    ]
    asked["messages"] = [*asked["messages"], message, {"role": "tool", "content": "11 degrees"}]
    assert "tool_calls" not in client.post("/api/chat", json=asked).json()["message"]


def test_thinking_model_thinks_unless_think_is_false(server, client):
    server.reply("42", thinking="Let me  think")
    asked = CHAT | IN_ONE_PIECE | {"model": "qwen3"}
    assert client.post("/api/chat", json=asked).json()["message"]["thinking"] == "Let me  think"
    assert "thinking" not in client.post("/api/chat", json=asked | {"think": False}).json()["message"]
    assert "thinking" not in client.post("/api/chat", json=CHAT | IN_ONE_PIECE).json()["message"]


def test_unfinished_reply_has_no_last_item(server, items, client):
    server.reply("}", "}", finished=False)
    assert [item["done"] for item in items("/api/chat", **CHAT)] == [False, False]
    whole = client.post("/api/chat", json=CHAT | IN_ONE_PIECE).json()
    assert (whole["done"], "eval_count" in whole) == (False, False)


ROUTES_OF_PROMPTS = [
    "chat", "generate", "v1.chat.completions.create", "v1.completions.create", "v1.responses.create", "v1.messages.create",
]  # fmt: skip


@pytest.mark.parametrize("pieces", [[], ["begin", "ning"]], ids=["nothing", "a beginning"])
@pytest.mark.parametrize("method", ROUTES_OF_PROMPTS)
def test_unfinished_reply_is_incomplete_on_every_route(server, world, method, pieces):
    server.models.add("m")
    server.reply(ScriptedReply(pieces=pieces, finished=False))
    with world.client(server.url) as client:
        with pytest.raises(IncompleteReplyError, match="marks its reply as unfinished") as caught:
            ROUTES[method].call(client)
        assert ("beginning" in str(caught.value.partial.to_dict())) == bool(pieces)
        with pytest.raises(IncompleteReplyError, match="before the last item"):
            list(ROUTES[method].call(client, stream=True))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/api/chat"])
def test_reply_of_nothing_is_labelled_as_native_stream(server, client, path):
    server.reply(ScriptedReply(pieces=[], finished=False))
    answer = client.post(path, json=CHAT | {"max_tokens": 9, "stream": True})
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, "application/x-ndjson", "")
    whole = client.post(path, json=CHAT | {"max_tokens": 9} | IN_ONE_PIECE).json()
    assert whole["model"] == ""
    assert whole.get("created", -62_135_596_800) == -62_135_596_800


def test_every_token_has_log_probabilities(server, client):
    server.reply(" a", " b")
    asked = {"model": "llama3.2", "prompt": "x", "stream": False, "logprobs": True, "top_logprobs": 3}
    entries = client.post("/api/generate", json=asked).json()["logprobs"]
    assert [entry["token"] for entry in entries] == [" a", " b"]
    for entry in entries:
        assert [len(entry["top_logprobs"]), bytes(entry["bytes"]).decode()] == [3, entry["token"]]
        assert sum(math.exp(item["logprob"]) for item in entry["top_logprobs"]) <= 1


SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "string", "minLength": 9}, "b": {"type": "integer", "maximum": 3}}},
    {"type": "array", "items": {"enum": ["x", "y", "z"]}, "minItems": 2, "uniqueItems": True},
    {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
    {"anyOf": [{"type": "null"}, {"type": "number", "exclusiveMinimum": 99.5, "multipleOf": 0.5}]},
    {
        "allOf": [
            {"required": ["a"], "properties": {"a": {"const": 1}}},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
        ]
    },
    {"type": ["null", "string"], "format": "date-time"},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_default_reply_matches_the_schema(said, schema):
    value = json.loads(said(format=schema))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


@given(st.integers(-100, 100), st.integers(0, 50), st.integers(1, 20))
def test_generated_integers_respect_their_bounds(least, span, step):
    schema = {"type": "integer", "minimum": least, "maximum": least + span + step, "multipleOf": step}
    Draft202012Validator(schema).validate(example_value(schema))


TEXTS = st.text(min_size=1, max_size=40)


@given(TEXTS, st.integers(1, 64))
@example("\U0001c04d", 1)
def test_embeddings_are_stable_and_normalised(text, dimensions):
    vector = embedding(text, 64, dimensions)
    assert vector == embedding(text, 64, dimensions)
    assert len(vector) == dimensions
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)


def test_similar_texts_have_similar_vectors():
    def likeness(one, other):
        return sum(a * b for a, b in zip(embedding(one, 384), embedding(other, 384), strict=True))

    question = "why is the sky blue"
    near, far = "why is the sky so blue today", "quarterly report on steel exports"
    assert likeness(question, question) > likeness(question, near) > likeness(question, far) + 0.3


def test_embeddings_are_equal_on_every_route(client):
    asked = {"model": "all-minilm", "input": "sky"}
    vector = client.post("/api/embed", json=asked).json()["embeddings"][0]
    assert len(vector) == 384
    assert client.post("/api/embeddings", json={"model": "all-minilm", "prompt": "sky"}).json()["embedding"] == vector
    assert client.post("/v1/embeddings", json=asked).json()["data"][0]["embedding"] == vector
    encoded = client.post("/v1/embeddings", json=asked | {"encoding_format": "base64"}).json()["data"][0]["embedding"]
    assert struct.unpack("<384f", base64.b64decode(encoded)) == pytest.approx(vector)


def test_transcription_returns_the_scripted_text(server, client):
    server.reply("spoken", " words")
    form = {"files": {"file": ("a.wav", b"RIFF")}, "data": {"model": "llama3.2"}}
    assert client.post("/v1/audio/transcriptions", **form).json() == {"text": "spoken words"}
    form["data"] = form["data"] | {"response_format": "text"}
    assert client.post("/v1/audio/transcriptions", **form).text == "spoken words"


def test_scripted_reply_object_is_used_as_given():
    with Emulator() as server:
        server.models.add("m", capabilities=["completion", "thinking"])
        server.reply(ScriptedReply(pieces=["b"], thinking=["a"]), to="m")
        answer = httpx.post(f"{server.url}/api/generate", json={"model": "m", "prompt": "x", "stream": False}).json()
        assert (answer["thinking"], answer["response"]) == ("a", "b")
