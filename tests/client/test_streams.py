"""Streams that end well: what they deliver, how they collect, and what they leave behind."""

from __future__ import annotations

import json
import threading
from typing import get_args

import pytest

from ollama_sdk import AsyncStream, IncompleteReplyError, Stream, types
from ollama_sdk.streaming._accumulation import MergeAccumulator
from ollama_sdk.streaming._alike import Alike
from tests.support.loopback import END, chunk, chunked, replies, replies_and_closes, whole
from tests.support.streamed import LAST, NDJSON, ROUTES, SSE, Route, capture, chat_item, drain, items_of, streamed

_ROUTES = pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
_CHAT = ROUTES["chat"]
_V1_CHAT = ROUTES["v1.chat.completions.create"]


@_ROUTES
def test_every_recorded_stream_is_delivered_item_by_item(world, serve, route):
    body = capture(route.capture)
    server = serve(replies(streamed(route, body)))
    with world.client(server.url) as client, route.call(client, stream=True) as stream:
        items, error = drain(stream)
        assert error is None
        assert len(items) == len([item for item in items_of(body) if b"[DONE]" not in item])
        assert drain(stream) == ([], None)
        assert stream.head.status_code == 200
        assert stream.head.headers["content-type"] == route.content_type


@_ROUTES
@pytest.mark.parametrize("size", [1, 7])
def test_items_split_anywhere_arrive_whole(serve, sync_client, route, size):
    body = capture(route.capture)
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    server = serve(replies(chunked(route.content_type, *pieces) + END))
    with route.call(sync_client(server.url), stream=True) as stream:
        items, error = drain(stream)
    assert error is None
    assert len(items) == len([item for item in items_of(body) if b"[DONE]" not in item])


@pytest.mark.parametrize("texts", [["a", "b"], ["a"] * 40, ["a" * 5000] * 3], ids=["few", "burst", "long"])
def test_items_may_be_changed_before_collect(world, serve, texts):
    called = [{"function": {"name": "f", "arguments": {"city": [texts[0]]}}}]
    asks = chat_item("", message={"role": "assistant", "content": "", "tool_calls": called})
    server = serve(replies(*[streamed(_CHAT, b"".join(map(chat_item, texts)) + asks + LAST)] * 2))
    with world.client(server.url) as client:
        stream = client.chat("m", [], stream=True)
        for item in stream:
            for call in item.message.tool_calls or ():
                call.function.arguments.pop("city").clear()
                call.function.name = "g"
            item.message.content = item.model = "changed"
        whole_reply = stream.collect()
        items = client.request("POST", "/api/chat", stream="ndjson", last={"done": True})
        for item in items:
            item.pop("message").clear()
        collected = items.collect()
    (call,) = whole_reply.message.tool_calls
    assert (whole_reply.model, whole_reply.message.content) == ("m", "".join(texts))
    assert (call.function.name, call.function.arguments) == ("f", {"city": [texts[0]]})
    assert [item["message"]["content"] for item in collected] == [*texts, "", ""]


def test_a_character_split_between_two_reads_arrives_whole(world, serve):
    line, go = chat_item("naïve 🌍 日本"), threading.Event()
    cut = line.index("🌍".encode()) + 2 if "🌍".encode() in line else 40

    def script(connection):
        connection.answer(chunked(NDJSON, line[:cut]))
        connection.wait(go)
        connection.send(chunk(line[cut:]) + chunk(LAST) + END)

    server = serve(script)
    with world.client(server.url) as client, client.chat("m", [], stream=True) as stream:
        go.set()
        assert next(stream).message.content == "naïve 🌍 日本"


def test_item_is_delivered_before_the_next_one_exists(world, serve):
    go = threading.Event()

    def script(connection):
        connection.answer(chunked(NDJSON, chat_item("first")))
        connection.wait(go)
        connection.send(chunk(LAST) + END)
        connection.watch()

    server = serve(script)
    with world.client(server.url) as client, client.chat("m", [], stream=True) as stream:
        assert next(stream).message.content == "first"
        go.set()
        assert next(stream).done


@pytest.mark.parametrize(
    "body",
    [
        b"\n\r\n" + chat_item() + b"\n \t\n" + LAST,
        chat_item().replace(b"\n", b"\r\n") + LAST,
        b"\xef\xbb\xbf" + chat_item() + LAST,
        chat_item() + LAST.rstrip(),
    ],
    ids=["blank lines", "CRLF", "byte order mark", "no last line end"],
)
def test_line_ends_and_blank_lines_make_no_difference(world, serve, body):
    server = serve(replies(streamed(_CHAT, body)))
    with world.client(server.url) as client:
        items, error = drain(client.chat("m", [], stream=True))
    assert error is None
    assert [item.message.content for item in items] == ["Hi", ""]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\n\n", b"\r\n\r\n"),
        (b"\n\n", b"\r\r"),
        (b"data: ", b": keep-alive\n\n: again\ndata:"),
        (b"data: ", b"id: 7\ndata: "),
    ],
    ids=["CRLF", "CR", "comments", "ids"],
)
def test_the_ways_to_write_server_sent_events_make_no_difference(world, serve, old, new):
    body = capture(_V1_CHAT.capture)
    server = serve(replies(streamed(_V1_CHAT, body)), replies(streamed(_V1_CHAT, (body + b"\n").replace(old, new))))
    with world.client(server.url) as client, world.client(server.url) as other:
        plain, nothing = drain(_V1_CHAT.call(client, stream=True))
        rewritten, error = drain(_V1_CHAT.call(other, stream=True))
    assert nothing is None
    assert error is None
    assert rewritten == plain


def test_call_that_only_loads_a_model_streams_one_item(world, serve):
    server = serve(replies(whole(capture("079-chat-load-only"), content_type="application/json; charset=utf-8")))
    with world.client(server.url) as client:
        items, error = drain(client.chat("m", stream=True))
    assert error is None
    assert [item.done_reason for item in items] == ["load"]


# Collecting


@pytest.mark.parametrize("kind", ["from the start", "after a few items"])
@_ROUTES
def test_collect_returns_the_type_of_the_one_piece_reply(world, serve, route, kind):
    server = serve(replies(streamed(route, capture(route.capture))))
    with world.client(server.url) as client, route.call(client, stream=True) as stream:
        if kind != "from the start":
            next(stream)
        assert type(stream.collect()) is _REPLIES[route.method]


_REPLIES = {
    "generate": types.GenerateResponse,
    "chat": types.ChatResponse,
    "pull": types.ProgressResponse,
    "push": types.ProgressResponse,
    "create": types.ProgressResponse,
    "v1.chat.completions.create": types.ChatCompletion,
    "v1.completions.create": types.Completion,
    "v1.responses.create": types.ResponseObject,
    "v1.messages.create": types.MessagesResponse,
}


@pytest.fixture
def collected(serve, sync_client):
    """Collect a recorded stream."""

    def collect(method, name):
        route = ROUTES[method]
        server = serve(replies(streamed(route, capture(name))))
        with route.call(sync_client(server.url), stream=True) as stream:
            return stream.collect()

    return collect


def test_collect_joins_text_and_keeps_the_counters(collected):
    reply = collected("chat", "045-chat-stream")
    assert reply.message.content == "Hello! I am a tiny test model 🌍. ok"
    assert reply.message.role == "assistant"
    assert (reply.done, reply.done_reason, reply.eval_count) == (True, "stop", 13)
    assert reply.metrics.tokens_per_second == pytest.approx(13 / 0.003066)


def test_collect_joins_thinking_apart_from_text(collected):
    reply = collected("chat", "068-chat-think-stream")
    assert reply.message.thinking.startswith("The")
    assert reply.message.content
    generated = collected("generate", "032-generate-think-stream")
    assert generated.thinking.startswith("The")
    assert generated.context


def test_collect_keeps_tool_calls_that_came_before_the_last_item(collected):
    (call,) = collected("chat", "050-chat-tools-stream").message.tool_calls
    assert call.function.name == "get_current_weather"
    assert call.function.arguments == {"city": "Toronto"}


def test_collect_strings_log_probabilities_together(collected):
    reply = collected("generate", "028-generate-logprobs-stream")
    assert "".join(part.token for part in reply.logprobs) == reply.response
    assert len(reply.logprobs) == 3
    assert all(len(part.top_logprobs) == 2 for part in reply.logprobs)


def test_collect_of_a_download_is_its_success(collected):
    assert collected("pull", "190-pull-stream").status == "success"


def test_collect_of_chat_chunks_is_a_whole_completion(collected):
    reply = collected("v1.chat.completions.create", "208-v1-chat-stream-usage")
    (choice,) = reply.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == "Hello! I am a tiny test model 🌍. ok"
    assert choice.finish_reason == "stop"
    assert reply.usage.completion_tokens == 13
    assert reply.object == "chat.completion"


def test_collect_of_chat_chunks_joins_reasoning_and_logprobs(collected):
    reasoned = collected("v1.chat.completions.create", "217-v1-chat-reasoning-stream").choices[0].message
    assert reasoned.reasoning.startswith("The")
    assert reasoned.content
    (choice,) = collected("v1.chat.completions.create", "220-v1-chat-logprobs-stream").choices
    assert "".join(part.token for part in choice.logprobs.content) == choice.message.content


@pytest.mark.parametrize("name", ["211-v1-chat-tools-stream", "213-v1-chat-tools-jinja-stream"])
def test_collect_of_chat_chunks_keeps_the_tool_call_whole(collected, name):
    (choice,) = collected("v1.chat.completions.create", name).choices
    (call,) = choice.message.tool_calls
    assert call.function.name == "get_current_weather"
    assert call.function.arguments == '{"city":"Toronto"}'
    assert choice.finish_reason == "tool_calls"


def test_collect_of_chat_chunks_keeps_two_tool_calls_apart(collected):
    (choice,) = collected("v1.chat.completions.create", "212-v1-chat-tools-two-stream").choices
    assert len(choice.message.tool_calls) == 2
    assert len({call.id for call in choice.message.tool_calls}) == 2


def test_collect_of_completion_chunks_ends_with_the_real_usage(collected):
    reply = collected("v1.completions.create", "230-v1-completions-stream")
    assert reply.choices[0].text == "Hello! I am a tiny test model 🌍. ok"
    assert reply.choices[0].finish_reason == "stop"
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (20, 13)


def test_collect_of_response_events_is_the_response_object(collected):
    reply = collected("v1.responses.create", "238-v1-responses-stream")
    assert reply.status == "completed"
    assert reply.output[-1].content[0].text == "Hello! I am a tiny test model 🌍. ok"
    assert reply.usage.total_tokens == 33
    assert collected("v1.responses.create", "242-v1-responses-reasoning-stream").output[0].type == "reasoning"
    (call,) = collected("v1.responses.create", "240-v1-responses-tools-stream").output
    assert (call.name, call.arguments) == ("get_current_weather", '{"city":"Toronto"}')


def test_collect_of_message_events_is_the_message(collected):
    reply = collected("v1.messages.create", "248-v1-messages-stream")
    assert reply.content[0].text == "Hello! I am a tiny test model 🌍. ok"
    assert reply.stop_reason == "end_turn"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (35, 13)
    called = collected("v1.messages.create", "250-v1-messages-tools-stream")
    assert called.content[-1].name == "get_current_weather"
    assert called.content[-1].input == {"city": "Toronto"}
    assert called.stop_reason == "tool_use"


def test_collect_gives_the_same_reply_again(world, serve):
    server = serve(replies(streamed(_V1_CHAT, capture(_V1_CHAT.capture))))
    with world.client(server.url) as client, _V1_CHAT.call(client, stream=True) as stream:
        reply = stream.collect()
        assert reply.choices[0].message.content
        assert stream.collect() == reply


@_ROUTES
def test_collect_gives_the_whole_reply_after_items_were_taken(world, serve, route):
    response = streamed(route, capture(route.capture))
    server = serve(replies(*[response] * 4))
    with world.client(server.url) as client:

        def collect(taken):
            with route.call(client, stream=True) as stream:
                for _ in range(taken):
                    next(stream)
                return stream.collect()

        whole_reply = collect(0)
        for taken in (1, 2):
            assert collect(taken) == whole_reply
        with route.call(client, stream=True) as stream:
            assert drain(stream)[1] is None
            assert stream.collect() == whole_reply
    assert type(whole_reply) is _REPLIES[route.method]


@_ROUTES
def test_an_incomplete_reply_has_all_items_in_its_partial(world, serve, route):
    beginning = b"".join(items_of(capture(route.capture))[:-2])
    response = streamed(route, beginning)
    server = serve(replies(*[response] * 3))
    with world.client(server.url) as client:
        errors = []
        for taken in (0, 1):
            with route.call(client, stream=True) as stream:
                for _ in range(taken):
                    next(stream)
                with pytest.raises(IncompleteReplyError) as caught:
                    stream.collect()
                errors.append(caught.value)
        with route.call(client, stream=True) as stream:
            errors.append(drain(stream)[1])
    assert errors[0].partial is not None
    assert [error.partial for error in errors] == [errors[0].partial] * 3


def test_collect_of_a_long_stream_has_every_item_in_its_order(world, serve):
    words = [f" {number}" for number in range(3000)]
    body = b"".join(chat_item(word, message={"role": "assistant", "content": word}) for word in words) + LAST
    pieces = [body[start : start + 5000] for start in range(0, len(body), 5000)]
    server = serve(replies(*[chunked(NDJSON, *pieces) + END] * 2))
    with world.client(server.url) as client:
        for taken in (0, 1500):
            with client.chat("m", [], stream=True) as stream:
                for _ in range(taken):
                    next(stream)
                assert stream.collect().message.content == "".join(words)


_BURSTS = {
    "chat": [
        {"message": {"role": "assistant", "content": "", "thinking": "Hm "}},
        {"message": {"role": "assistant", "content": "word "}},
        {"message": {"role": "assistant", "content": "x"}, "logprobs": [{"token": "x", "logprob": -1.5}]},
        {"message": {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"n": 2**70}}}]}},
    ],
    "v1.chat.completions.create": [
        {"choices": [{"index": index, "delta": {"role": "assistant", **delta}, "finish_reason": None}]}
        for index, delta in [(0, {"reasoning": "Hm "}), (0, {"content": "word "}), (1, {"content": "other "}), (0, {"content": ""})]
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", _BURSTS)
def test_a_burst_collects_into_the_reply_of_its_single_items(world, serve, name):
    route = ROUTES[name]
    end = LAST if name == "chat" else b"data: [DONE]\n\n"
    shared = (
        {"model": "m", "created_at": "2026-11-29T12:00:00Z", "done": False}
        if name == "chat"
        else {"id": "c", "created": 1}
    )
    items = [{**shared, **item} for item in _BURSTS[name] for _ in range(40)]
    prefix, suffix = (b"", b"\n") if name == "chat" else (b"data: ", b"\n\n")
    pieces = [prefix + json.dumps(item).encode() + suffix for item in items]
    burst = chunked(route.content_type, b"".join(pieces), end) + END
    server = serve(replies(chunked(route.content_type, *pieces, end) + END, burst, burst, burst))
    with world.client(server.url) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Alike, "added_up", lambda *_: None)
        with route.call(client, stream=True) as stream:
            reply = stream.collect()
        patch.undo()
        for taken in (0, 50, len(items)):
            with route.call(client, stream=True) as stream:
                for _ in range(taken):
                    next(stream)
                assert stream.collect() == reply
    message = reply.message if name == "chat" else reply.choices[0].message
    assert message.content == "word " * 40 + ("x" * 40 if name == "chat" else "")


def test_an_interrupt_while_items_are_added_up_ends_the_stream(serve, sync_client, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(MergeAccumulator, "add", interrupted)
    unlike = [chat_item("word", number=number) for number in range(1000)]  # so that they are added up one by one
    server = serve(replies(chunked(NDJSON, *unlike)))
    with sync_client(server.url).chat("m", [], stream=True) as stream:
        with pytest.raises(KeyboardInterrupt):
            list(stream)
        with pytest.raises(IncompleteReplyError, match="KeyboardInterrupt"):
            next(stream)


def test_changing_an_item_does_not_change_what_is_collected(world, serve):
    server = serve(replies(streamed(_CHAT, chat_item("a") + LAST)))
    with world.client(server.url) as client, client.chat("m", [], stream=True) as stream:
        next(stream).message.content = "changed"
        assert stream.collect().message.content == "a"


@pytest.mark.parametrize(
    "label", ["text/plain; charset=utf-8", "application/ndjson", "application/json", SSE, NDJSON, None]
)
@_ROUTES
def test_a_stream_is_read_whatever_its_label(world, serve, route, label):
    body = capture(route.capture)
    server = serve(replies(whole(body, content_type=label)))
    with world.client(server.url) as client, route.call(client, stream=True) as stream:
        items, error = drain(stream)
    assert (len(items), error) == (len([item for item in items_of(body) if b"[DONE]" not in item]), None)


@_ROUTES
def test_nothing_after_the_last_item_is_handed_out(world, serve, route):
    body = capture(route.capture)
    items = items_of(body)
    number = len([item for item in items if b"[DONE]" not in item])
    server = serve(replies(streamed(route, body.strip() + b"\n\n" + items[0] + items[-1] + b"{broken\n\n")))
    with world.client(server.url) as client, route.call(client, stream=True) as stream:
        taken, error = drain(stream)
        assert (len(taken), error) == (number, None)
        assert drain(stream) == ([], None)


# What a stream leaves behind


@_ROUTES
def test_stream_read_to_its_end_leaves_its_connection_reusable(world, serve, route):
    response = streamed(route, capture(route.capture))
    server = serve(replies(response, response, whole(b'{"version":"1"}')))
    with world.client(server.url) as client:
        drain(route.call(client, stream=True))
        with route.call(client, stream=True) as stream:
            stream.collect()
        assert client.version().version == "1"
    assert len(server.connections) == 1


@pytest.mark.own
def test_stream_ends_though_the_server_never_ends_the_body(world, serve):
    server = serve(replies(chunked(NDJSON, chat_item(), LAST)))
    with world.client(server.url, timeout=None) as client:
        items, error = drain(client.chat("m", [], stream=True))
        assert (len(items), error) == (2, None)
        assert server.hung_up()


def test_what_follows_the_last_item_is_not_delivered_as_an_error(world, serve):
    server = serve(replies_and_closes(streamed(_CHAT, chat_item() + LAST + b"{broken")))
    with world.client(server.url) as client:
        assert client.chat("m", [], stream=True).collect().message.content == "Hi"


def test_two_streams_of_one_client_do_not_mix(world, serve):
    def script(connection):
        connection.request()
        text = "one" if len(server.connections) == 1 else "two"
        connection.send(chunked(NDJSON, chat_item(text), chat_item(text), LAST) + END)
        connection.watch()

    server = serve(script)
    with world.client(server.url) as client:  # noqa: SIM117
        with client.chat("m", [], stream=True) as one, client.chat("m", [], stream=True) as two:
            texts = [(a.message.content, b.message.content) for a, b in zip(one, two, strict=True)]
    assert texts == [("one", "two"), ("one", "two"), ("", "")]


def test_a_streaming_call_asks_for_what_it_reads(world, serve):
    server = serve(replies(streamed(_CHAT, LAST)))
    other = serve(replies(streamed(_V1_CHAT, b"data: [DONE]\n\n")))
    with world.client(server.url) as client, world.client(other.url) as v1:
        drain(client.chat("m", [], stream=True))
        drain(_V1_CHAT.call(v1, stream=True))
    assert server.requests[0].headers["accept"] == NDJSON
    assert other.requests[0].headers["accept"] == SSE
    assert b'"stream":true' in server.requests[0].body


def test_a_stream_describes_itself_without_its_content(sync_client, serve):
    server = serve(replies(streamed(Route("chat", {}, "", NDJSON), chat_item("hush"), b"")))
    stream = sync_client(server.url).chat("m", [], stream=True)
    next(stream)
    assert "hush" not in repr(stream)
    assert "200" in repr(stream)
    stream.close()
    assert "open" not in repr(stream)


@pytest.mark.parametrize("kind", [Stream, AsyncStream])
def test_annotations_that_are_evaluated_may_name_one_type_or_two(kind):
    assert get_args(kind[types.ChatResponse]) == (types.ChatResponse,)
    assert get_args(kind[types.ChatCompletionChunk, types.ChatCompletion]) == (
        types.ChatCompletionChunk,
        types.ChatCompletion,
    )
