"""Replies of servers that leave metadata out, or send null for an empty list, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from ollama_sdk import CircuitBreaker, ConfigurationError, DecodeError, IncompleteReplyError, Retry
from ollama_sdk.reliability import CallEnded, Event
from ollama_sdk.types import ChatResponse
from tests.support.loopback import Loopback, replies, whole
from tests.support.worlds import KINDS, World, world

MESSAGES = [{"role": "user", "content": "hi"}]
CHAT = {"model": "m", "messages": MESSAGES}


@pytest.fixture(params=KINDS)
def ways(request: pytest.FixtureRequest) -> Iterator[World]:
    with world(request.param) as each:
        yield each


def ndjson(*items: object) -> bytes:
    return whole(b"".join(json.dumps(item).encode() + b"\n" for item in items), content_type="application/x-ndjson")


def events(*items: object, done: bool = False) -> bytes:
    lines = [f"data: {json.dumps(item)}\n\n" for item in items] + ["data: [DONE]\n\n"] * done
    return whole("".join(lines).encode(), content_type="text/event-stream")


def one(item: object) -> bytes:
    return whole(json.dumps(item).encode())


def test_chat_items_need_only_message_and_the_end(ways: World):
    items = [{"message": {"content": "a"}, "created_at": 1767322800}, {"message": {"content": ""}, "done": True}]
    with (
        Loopback(replies(ndjson(*items))) as server,
        ways.client(server.url) as client,
        client.chat(**CHAT, stream=True) as stream,
    ):
        seen = list(stream)
    assert [(item.message.role, item.message.content) for item in seen] == [("assistant", "a"), ("assistant", "")]
    assert (seen[0].created_at, seen[0].additional_properties) == (None, {"created_at": 1767322800})


def test_one_piece_text_without_done_is_finished(ways: World):
    answers = one({"message": {"content": "a"}}), one({"response": "b"}), one({"response": "c", "done": False})
    with Loopback(replies(*answers)) as server, ways.client(server.url) as client:
        assert client.chat(**CHAT).message.content == "a"
        assert client.generate("m", "hi").response == "b"
        with pytest.raises(IncompleteReplyError):
            client.generate("m", "hi")


def test_reply_of_another_route_is_refused(ways: World):
    with (
        Loopback(replies(ndjson({"response": "a", "done": True}))) as server,
        ways.client(server.url) as client,
        client.chat(**CHAT, stream=True) as stream,
        pytest.raises(DecodeError) as error,
    ):
        list(stream)
    assert error.value.where == "message"


def test_one_bare_entry_does_not_lose_the_listing(ways: World):
    entries = [
        {"name": "a", "model": "a", "size": 1, "digest": "d", "details": {"family": "x", "families": None}},
        {"name": "b", "modified_at": "", "size": "", "digest": "", "details": {}},
        {"model": "c"},
    ]
    with (
        Loopback(replies(one({"models": entries}), one({"models": None}))) as server,
        ways.client(server.url) as client,
    ):
        models = client.list_models().models
        assert client.list_running().models == []
    assert [(model.name, model.model, model.size) for model in models] == [
        ("a", "a", 1),
        ("b", "", None),
        ("", "c", None),
    ]
    assert models[1].additional_properties == {"modified_at": "", "size": ""}


def test_completion_chunks_need_only_their_text(ways: World):
    chunks = [
        {"choices": None},
        {"choices": [{"delta": {"content": "x"}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    ]
    with (
        Loopback(replies(events(*chunks, done=True))) as server,
        ways.client(server.url) as client,
        client.v1.chat.completions.create(**CHAT, stream=True) as stream,
    ):
        reply = stream.collect()
    assert (reply.object, reply.choices[0].message.role, reply.choices[0].message.content) == (
        "chat.completion",
        "assistant",
        "x",
    )


ODD_MESSAGE = {"content": "ab", "tool_calls": [{"id": 5, "function": {"name": "f", "arguments": {}}}], "tool_name": 5}
ODD_CALL = {"id": 5, "index": "0", "type": [], "function": {"name": "f", "arguments": "{}"}}


def test_odd_metadata_does_not_cost_a_reply(ways: World):
    usage = {"prompt_tokens": "1"}
    answers = (
        {"message": ODD_MESSAGE, "model": 5, "done_reason": 5, "created_at": 5, "eval_count": "1", "remote_host": {}},
        {"response": "ab", "model": 5, "done_reason": []},
        {"models": [{"name": "a", "details": 5, "digest": 5}, {"name": "b", "details": {"families": "x", "family": 5}}]},
        {"id": 123, "object": 7, "model": 5, "system_fingerprint": 1.5, "usage": [], "choices": [
            {"index": "0", "message": {"content": "ab", "tool_calls": [ODD_CALL]}, "finish_reason": "stop"}]},
        {"id": 123, "object": 7, "usage": usage, "choices": [{"text": "ab", "index": [], "finish_reason": "stop"}]},
        {"id": 5, "role": 5, "usage": 5, "content": [{"type": "text", "text": "ab"}], "stop_reason": "end_turn"},
        {"id": 5, "usage": "none", "tools": 5, "text": 5, "output": [
            {"type": "message", "id": 5, "content": [{"type": "output_text", "text": "ab", "annotations": 5}]}]},
    )  # fmt: skip
    with Loopback(replies(*map(one, answers))) as server, ways.client(server.url) as client:
        reply = client.chat(**CHAT)
        assert (reply.message.content, reply.message.tool_calls[0].id, reply.model) == ("ab", None, None)
        assert reply.additional_properties["remote_host"] == {}
        assert client.generate("m", "hi").additional_properties == {"model": 5, "done_reason": []}
        first, second = client.list_models().models
        assert (first.details, first["details"], second.details.families, second.details.family) == (None, 5, [], "")
        completion = client.v1.chat.completions.create(**CHAT)
        assert (completion.id, completion.usage, completion["usage"]) == (None, None, [])
        assert completion.choices[0].message.tool_calls[0]["id"] == 5
        assert client.v1.completions.create("m", "hi").usage["prompt_tokens"] == "1"
        assert client.v1.messages.create("m", MESSAGES, 16).content[0].text == "ab"
        assert client.v1.responses.create("m", "hi").output[0].content[0].text == "ab"


@pytest.mark.parametrize("odd", [5, 1.5, True, [1], {"a": 1}, "many"], ids=repr)
def test_odd_metadata_is_unknown_to_observers(ways: World, odd: object):
    labels = {"model": odd, "created_at": odd, "done_reason": odd, "prompt_eval_count": odd, "eval_count": odd}
    last = labels | {"message": {"content": "a"}, "done": True}
    usage = {"prompt_tokens": odd, "completion_tokens": odd}
    choice = {"index": odd, "message": {"content": "a"}, "finish_reason": "stop"}
    whole_completion = {"id": odd, "model": odd, "usage": usage, "choices": [choice]}
    seen: list[Event] = []
    with (
        Loopback(replies(one(last), ndjson(last), one(whole_completion))) as server,
        ways.client(server.url, observer=seen.append, retry=Retry(), circuit_breaker=CircuitBreaker()) as client,
    ):
        assert client.chat(**CHAT).message.content == "a"
        with client.chat(**CHAT, stream=True) as stream:
            assert stream.collect().message.content == "a"
        assert client.v1.chat.completions.create(**CHAT).choices[0].message.content == "a"
    ended = [event for event in seen if isinstance(event, CallEnded)]
    assert [event.error for event in ended] == [None] * 3
    assert {event.model for event in ended} <= {None, "many"}
    assert {(event.input_tokens, event.output_tokens) for event in ended} <= {(None, None), (5, 5)}


def test_odd_content_is_refused(ways: World):
    answers = (
        {"message": {"content": 5}}, {"message": {"content": "", "thinking": 5}}, {"message": {"tool_calls": 5}},
        {"message": {}, "logprobs": 5}, {"response": 5},
    )  # fmt: skip
    with Loopback(replies(*map(one, answers))) as server, ways.client(server.url) as client:
        for where in ("message.content", "message.thinking", "message.tool_calls", "logprobs"):
            with pytest.raises(DecodeError) as error:
                client.chat(**CHAT)
            assert error.value.where == where
        with pytest.raises(DecodeError):
            client.generate("m", "hi")


def test_stream_with_odd_metadata_adds_up_to_the_same_reply(ways: World):
    odd = {"model": 5, "created_at": 5, "remote_host": {"a": [1]}, "done_reason": 5}
    texts = ["ab"] * 40
    whole_chat = odd | {"message": ODD_MESSAGE | {"content": "".join(texts)}, "done": True}
    items = [odd | {"message": {"content": text, "tool_name": 5}} for text in texts]
    items += [odd | {"message": ODD_MESSAGE | {"content": ""}, "done": True}]
    labels = {"id": 123, "created": "now", "model": 5, "system_fingerprint": [1.5], "usage": []}
    end = {"index": "0", "finish_reason": "stop"}
    message = {"role": "assistant", "content": "".join(texts), "tool_calls": [ODD_CALL]}
    whole_completion = labels | {"object": "chat.completion", "choices": [end | {"message": message}]}
    chunks = [labels | {"choices": [{"index": "0", "delta": {"content": text}}]} for text in texts]
    chunks += [labels | {"choices": [end | {"delta": {"content": "", "tool_calls": [ODD_CALL]}}]}]
    start = {"type": "message", "id": 5, "role": 5, "usage": "many", "content": []}
    block = {"type": "text", "text": "ab", "citations": 5}
    whole_message = start | {"content": [block], "stop_reason": "end_turn", "stop_sequence": 5}
    said = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block | {"text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ab"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": 5}, "usage": "many"},
        {"type": "message_stop"},
    ]
    for stream, piece, call in (
        (ndjson(*items), one(whole_chat), lambda client, **how: client.chat(**CHAT, **how)),
        (events(*chunks, done=True), one(whole_completion),
         lambda client, **how: client.v1.chat.completions.create(**CHAT, **how)),
        (events(*said), one(whole_message), lambda client, **how: client.v1.messages.create("m", MESSAGES, 9, **how)),
    ):  # fmt: skip
        with Loopback(replies(piece, stream, stream)) as server, ways.client(server.url) as client:
            reply = call(client)
            with call(client, stream=True) as taken:
                assert len(list(taken)) > 4
                assert taken.collect() == reply
            with call(client, stream=True) as untaken:
                assert untaken.collect() == reply


def test_anthropic_events_need_no_usage(ways: World):
    start = {"type": "message", "role": "assistant", "content": [], "model": "m"}
    items = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hey"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    with Loopback(replies(events(*items), events(*items))) as server, ways.client(server.url) as client:
        with client.v1.messages.create("m", MESSAGES, 16, stream=True) as stream:
            assert [item.type for item in stream] == [item["type"] for item in items]
        with client.v1.messages.create("m", MESSAGES, 16, stream=True) as stream:
            assert stream.collect().content[0].text == "hey"


def test_response_of_a_silent_model_completes(ways: World):
    response = {"id": "r", "object": "response", "status": "completed", "output": None}
    items = [{"type": "response.created", "response": response}, {"type": "response.completed", "response": response}]
    with Loopback(replies(events(*items), events(*items), one(response))) as server, ways.client(server.url) as client:
        with client.v1.responses.create("m", "hi", stream=True) as stream:
            assert [item.response.output for item in stream] == [[], []]
        with client.v1.responses.create("m", "hi", stream=True) as stream:
            assert stream.collect().output == []
        assert client.v1.responses.create("m", "hi").output == []


def test_one_piece_v1_replies_need_only_what_was_asked_for(ways: World):
    answers = (
        {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]},
        {"choices": [{"text": "x", "finish_reason": "stop"}]},
        {"data": [{"embedding": [0.5]}]},
        {"data": [{"id": "m"}]},
        {"content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"},
    )
    with Loopback(replies(*map(one, answers))) as server, ways.client(server.url) as client:
        assert client.v1.chat.completions.create(**CHAT).choices[0].message.content == "x"
        assert client.v1.completions.create("m", "hi").choices[0].text == "x"
        assert client.v1.embeddings.create("m", "hi").data[0].embedding == [0.5]
        assert client.v1.models.list().data[0].id == "m"
        assert client.v1.messages.create("m", MESSAGES, 16).content[0].text == "x"


def test_a_reply_with_odd_metadata_can_be_sent_back(ways: World):
    odd = {
        "role": "assistant",
        "content": "x",
        "tool_name": 5,
        "tool_calls": [{"id": 7, "function": {"name": "f", "arguments": {}}}],
    }
    block = {"type": "text", "text": "x", "citations": "none"}
    chunk = {
        "role": "assistant",
        "content": "x",
        "tool_calls": [{"id": 5, "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    answers = (
        {"message": odd, "done": True},
        {"choices": [{"message": chunk, "finish_reason": "stop"}]},
        {"content": [block], "stop_reason": "end_turn"},
    )
    with (
        Loopback(replies(*[one(each) for each in answers for _ in range(2)])) as server,
        ways.client(server.url) as client,
    ):
        message: Any = client.chat("m", MESSAGES).message
        client.chat("m", [*MESSAGES, message])
        message = client.v1.chat.completions.create(**CHAT).choices[0].message
        client.v1.chat.completions.create("m", [*MESSAGES, message])
        content = client.v1.messages.create("m", MESSAGES, 16).content
        client.v1.messages.create("m", [*MESSAGES, {"role": "assistant", "content": content}], 16)
    assert [each.json["messages"][-1] for each in server.requests[1::2]] == [
        odd,
        chunk,
        {"role": "assistant", "content": [block]},
    ]
    message.tool_calls[0].id = 7
    with (
        ways.client("http://127.0.0.1:1") as client,
        pytest.raises(ConfigurationError, match=r"tool_calls\[0\]\.id is an int"),
    ):
        client.v1.chat.completions.create("m", [*MESSAGES, message])
    message.tool_calls[0].id = "call_1"
    assert message.to_dict()["tool_calls"][0]["id"] == message["tool_calls"][0]["id"] == "call_1"
    assert attrs.evolve(ChatResponse.from_dict({"message": odd, "model": 7}), model="m").to_dict()["model"] == "m"
