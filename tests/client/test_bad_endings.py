"""Streams that end badly raise an error, on every route that streams; none passes for complete."""

from __future__ import annotations

import gc
import threading
from functools import partial

import pytest

from ollama_sdk import DecodeError, IncompleteReplyError, ReplyFailedError
from tests.support.loopback import END, chunked, head, replies, replies_and_closes, replies_and_resets, whole
from tests.support.streamed import LAST, NDJSON, ROUTES, SSE, capture, chat_item, drain, items_of, streamed
from tests.support.transports import CERTIFICATE, server_context


@pytest.fixture(params=["plain", "tls"])
def serve(request, serve, monkeypatch):
    """Start a scripted server, once plain and once behind TLS with a certificate that the client trusts."""
    if request.param == "plain":
        return serve
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    return partial(serve, tls=server_context())


_ROUTES = pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())


def _of(*methods):
    return pytest.mark.parametrize("route", [ROUTES[method] for method in methods], ids=methods)


# What a real server sent when its model died, or when it gave up

_CUT = {
    "v1.chat.completions.create": "315-midstream-kill-v1-chat",
    "v1.responses.create": "317-midstream-kill-v1-responses",
    "v1.messages.create": "318-midstream-kill-v1-messages",
    "chat": "260-chat-token-repeat-limit-stream",
    "generate": "262-generate-endless-cut",
}
_FAILED = {
    "generate": "312-midstream-kill-generate",
    "chat": "313-midstream-kill-chat",
    "pull": "196-pull-missing-stream",
    "push": "200-push-missing",
    "create": "124-create-not-gguf",
}


@_of(*_CUT)
def test_stream_without_last_item_delivers_items_before_raising(world, serve, route):
    body = capture(_CUT[route.method])
    server = serve(replies(streamed(route, body)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert type(error) is IncompleteReplyError
    assert error.items == len(items) == len(items_of(body))
    assert server.host in str(error)


@_of("v1.chat.completions.create", "v1.completions.create")
def test_the_chunk_of_a_model_that_died_is_no_end(world, serve, route):
    died = b'data: {"id":"c","object":"chunk","created":1,"model":"","system_fingerprint":"fp_ollama","choices":[]}\n\n'
    server = serve(replies(streamed(route, items_of(capture(route.capture))[0] + died)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert (type(error), error.items, len(items)) == (IncompleteReplyError, 2, 2)
    assert items[-1].model == ""


@_of(*_FAILED)
def test_error_item_is_raised_in_the_servers_words(world, serve, route):
    body = capture(_FAILED[route.method])
    server = serve(replies(streamed(route, body)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert type(error) is ReplyFailedError
    assert len(items) == len(items_of(body)) - 1
    assert error.message
    assert error.message in str(error)
    assert error.message.encode() in body.replace(b'\\"', b'"')


@_of("v1.chat.completions.create", "v1.completions.create")
@pytest.mark.parametrize("line", [b'data: {"error":{"message":"boom","type":"api_error"}}\n\n', b'{"error":"boom"}\n'])
def test_an_error_among_server_sent_events_is_raised(world, serve, route, line):
    first = items_of(capture(route.capture))[0]
    server = serve(replies(streamed(route, first + line)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert len(items) == 1
    if line.startswith(b"data:"):
        assert type(error) is ReplyFailedError
        assert error.message == "boom"
    else:  # not an event, so nothing that a stream of events can say
        assert type(error) is IncompleteReplyError


@_of("v1.responses.create")
def test_a_response_that_failed_is_no_response(world, serve, route):
    event = b'data: {"type":"response.failed","response":{"status":"failed","error":{"code":"x","message":"boom"}}}\n\n'
    server = serve(replies(streamed(route, items_of(capture(route.capture))[0] + event)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert (len(items), type(error)) == (1, ReplyFailedError)
    assert error.message == "boom"


@_of("v1.messages.create")
def test_an_error_event_of_messages_is_raised(world, serve, route):
    event = b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"boom"}}\n\n'
    server = serve(replies(streamed(route, items_of(capture(route.capture))[0] + event)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert (len(items), type(error), error.message) == (1, ReplyFailedError, "boom")


# Every way to stop early, on every route

_ENDS = {
    "the body ends": lambda route, body: replies(streamed(route, body)),
    "the body is cut": lambda route, body: replies_and_closes(chunked(route.content_type, body)),
    "the length was promised": lambda route, body: replies_and_closes(
        head(200, route.content_type, content_length=len(body) + 100) + body
    ),
    "the connection just closes": lambda route, body: replies_and_closes(head(200, route.content_type) + body),
}


@_ROUTES
@pytest.mark.parametrize("end", _ENDS.values(), ids=_ENDS)
def test_a_stream_that_stops_before_its_last_item_is_incomplete(world, serve, route, end):
    items = items_of(capture(route.capture))
    kept = items[:-1]
    server = serve(end(route, b"".join(kept)))
    with world.client(server.url) as client:
        delivered, error = drain(route.call(client, stream=True))
    assert type(error) is IncompleteReplyError
    assert error.items == len(delivered) == len(kept)


@_ROUTES
def test_a_stream_cut_inside_an_item_delivers_the_whole_ones(world, serve, route):
    items = items_of(capture(route.capture))
    server = serve(replies(streamed(route, b"".join(items[:2]) + items[2][:20])))
    with world.client(server.url) as client:
        delivered, error = drain(route.call(client, stream=True))
    assert type(error) is IncompleteReplyError
    assert error.items == len(delivered) == 2


_CUTS = {
    "chunked": lambda content_type, body: replies_and_closes(chunked(content_type, body)),
    "length": lambda content_type, body: replies_and_closes(head(200, content_type, content_length=999) + body),
    "until closed": lambda content_type, body: replies_and_closes(head(200, content_type) + body),
    "ended": lambda content_type, body: replies(chunked(content_type, body) + END),
}


@pytest.mark.parametrize("cut", _CUTS.values(), ids=_CUTS)
@pytest.mark.parametrize("kind", [NDJSON, SSE])
def test_an_item_without_its_line_end_counts_at_every_cut(serve, sync_client, kind, cut):
    _deliver_every_cut(serve, sync_client, kind, cut)


@pytest.mark.parametrize("kind", [NDJSON, SSE])
def test_an_item_without_its_line_end_counts_in_each_world(world, serve, kind):
    start, texts, last = _short_stream(kind)
    whole_items = start + texts[0]
    for cut in _CUTS.values():
        with world.client(serve(cut(kind, whole_items.rstrip())).url) as client:
            items, error = drain(_short_call(client, kind))
        assert (len(items), type(error)) == (1, IncompleteReplyError)
        with world.client(serve(cut(kind, (whole_items + last).rstrip())).url) as client:
            assert drain(_short_call(client, kind))[1] is None


def _short_stream(kind):
    """The beginning, the items and the end of a short stream."""
    if kind == NDJSON:
        return (
            b"",
            [chat_item("a"), chat_item("b")],
            b'{"done":true,"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant"}}\n',
        )
    return b": hi\n\n", items_of(capture("207-v1-chat-stream"))[:2], b"data: [DONE]\n\n"


def _short_call(client, kind):
    return ROUTES["chat" if kind == NDJSON else "v1.chat.completions.create"].call(client, stream=True)


def _deliver_every_cut(serve, sync_client, kind, cut):
    start, texts, last = _short_stream(kind)
    body = start + b"".join(texts) + last
    ends, end = [], len(start)
    for text in (*texts, last):
        ends.append(end + len(text.rstrip()))
        end += len(text)
    cuts = range(len(body) + 1)
    server = serve(*(cut(kind, body[:size]) for size in cuts))
    client = sync_client(server.url)
    for size in cuts:
        items, error = drain(_short_call(client, kind))
        server.connections[-1].interrupt()
        whole_items = sum(size >= end for end in ends)
        assert (error is None) == (whole_items == len(ends)), size
        assert len(items) == min(whole_items, len(texts) + (kind == NDJSON)), size
        assert error is None or type(error) is IncompleteReplyError


@_ROUTES
@pytest.mark.parametrize("content_type", [NDJSON, SSE, "application/json"])
def test_a_stream_of_nothing_is_incomplete(world, serve, route, content_type):
    server = serve(replies(chunked(content_type) + END))
    with world.client(server.url) as client:
        delivered, error = drain(route.call(client, stream=True))
    assert (delivered, type(error), error.items) == ([], IncompleteReplyError, 0)


@_ROUTES
def test_reset_is_raised_after_every_item_that_arrived(world, serve, route):
    items, taken = items_of(capture(route.capture)), threading.Event()
    server = serve(replies_and_resets(chunked(route.content_type, *items[:2]), when=taken))
    with world.client(server.url) as client, route.call(client, stream=True) as stream:
        first = [next(stream), next(stream)]
        taken.set()
        rest, error = drain(stream)
    assert (len(first), rest) == (2, [])
    assert type(error) is IncompleteReplyError
    assert error.items == 2


def test_a_reset_after_the_last_item_no_longer_matters(world, serve):
    server = serve(replies_and_closes(chunked(NDJSON, chat_item() + LAST)))
    with world.client(server.url) as client:
        items, error = drain(client.chat("m", [], stream=True))
    assert (len(items), error) == (2, None)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{broken}\n", "malformed"),
        (b"[1]\n", "malformed"),
        (b'"text"\n', "malformed"),
        (b"\xff\xfe\n", "malformed"),
        (b'{"model":"\xc3(\n', "malformed"),
        (b"[" * 100_000 + b"]" * 100_000 + b"\n", "malformed"),
        (b'{"model":' * 100_000 + b"1" + b"}" * 100_000 + b"\n", "malformed"),
        (b"{}\n", "message"),
        (chat_item(done="yes"), "done"),
        (b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":7,"done":false}\n', "message"),
    ],
    ids=[
        "broken",
        "list",
        "text",
        "not UTF-8",
        "not UTF-8 inside",
        "deep",
        "deep objects",
        "empty",
        "wrong type",
        "wrong",
    ],
)
def test_a_malformed_item_is_a_decode_error_after_the_good_ones(world, serve, line, problem):
    server = serve(replies(streamed(ROUTES["chat"], chat_item("good") + line + LAST)))
    with world.client(server.url) as client:
        stream = client.chat("m", [], stream=True)
        items, error = drain(stream)
        assert [item.message.content for item in items] == ["good"]
        assert type(error) is DecodeError
        assert problem in str(error)
        assert len(error.excerpt) <= 200
        assert server.host in str(error)
        assert drain(stream)[0] == []


def test_a_malformed_item_is_a_decode_error_among_events_too(world, serve):
    route = ROUTES["v1.chat.completions.create"]
    server = serve(replies(streamed(route, items_of(capture(route.capture))[0] + b"data: {broken}\n\n")))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert (len(items), type(error)) == (1, DecodeError)


@pytest.mark.parametrize("ended", [True, False], ids=["its end came", "its end never came"])
def test_an_item_over_the_limit_is_refused_after_the_good_ones(world, serve, ended):
    large = chat_item("x" * 5000)
    body = chat_item("good") + (large + LAST if ended else large[:-1])
    server = serve(replies(chunked(NDJSON, body)))
    with world.client(server.url, max_item_bytes=2000) as client:
        items, error = drain(client.chat("m", [], stream=True))
        assert [item.message.content for item in items] == ["good"]
        assert type(error) is DecodeError
        assert "2,000 bytes" in str(error)
        assert "max_item_bytes" in str(error)
        assert server.host in str(error)
        assert server.hung_up()


def test_an_error_is_raised_again_at_the_next_read(world, serve):
    server = serve(replies(streamed(ROUTES["chat"], chat_item())))
    with world.client(server.url) as client, client.chat("m", [], stream=True) as stream:
        assert type(drain(stream)[1]) is IncompleteReplyError
        assert type(drain(stream)[1]) is IncompleteReplyError


# Something other than a stream of Ollama's


@_ROUTES
@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=utf-8", "text/plain"])
def test_a_page_in_place_of_a_stream_is_named_for_what_it_is(world, serve, route, content_type):
    server = serve(replies(whole(b"<html>Log in</html>", content_type=content_type)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert (items, type(error)) == ([], DecodeError)
    assert f"({content_type})" in str(error)
    assert "'<html>Log in</html>'" in str(error)
    assert "something other than Ollama" in str(error)


def test_a_page_that_claims_to_be_a_stream_is_a_decode_error(world, serve):
    server = serve(replies(whole(b"<html>\n<body>Log in</body>\n</html>", content_type=NDJSON)))
    with world.client(server.url) as client:
        items, error = drain(client.chat("m", [], stream=True))
    assert (items, type(error)) == ([], DecodeError)


@pytest.mark.parametrize("content_type", [SSE, NDJSON])
def test_a_page_labelled_as_a_stream_of_events_is_refused(world, serve, content_type):
    route = ROUTES["v1.messages.create"]
    server = serve(replies(whole(b"<html>\n<body>Log in</body>\n</html>", content_type=content_type)))
    with world.client(server.url) as client:
        items, error = drain(route.call(client, stream=True))
    assert (items, type(error)) == ([], DecodeError)


# Replies in one piece, and collect()


def test_unfinished_one_piece_reply_is_incomplete(world, serve):
    server = serve(replies(whole(capture("259-chat-token-repeat-limit"))))
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        client.chat("m", [])
    assert caught.value.partial.message.content.startswith('{"')
    assert caught.value.partial.done is False


_V1_REPLIES = {
    "v1.chat.completions.create": ("206-v1-chat", '"finish_reason":"stop"', '"finish_reason":null'),
    "v1.completions.create": ("229-v1-completions", '"finish_reason":"stop"', '"finish_reason":null'),
    "v1.responses.create": ("237-v1-responses", '"total_tokens":33', '"total_tokens":0'),
    "v1.messages.create": ("247-v1-messages", '"stop_reason":"end_turn",', ""),
}


@_of(*_V1_REPLIES)
def test_unfinished_one_piece_reply_of_v1_is_incomplete(world, serve, route):
    name, finished, unfinished = _V1_REPLIES[route.method]
    body = capture(name).decode()
    assert finished in body
    server = serve(replies(whole(body.encode()), whole(body.replace(finished, unfinished).encode())))
    with world.client(server.url) as client:
        reply = route.call(client)
        with pytest.raises(IncompleteReplyError, match="unfinished") as caught:
            route.call(client)
    assert type(caught.value.partial) is type(reply)
    assert "tiny test model" in str(caught.value.partial.to_dict())


_EMPTY_COMPLETION = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":-62135596800,"model":"",'
    b'"choices":[{"index":0,"message":{"role":"","content":""},"finish_reason":null}]}'
)
_EMPTY_MESSAGE = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"","content":[],'
    b'"usage":{"input_tokens":0,"output_tokens":0}}'
)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("v1.chat.completions.create", _EMPTY_COMPLETION),
        ("v1.messages.create", _EMPTY_MESSAGE),
    ],
)
def test_a_reply_with_nothing_in_it_is_incomplete(world, serve, method, body):
    server = serve(replies(whole(body)))
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        ROUTES[method].call(client)
    assert caught.value.partial is not None


_SAYS_NOTHING = {
    "v1.chat.completions.create": b'"choices":[{"index":0,"message":{"role":"assistant","content":"%b"},"finish_reason":"stop"}]',
    "v1.completions.create": b'"choices":[{"index":0,"text":"%b","finish_reason":"stop"}]',
    "v1.responses.create": b'"status":"completed","output":[{"type":"message","id":"m","status":"completed",'
    b'"role":"assistant","content":[{"type":"output_text","text":"%b"}]}]',
    "v1.messages.create": b'"role":"assistant","content":[{"type":"text","text":"%b"}],"stop_reason":"end_turn"',
}
_NO_COUNTS = [
    b'"model":"",',
    b'"model":"","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"input_tokens":0,"output_tokens":0},',
    b'"model":"","created":-62135596800,"id":"chatcmpl-1",',
]


@_of(*_SAYS_NOTHING)
@pytest.mark.parametrize("counts", _NO_COUNTS, ids=["no usage", "zero usage", "no time"])
def test_reply_that_says_nothing_is_incomplete_despite_its_stop(world, serve, route, counts):
    empty, said = (b"{%b%b}" % (counts, _SAYS_NOTHING[route.method] % text) for text in (b"", b"Hi"))
    with world.client(serve(replies(whole(empty), whole(said))).url) as client:
        with pytest.raises(IncompleteReplyError, match=r"unfinished \(it names no model") as caught:
            route.call(client)
        assert caught.value.partial.model == ""
        assert "Hi" in str(route.call(client).to_dict())


@_of(*_SAYS_NOTHING)
def test_a_raw_reply_that_says_nothing_is_incomplete(serve, sync_client, route):
    body = b'{"model":"",%b}' % (_SAYS_NOTHING[route.method] % b"")
    client = sync_client(serve(replies(whole(body))).url)
    with pytest.raises(IncompleteReplyError) as caught:
        route.call(client.with_raw_response)
    assert caught.value.partial.model == ""


@_of(*_SAYS_NOTHING)
def test_text_of_a_server_that_counts_no_tokens_is_whole(world, serve, route):
    counts = b'"model":"m","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0,"input_tokens":0,"output_tokens":0},'
    body = b"{%b%b}" % (counts, _SAYS_NOTHING[route.method] % b"Hi")
    with world.client(serve(replies(whole(body))).url) as client:
        assert "Hi" in str(route.call(client).to_dict())


def test_calls_of_a_nameless_model_are_a_whole_reply(world, serve):
    calls = b'"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]'
    body = b'{"choices":[{"message":{"content":"",%b},"finish_reason":"tool_calls"}]}' % calls
    with world.client(serve(replies(whole(body))).url) as client:
        assert client.v1.chat.completions.create("m", []).choices[0].message.tool_calls[0].function.name == "f"


@pytest.mark.parametrize("status", ["in_progress", "queued", "failed", "cancelled"])
def test_a_response_of_no_final_status_is_incomplete(world, serve, status):
    body = capture("237-v1-responses").replace(
        b'"status":"completed","incomplete', b'"status":"%b","incomplete' % status.encode()
    )
    assert status.encode() in body
    with world.client(serve(replies(whole(body))).url) as client, pytest.raises(IncompleteReplyError) as caught:
        client.v1.responses.create("m", "x")
    assert f"status is {status!r}" in str(caught.value)
    assert caught.value.partial.output[0].content[0].text.startswith("Hello")


@pytest.mark.parametrize("status", [b'"incomplete"', b'"completed"', b"null"])
def test_a_response_that_ended_is_whole(world, serve, status):
    body = capture("237-v1-responses").replace(b'"status":"completed","incomplete', b'"status":%b,"incomplete' % status)
    with world.client(serve(replies(whole(body))).url) as client:
        assert client.v1.responses.create("m", "x").output


@pytest.mark.parametrize("method", ["v1.chat.completions.create", "v1.completions.create"])
@pytest.mark.parametrize("choices", [b"[]", b"null"])
def test_a_reply_without_choices_is_incomplete(world, serve, method, choices):
    server = serve(replies(whole(b'{"id":"x","model":"m","choices":%b}' % choices)))
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        ROUTES[method].call(client)
    assert caught.value.partial.choices == []


@pytest.mark.parametrize("usage", [b"{}", b"null", b'{"input_tokens":3,"output_tokens":4}'])
def test_a_server_that_counts_no_tokens_has_finished(world, serve, usage):
    body = b'{"id":"x","status":"completed","model":"m","output":[],"usage":%b}' % usage
    with world.client(serve(replies(whole(body))).url) as client:
        assert client.v1.responses.create("m", "x").model == "m"


def test_one_piece_pull_without_success_is_incomplete(world, serve):
    server = serve(replies(whole(b'{"status":"pulling manifest"}')))
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        client.pull("m")
    assert caught.value.partial.status == "pulling manifest"
    assert "look at the server's log" in str(caught.value)
    assert "repeating" not in str(caught.value)


@pytest.mark.parametrize("method", ["chat", "generate", "pull", "v1.chat.completions.create", "v1.responses.create"])
def test_an_error_with_a_good_status_is_a_failure(world, serve, method):
    server = serve(replies(whole(b'{"error":"boom"}')))
    with world.client(server.url) as client, pytest.raises(ReplyFailedError) as caught:
        ROUTES[method].call(client)
    assert caught.value.message == "boom"


@pytest.mark.parametrize(
    "response",
    [head(200, content_length=100) + b'{"mod', head(200, transfer_encoding="chunked") + b'5\r\n{"mod\r\n'],
    ids=["Content-Length", "chunked"],
)
@_ROUTES
def test_a_body_in_one_piece_that_breaks_off_is_incomplete(world, serve, route, response):
    server = serve(replies_and_closes(response))
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        route.call(client)
    assert server.host in str(caught.value)


_PARTIALS = {
    "chat": lambda reply: reply.message.content.startswith("{"),
    "generate": lambda reply: reply.response.startswith(" time data"),
    "v1.chat.completions.create": lambda reply: reply.choices[0].message.content.startswith(" one to"),
    "v1.responses.create": lambda reply: reply.output[0].content[0].text.endswith(" for and"),
    "v1.messages.create": lambda reply: reply.content[0].text == " two sun sky sky",
}


@_of(*_CUT)
def test_collect_of_unfinished_stream_carries_the_partial_reply(world, serve, route):
    server = serve(replies(streamed(route, capture(_CUT[route.method]))))
    with world.client(server.url) as client, route.call(client, stream=True) as stream:  # noqa: SIM117
        with pytest.raises(IncompleteReplyError) as caught:
            stream.collect()
    assert caught.value.items > 0
    assert _PARTIALS[route.method](caught.value.partial)


@_ROUTES
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_collect_of_any_beginning_is_incomplete(serve, sync_client, route, count):
    kept = items_of(capture(route.capture))[:-1][:count]
    server = serve(replies(streamed(route, b"".join(kept))))
    with route.call(sync_client(server.url), stream=True) as stream, pytest.raises(IncompleteReplyError) as caught:
        stream.collect()
    assert caught.value.items == len(kept)
    assert (caught.value.partial is None) == (not kept)


@_of(*_FAILED)
def test_collect_raises_the_servers_failure(world, serve, route):
    server = serve(replies(streamed(route, capture(_FAILED[route.method]))))
    with world.client(server.url) as client, route.call(client, stream=True) as stream, pytest.raises(ReplyFailedError):
        stream.collect()


_NONSENSE = {
    "v1.messages.create": [
        b'{"type":"message_start"}',
        b'{"type":"message_start","message":7}',
        b'{"type":"content_block_delta"}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_delta","index":[],"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_start","index":"a","content_block":{"type":"text","text":7}}',
        b'{"type":"message_delta","delta":null}',
        b'{"type":"message"}',
        b'{"type":"block"}',
        b'{"type":"blocks"}',
        b'{"type":"_init__"}',
        b'{"type":["message_start"]}',
    ],
    "v1.responses.create": [
        b'{"type":"response.created","response":7}',
        b'{"type":"response.output_item.added"}',
        b'{"type":"response.output_item.added","output_index":0,"item":7}',
        b'{"type":"response.output_text.delta","delta":7}',
        b'{"type":"response.function_call_arguments.delta"}',
        b'{"type":["response.created"]}',
    ],
    "v1.chat.completions.create": [
        b'{"choices":7}',
        b'{"choices":[7]}',
        b'{"choices":[{"index":[],"delta":{}}]}',
        b'{"choices":[{"index":"a","delta":{}},{"index":0}]}',
        b'{"choices":[{"index":0,"delta":{"content":7}}]}',
        b'{"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":7}}]}}]}',
    ],
    "chat": [b'{"message":{"content":7}}', b'{"message":{"tool_calls":7}}', b'{"x":' * 1000 + b"1" + b"}" * 1000],
}


@pytest.fixture
def uncollected():
    """No garbage collection: at the end of the stack it would run finalizers, which fail there, and are blamed on the test."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    ("method", "item"),
    [(method, item) for method, items in _NONSENSE.items() for item in items],
    ids=lambda value: repr(value)[:70],
)
@pytest.mark.parametrize("position", [0, 1])
def test_collect_of_nonsense_is_a_typed_error(serve, sync_client, method, item, position):
    route = ROUTES[method]
    good = items_of(capture(route.capture))
    nonsense = item + b"\n" if route.content_type == NDJSON else b"data: " + item + b"\n\n"
    body = b"".join([*good[:position], nonsense, good[-1]])
    server = serve(replies(streamed(route, body)))
    with route.call(sync_client(server.url), stream=True) as stream:
        error = None
        try:
            stream.collect()
        except (DecodeError, IncompleteReplyError) as exc:
            error = exc
    assert error is None or server.host in str(error)
