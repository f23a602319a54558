"""The document accepts what real servers and clients send, and refuses what the server refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.document.openapi_document import faults, schema

USER = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
DIGEST = "sha256:" + 64 * "0"
AT = "2026-11-21T11:20:09.1Z"
DETAILS = {
    "parent_model": "", "format": "gguf", "family": "llama", "families": None, "parameter_size": "3B", "quantization_level": "F16",
}  # fmt: skip

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    *(("GenerateRequest", {"model": "m", "prompt": "p", **more}) for more in (
        {"format": "json"}, {"format": ""}, {"format": SCHEMA}, {"format": None},
        {"think": True}, {"think": False}, {"think": "low"}, {"think": "max"},
        {"keep_alive": "1h30m"}, {"keep_alive": 0}, {"keep_alive": -1}, {"keep_alive": 2.5},
        {"options": {"temperature": None, "nonsense": 1}}, {"images": ["aGk="]}, {"suffix": "end", "raw": True},
    )),
    *(("ChatRequest", {"model": "m", "messages": messages}) for messages in (
        [], None, [USER],
        [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}],
        [{"role": "tool", "tool_name": "f", "content": "1"}], [{"role": "narrator", "content": "x"}],
        [{**USER, "images": ["aGk="]}],
    )),
    *(("ChatRequest", {"model": "m", "messages": [USER], "tools": [{"function": {"name": "f", "parameters": p}}]}) for p in (
        {}, None, {"type": "object", "properties": {}}, {"type": "object", "$defs": {"x": SCHEMA}, "additionalProperties": False},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}, "b": {"anyOf": [{"type": "integer"}, {}]}}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}, "enum": [1, "x", None]}}},
        {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}}},
    )),
    *(("EmbedRequest", {"model": "m", "input": value}) for value in ("", "x", [], ["x", "y"], None)),
    ("CreateRequest", {"model": "m", "from": "b", "license": ["A", "B"], "parameters": {"stop": ["x"], "num_ctx": 1}}),
    ("CreateRequest", {"model": "m", "files": {"a.gguf": DIGEST}, "license": "A", "messages": [USER], "info": {"x": 1}}),
    *(("ChatCompletionRequest", {"model": "m", "messages": [message]}) for message in (
        USER, {"role": "developer", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": "data:;base64,aGk="}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,aGk=", "detail": "low"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}]},
        {"role": "assistant", "content": [{"type": "text", "text": "x"}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "x"},
    )),
    *(("ChatCompletionRequest", {"model": "m", "messages": [USER], **more}) for more in (
        {"stop": "x"}, {"stop": ["x"]}, {"stop": None}, {"max_tokens": -1}, {"reasoning_effort": "minimal"},
        {"reasoning": {"effort": "none"}}, {"response_format": {"type": "json_object"}}, {"user": "x", "n": 1},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}},
    )),
    ("CompletionRequest", {"model": "m"}),
    ("V1EmbeddingRequest", {"model": "m", "input": "", "encoding_format": "float"}),
    *(("ResponseRequest", {"model": "m", "input": [item]}) for item in (
        USER, {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": []}]},
        {"role": "user", "content": [{"type": "input_image", "detail": "auto", "image_url": "data:;base64,aGk="}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}", "id": "2", "status": "completed"},
        {"type": "function_call_output", "call_id": "1", "output": "x"},
        {"type": "function_call_output", "call_id": "1", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "reasoning", "id": "1", "summary": [{"type": "summary_text", "text": "x"}], "encrypted_content": "x"},
        {"type": "web_search_call", "id": "1", "status": "completed", "action": {"type": "search", "query": "x"}},
        {"type": "message", "id": "1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "x", "annotations": [], "logprobs": []}]},
    )),
    ("ResponseRequest", {"model": "m", "input": "x", "tools": [{"type": "web_search"}, {"type": "namespace", "name": "n",
        "tools": [{"type": "function", "name": "f", "strict": None, "description": None, "parameters": None}]}]}),
    *(("MessagesRequest", {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [block]}]}) for block in (
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}, {"type": "document", "source": {}},
        {"type": "text", "text": "x", "citations": [{"type": "char_location", "cited_text": "x", "document_index": 0}]},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "tool_use", "id": "1", "name": "f", "input": {}}, {"type": "tool_result", "tool_use_id": "1"},
        {"type": "tool_result", "tool_use_id": "1", "content": "x", "is_error": True},
        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]},
        {"type": "thinking", "thinking": "x", "signature": ""},
        {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "1", "content": [
            {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "x"}]},
        {"type": "web_search_tool_result", "tool_use_id": "1", "content": {
            "type": "web_search_tool_result_error", "error_code": "unavailable"}},
    )),
    *(("MessagesRequest", {"model": "m", "max_tokens": 1, "messages": [USER], **more}) for more in (
        {"system": "x"}, {"system": [{"type": "text", "text": "x"}]}, {"thinking": {"type": "enabled", "budget_tokens": 9}},
        {"thinking": {"type": "adaptive"}}, {"output_config": {"effort": "high"}}, {"metadata": {"user_id": "x"}},
        {"tool_choice": {"type": "tool", "name": "f"}}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    )),
]  # fmt: skip

# Names that no server has today, in places where servers get new ones.
OPEN: list[tuple[str, dict[str, Any]]] = [
    ("GenerateRequest", {"model": "m", "format": "xml"}),
    ("ChatRequest", {"model": "m", "think": "extreme"}),
    ("ChatCompletionRequest", {"model": "m", "messages": [USER], "reasoning_effort": "extreme"}),
    ("ResponseRequest", {"model": "m", "reasoning": {"effort": "extreme"}}),
    ("MessagesRequest", {"model": "m", "max_tokens": 1, "messages": [USER], "output_config": {"effort": "extreme"}}),
    ("V1EmbeddingRequest", {"model": "m", "input": "x", "encoding_format": "hex"}),
    ("SpeechRequest", {"model": "m", "input": "x", "voice": "Somebody"}),
    ("ModelSummary", {"capabilities": ["telepathy"], "details": {"runner": "abacus", "format": "clay"}}),
    ("ShowResponse", {"thinking": {"values": ["extreme", True], "default": "extreme"}, "template_source": "dream"}),
    ("ChatResponse", {"message": {"role": "oracle"}, "done_reason": "bored"}),
    ("UsageResponse", {"range": "1y", "scope": "world", "granularity": "century", "buckets": []}),
]

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("GenerateRequest", {"prompt": "p"}),
    ("ChatRequest", {"model": "m", "top_logprobs": 50}),
    ("ChatRequest", {"model": "m", "options": {"num_ctx": "big"}}),
    ("ChatRequest", {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
    ("ChatRequest", {"model": "m", "keep_alive": True}),
    ("EmbedRequest", {"model": "m", "input": 5}),
    ("EmbedRequest", {"model": "m", "input": ["a", 5]}),
    ("ChatCompletionRequest", {"model": "m", "messages": []}),
    ("ChatCompletionRequest", {"model": "m", "messages": [{"role": "user", "content": [{"type": "video"}]}]}),
    ("CompletionRequest", {"model": "m", "prompt": ["a"]}),
    ("V1EmbeddingRequest", {"model": "m"}),
    ("V1EmbeddingRequest", {"model": "m", "input": []}),
    ("ResponseRequest", {"model": "m", "input": [{"type": "item_reference", "id": "1"}]}),
    ("ResponseRequest", {"model": "m", "input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}),
    ("MessagesRequest", {"model": "m", "messages": [USER]}),
    ("MessagesRequest", {"model": "m", "messages": [USER], "max_tokens": 0}),
    ("MessagesRequest", {"model": "m", "messages": [], "max_tokens": 1}),
]

# The least that a server of 0.5, or the first one with the route, sent.
OLDEST: list[tuple[str, dict[str, Any]]] = [
    ("ChatResponse", {"model": "m", "created_at": AT, "message": {"role": "assistant", "content": ""}, "done": False}),
    ("GenerateResponse", {"model": "m", "created_at": AT, "response": "", "done": False}),
    ("ToolCall", {"function": {"name": "f", "arguments": {"city": "Toronto"}}}),
    ("EmbedResponse", {"model": "m", "embeddings": []}),
    ("ModelSummary", {"name": "m", "model": "m", "modified_at": AT, "size": 1, "digest": "d", "details": DETAILS}),
    ("RunningModel", {
        "name": "m", "model": "m", "size": 1, "digest": "d", "details": DETAILS, "expires_at": AT, "size_vram": 0}),
    ("ShowResponse", {"modelfile": "FROM m", "details": DETAILS, "modified_at": AT}),
    ("ChatCompletionChunk", {"id": "1", "object": "o", "created": 1, "model": "m", "system_fingerprint": "fp", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": "x"}, "finish_reason": None}]}),
    ("V1ModelList", {"object": "list", "data": None}),
    ("MessagesResponse", {"id": "1", "type": "message", "role": "assistant", "model": "m", "content": None,
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 0}}),
    ("MessagesStreamEvent", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
    ("MessagesStreamEvent", {"type": "error", "error": {"type": "api_error", "message": "x"}}),
    ("ResponseStreamEvent", {"type": "response.created", "response": {
        "id": "1", "object": "response", "status": "in_progress", "output": []}}),
    ("ResponseStreamEvent", {"type": "response.failed", "sequence_number": 2, "response": {
        "id": "1", "object": "response", "status": "failed", "model": "m", "output": [],
        "error": {"code": "api_error", "message": "x"}, "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}}}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_body"), ACCEPTED)
def test_input_that_the_server_accepts_is_valid(name: str, request_body: dict[str, Any]):
    assert faults(schema(name), request_body) == []


@pytest.mark.parametrize(("name", "value"), OPEN)
def test_names_of_newer_servers_are_valid(name: str, value: dict[str, Any]):
    assert faults(schema(name), value) == []


@pytest.mark.parametrize(("name", "request_body"), REFUSED)
def test_input_that_the_server_refuses_is_invalid(name: str, request_body: dict[str, Any]):
    assert faults(schema(name), request_body) != []


@pytest.mark.parametrize(("name", "reply"), OLDEST)
def test_replies_of_the_oldest_servers_are_valid(name: str, reply: dict[str, Any]):
    assert faults(schema(name), reply) == []
