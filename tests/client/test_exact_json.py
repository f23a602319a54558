"""JSON that the fast parser rounds or refuses is read exactly, in one piece and streamed."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import ConfigurationError, DecodeError
from ollama_sdk._json import join_surrogates, loads
from ollama_sdk.types import ChatResponse, Options, ToolCallFunction
from tests.support.loopback import END, chunked, replies, whole
from tests.support.streamed import NDJSON, ROUTES, SSE, chat_item, drain

LAST = chat_item("", done=True, done_reason="stop")
CHAT = chat_item("TEXT", done=True, done_reason="stop").strip()
BIG = 123456789012345678901234567890
# The text of a message as a server may write it, and what it means.
TEXTS = [
    (rb'"\ud83d"', "\ud83d"),
    (rb'"\ud83d and \ude00"', "\ud83d and \ude00"),
    (b'"a\xffb\xc3"', "a\ufffdb\ufffd"),
    (b'"", "score": NaN', ""),
    (b'"", "score": [1, -Infinity]', ""),
]


def reads(world, serve, body):
    """The message of a chat in one piece, and of its only item when it is streamed."""
    server = serve(replies(whole(body), chunked(NDJSON, body + b"\n") + END))
    with world.client(server.url) as client:
        yield client.chat("m", []).message
        items, error = drain(client.chat("m", [], stream=True))
        assert error is None
        yield items[0].message


@pytest.mark.parametrize(("sent", "text"), TEXTS, ids=["half", "two halves", "not UTF-8", "NaN", "Infinity"])
def test_a_text_that_the_fast_parser_refuses_is_read(world, serve, sent, text):
    for message in reads(world, serve, CHAT.replace(b'"TEXT"', sent)):
        assert message.content == text


def test_a_byte_order_mark_before_a_reply_is_skipped(world, serve):
    for message in reads(world, serve, b"\xef\xbb\xbf" + CHAT):
        assert message.content == "TEXT"


@pytest.mark.parametrize("number", [2**64 - 1, 2**64, -(2**63) - 1, BIG, -BIG, 1e300])
def test_numbers_of_tool_arguments_are_exact(world, serve, number):
    call = {"function": {"name": "f", "arguments": {"id": number, "nested": [{"ids": [number, 1.5]}]}}}
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    for reply in reads(world, serve, json.dumps(json.loads(CHAT) | {"message": message}).encode()):
        assert reply.to_dict() == message
        assert type(reply.tool_calls[0].function.arguments["id"]) is type(number)


def test_exact_tool_arguments_go_back_to_the_server(world, serve):
    call = {"function": {"name": "f", "arguments": {"id": BIG}}}
    body = json.dumps(
        json.loads(CHAT) | {"message": {"role": "assistant", "content": "", "tool_calls": [call]}}
    ).encode()
    server = serve(replies(whole(body), whole(CHAT)))
    with world.client(server.url) as client:
        message = client.chat("m", []).message
        client.chat("m", [message])
    assert server.requests[-1].json["messages"][0]["tool_calls"] == [call]


def test_integers_of_unknown_fields_are_exact(world, serve):
    server = serve(replies(whole(CHAT.replace(b'"done":', b'"id": %d, "done":' % BIG))))
    with world.client(server.url) as client:
        assert client.chat("m", []).additional_properties == {"id": BIG}


def test_an_integer_of_more_digits_than_python_reads_is_refused(world, serve):
    body = CHAT.replace(b'"done":', b'"ids": [%s], "done":' % (b"1" * 5000))
    server = serve(replies(whole(body), chunked(NDJSON, body + b"\n") + END))
    with world.client(server.url) as client:
        with pytest.raises(DecodeError):
            client.chat("m", [])
        assert isinstance(drain(client.chat("m", [], stream=True))[1], DecodeError)


def test_halves_of_an_emoji_in_two_items_are_joined_by_collect(world, serve):
    route = ROUTES["v1.chat.completions.create"]
    halves = [{"role": "assistant", "content": "\ud83d"}, {"content": "\ude00"}]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in halves]
    events.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    server = serve(replies(*[chunked(SSE, body) + END] * 2))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
        assert error is None
        assert [item.choices[0].delta.content for item in items[:2]] == ["\ud83d", "\ude00"]
        assert route.call(client, stream=True).collect().choices[0].message.content == "\U0001f600"


def test_half_an_emoji_survives_a_round_trip_but_is_not_sent(world, serve):
    server = serve(replies(whole(CHAT.replace(b'"TEXT"', rb'"\ud83d"'))))
    with world.client(server.url) as client:
        reply = client.chat("m", [])
        assert ChatResponse.from_dict(json.loads(json.dumps(reply.to_dict()))) == reply
        assert ChatResponse.from_dict(json.loads(reply.to_json())) == reply
        with pytest.raises(ConfigurationError, match=r"messages\[0\]\.content"):
            client.chat("m", [reply.message])


@pytest.mark.parametrize("vector", [b"[0.1,null,0.3]", b'[0.1,"x",0.3]'])
def test_what_is_no_number_in_a_vector_is_named(world, serve, vector):
    body = b'{"model":"m","embeddings":[[0.1],%s]}' % vector
    server = serve(replies(whole(body)))
    with world.client(server.url) as client, pytest.raises(DecodeError) as error:
        client.embed("m", "x")
    assert error.value.where == "embeddings[1][1]"


@pytest.mark.parametrize("text", ["{", "nan", "[1,]", "{'a': 1}", "[" * 100_000, '{"a": 1} x', "1" * 5000])
def test_what_is_no_json_is_refused(text):
    for form in (text, text.encode()):
        with pytest.raises(ValueError, match=r"line|digits"):
            loads(form)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
)


@given(JSON | st.integers(2**62, 2**70) | st.integers(-(2**70), -(2**62)))
def test_any_json_is_read_as_the_standard_library_reads_it(value):
    text = json.dumps({"a": [value]})
    for form in (text, text.encode()):
        assert repr(loads(form)) == repr(json.loads(text))


@pytest.mark.parametrize("blanks", range(12))
def test_an_integer_is_exact_wherever_it_stands_in_a_text(blanks):
    number = -(2**63) - 1  # of the fewest digits that are rounded
    assert loads(b" " * blanks + b"[%d]" % number) == [number]


@given(st.text(st.characters()))
def test_a_text_without_lone_surrogates_is_not_changed(text):
    assert join_surrogates(text) == text


def test_free_form_numbers_that_are_no_integers_are_left_alone():
    arguments = {"big": 1e30, "infinite": math.inf, "nested": {"list": [2.0**70]}}
    assert ToolCallFunction.from_dict({"name": "f", "arguments": arguments}).arguments == arguments
    assert Options.from_dict({"x": 2.0**80}).additional_properties == {"x": 2.0**80}
