"""The emulator refuses, and accepts, the same requests as the real server."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk.testing import Emulator
from tests.testing.emulator_requests import CHAT

PNG = "iVBORw0KGgo="
IMAGE_URL = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BAD_SCHEMAS = [
    {"type": "nonsense"},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/missing"}}},
    {"type": "array", "items": {"type": "string", "pattern": "a+"}},
]


def user(content):
    return {"role": "user", "content": content}


def chat(content, model="llama3.2", **fields):
    return "/v1/chat/completions", {"model": model, "messages": [user(content) | fields]}


def response(*items):
    return "/v1/responses", {"model": "llama3.2", "input": list(items)}


def message(**fields):
    return "/v1/messages", {"model": "llama3.2", "max_tokens": 9, "messages": [{"role": "user", **fields}]}


REFUSED = {
    "image without vision, generate": ("/api/generate", {"model": "qwen3", "prompt": "x", "images": [PNG]}),
    "image without vision, chat": ("/api/chat", {"model": "qwen3", "messages": [user("x") | {"images": [PNG]}]}),
    "image without vision, v1 chat": chat([IMAGE_URL], model="qwen3"),
    "unknown content part, v1 chat": chat([{"type": "video_url"}]),
    "text part without text, v1 chat": chat([{"type": "text"}]),
    "unknown image type, v1 chat": chat([{"type": "image_url", "image_url": "data:image/tiff;base64,QUJD"}]),
    "image that is not base64, v1 chat": chat([{"type": "image_url", "image_url": "data:image/png;base64,*"}]),
    "arguments that are not an object, v1 chat": chat(
        None, tool_calls=[CALL | {"function": {"name": "f", "arguments": "5"}}]
    ),
    "arguments as text, chat": (
        "/api/chat",
        CHAT | {"messages": [{"role": "assistant", "content": "", "tool_calls": [CALL]}]},
    ),
    "file, responses": response(user([{"type": "input_file", "file_data": "x"}])),
    "unknown content part, responses": response(user([{"type": "input_video"}])),
    "unknown item, responses": response({"type": "computer_call"}),
    "item without type and role, responses": response({"content": "x"}),
    "input that is a number, responses": ("/v1/responses", {"model": "llama3.2", "input": 5}),
    "message without content, messages": message(),
    "content that is a number, messages": message(content=5),
    "tool use without id, messages": message(content=[{"type": "tool_use", "name": "f", "input": {}}]),
    "encoding format, embeddings": (
        "/v1/embeddings",
        {"model": "all-minilm", "input": "x", "encoding_format": "hex"},
    ),
    "stop of another type, completions": ("/v1/completions", {"model": "llama3.2", "prompt": "x", "stop": ["a", 5]}),
    "too long for embed": ("/api/embed", {"model": "all-minilm", "input": "x " * 5000, "truncate": False}),
}
ACCEPTED = {
    "image with vision": chat([IMAGE_URL, {"type": "text", "text": "x"}]),
    "stop of another type, v1 chat": ("/v1/chat/completions", CHAT | {"stop": 5}),
    "stop of another type, completions": ("/v1/completions", {"model": "llama3.2", "prompt": "x", "stop": 5}),
    "thinking of a model that cannot, messages": (
        "/v1/messages",
        CHAT | {"max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 1024}},
    ),
    "no input, responses": ("/v1/responses", {"model": "llama3.2", "input": None}),
    "null content, messages": message(content=None),
    "long input that may be cut, embed": ("/api/embed", {"model": "all-minilm", "input": "x " * 5000}),
}


@pytest.mark.parametrize(("path", "body"), REFUSED.values(), ids=REFUSED)
def test_request_is_refused_as_by_the_real_server(client, path, body):
    answer = client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


@pytest.mark.parametrize(("path", "body"), ACCEPTED.values(), ids=ACCEPTED)
def test_request_is_accepted_as_by_the_real_server(client, path, body):
    assert client.post(path, json=body).status_code == 200


@pytest.mark.parametrize("schema", BAD_SCHEMAS)
@pytest.mark.parametrize("stream", [True, False])
def test_schema_that_cannot_be_converted_is_refused(client, schema, stream):
    native = client.post("/api/chat", json=CHAT | {"format": schema, "stream": stream})
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    compatible = client.post("/v1/chat/completions", json=CHAT | {"response_format": wanted, "stream": stream})
    assert (native.status_code, compatible.status_code) == (400, 400)
    assert json.loads(native.json()["error"])["error"]["code"] == 400


def test_completions_never_send_log_probabilities(client):
    body = {"model": "llama3.2", "prompt": "x", "logprobs": 2}
    assert "logprobs" not in client.post("/v1/completions", json=body).json()["choices"][0]


@pytest.mark.parametrize("stream", [True, False])
def test_messages_do_not_name_the_stop_sequence_that_ended_them(server, client, stream):
    server.reply("one", " two", " three")
    body = CHAT | {"max_tokens": 9, "stop_sequences": ["x", " two"], "stream": stream}
    answer = client.post("/v1/messages", json=body).text
    assert '"stop_reason":"end_turn"' in answer
    assert '"stop_sequence":"' not in answer


def test_refused_cloud_model_has_a_native_error_on_v1():
    with Emulator(cloud="disabled") as server:
        answer = httpx.post(f"{server.url}/v1/chat/completions", json=CHAT | {"model": "gpt-oss:120b-cloud"})
    assert answer.status_code == 403
    assert answer.json() == {"error": "ollama cloud is disabled: remote model is unavailable"}


@pytest.mark.parametrize("stream", [True, False])
def test_response_at_the_token_limit_is_completed(server, client, stream):
    server.reply("one", " two", " three")
    body = {"model": "llama3.2", "input": "x", "max_output_tokens": 2, "stream": stream}
    text = client.post("/v1/responses", json=body).text
    last = json.loads(text.strip().rpartition("data: ")[2])
    whole = last["response"] if stream else last
    assert (whole["status"], whole["incomplete_details"]) == ("completed", None)


ROUTES = [
    "/api/generate", "/api/chat", "/api/embed", "/api/create", "/api/show", "/v1/chat/completions", "/v1/completions",
    "/v1/embeddings", "/v1/messages", "/v1/responses",
]  # fmt: skip
FIELDS = [
    "messages", "input", "prompt", "stop", "format", "response_format", "text", "tools", "think", "thinking", "reasoning",
    "options", "images", "license", "parameters", "stream", "keep_alive", "files", "system",
]  # fmt: skip
WORDS = [
    "type", "function", "name", "arguments", "parameters", "properties", "role", "user", "message", "content", "text",
    "image_url", "source", "object", "array", "items", "enum", "anyOf", "required", "$ref", "json_schema", "schema",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def capable():
    with Emulator() as server, httpx.Client(base_url=server.url) as client:
        server.models.add("m", capabilities=["completion", "tools", "thinking", "vision", "embedding"])
        yield client


@given(st.sampled_from(ROUTES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_any_request_is_answered_in_json(capable, path, fields):
    user = {"role": "user", "content": "x"}
    body = {"model": "m", "from": "m", "messages": [user], "max_tokens": 5, "prompt": "x", "input": "x", **fields}
    answer = capable.post(path, content=json.dumps(body))
    assert answer.headers["content-type"] != "text/plain; charset=utf-8"
