"""The API key goes to the server it is for, and appears nowhere else."""

from __future__ import annotations

import logging
import pickle
import traceback

import httpx
import pytest

from ollama_sdk import AsyncOllama, ConfigurationError, Ollama, OllamaError
from ollama_sdk.errors import describe_call
from tests.support.library import library
from tests.support.loopback import PATIENCE, closed_port, head, replies, replies_and_closes, replies_and_resets, whole
from tests.support.streamed import NDJSON, ROUTES, chat_item, drain, streamed

KEY = "sk-very-secret-0123456789"


def _silent(connection):
    connection.request()
    connection.watch()


_FAILURES = {
    "reset": replies_and_resets(b""),
    "reset in the body": replies_and_resets(head(200, content_length=9)),
    "not HTTP": replies_and_closes(b"what?\r\n\r\n"),
    "not JSON": replies(whole(b"what?")),
    "page": replies(whole(b"what?", content_type="text/html")),
    "unfinished": replies(streamed(ROUTES["chat"], chat_item())),
    "failed": replies(streamed(ROUTES["chat"], b'{"error":"boom"}\n')),
    "repeats it in a failure": replies(streamed(ROUTES["chat"], b'{"error":"not %s"}\n' % KEY.encode())),
    "repeats it in nonsense": replies(streamed(ROUTES["chat"], b"not %s\n" % KEY.encode())),
    "repeats it in a wrong place": replies(streamed(ROUTES["chat"], b'{"model":"m","message":"%s"}\n' % KEY.encode())),
    "repeats it in an error": replies(whole(b'{"error":"not %s"}' % KEY.encode(), 401)),
    "silent": _silent,
    **{str(status): replies(whole(b'{"error":"boom"}', status)) for status in (301, 400, 401, 403, 404, 429, 500, 503)},
}


def _all_that_is_said(error):
    """Every text that an error, what caused it and what it carries would show."""
    yield from traceback.format_exception(error)
    while error is not None:
        yield from (str(error), repr(error), repr(vars(error)), repr(error.args))
        if response := vars(error).get("response"):
            yield from (repr(response), repr(response.headers), response.text, repr(vars(response)))
            assert not hasattr(response, "_request") or response._request is None
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
@pytest.mark.parametrize("script", _FAILURES.values(), ids=_FAILURES)
def test_no_failure_shows_the_api_key(world, serve, caplog, script, stream):
    caplog.set_level(logging.DEBUG)
    server = serve(script)
    limit = 1 if script is _silent else PATIENCE
    with world.client(server.url, api_key=KEY, timeout=limit) as client:
        try:
            reply = client.chat("m", [], stream=stream)
            if stream:
                list(reply)
        except OllamaError as caught:
            error = caught
        else:
            raise AssertionError
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    for text in _all_that_is_said(error):
        assert KEY not in text
    assert KEY.encode() not in pickle.dumps(error)
    assert KEY not in caplog.text


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
def test_good_reply_that_contains_the_key_is_not_changed(world, serve, stream):
    item = chat_item("I run on ollama!", done=True, done_reason="stop")
    server = serve(replies(streamed(ROUTES["chat"], item) if stream else whole(item.strip())))
    with world.client(server.url, api_key="ollama") as client:
        reply = client.chat("m", [], stream=stream)
        assert (reply.collect() if stream else reply).message.content == "I run on ollama!"


def test_error_does_not_hold_the_httpx_request(world, serve):
    server = serve(replies(whole(b'{"error":"boom"}', 404)))
    with (
        world.http_client() as http_client,
        world.client(server.url, api_key=KEY, http_client=http_client) as client,
        pytest.raises(OllamaError) as caught,
    ):
        client.chat("m", [])
    with pytest.raises(RuntimeError):
        _ = caught.value.response.request
    assert KEY.encode() not in pickle.dumps(caught.value)


def test_a_refused_connection_does_not_tell_the_api_key(world, caplog):
    caplog.set_level(logging.DEBUG)
    with world.client(f"127.0.0.1:{closed_port()}", api_key=KEY) as client, pytest.raises(OllamaError) as caught:
        client.chat("m", [])
    assert not any(KEY in text for text in _all_that_is_said(caught.value))
    assert KEY not in caplog.text


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nx: y", f"{KEY}é", f"{KEY}\u2028", f"{KEY}\0"])
@pytest.mark.parametrize("way", ["api_key", "headers", "extra_headers"])
def test_invalid_key_is_refused_without_showing_it(world, serve, caplog, key, way):
    caplog.set_level(logging.DEBUG)
    server = serve(replies(whole(b'{"version":"1"}')))
    headers = {"authorization": f"Bearer {key}"}
    options = {"api_key": {"api_key": key}, "headers": {"headers": headers}}.get(way, {})
    with pytest.raises(ConfigurationError) as caught, world.client(server.url, **options) as client:
        client.version(extra_headers=headers if way == "extra_headers" else None)
    assert not any(KEY in text for text in _all_that_is_said(caught.value))
    assert KEY not in caplog.text
    assert server.requests == []


@pytest.mark.parametrize("kind", [Ollama, AsyncOllama])
def test_a_client_does_not_show_its_api_key(kind, monkeypatch):
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)
    for client in (kind("gpu-1", api_key=KEY), kind("gpu-1"), kind("gpu-1", headers={"authorization": KEY})):
        runtime = client._runtime
        for thing in (client, client.v1, client.with_raw_response, runtime, runtime.settings):
            assert KEY not in repr(thing)
            assert KEY not in str(thing)


def test_a_stream_and_its_response_do_not_show_the_api_key(world, serve):
    server = serve(replies(streamed(ROUTES["chat"], chat_item())))
    with world.client(server.url, api_key=KEY) as client, client.chat("m", [], stream=True) as stream:
        next(stream)
        assert KEY not in repr(stream)
        assert KEY not in repr(stream.head)
        drain(stream)


def test_a_good_call_does_not_log_the_api_key(world, serve, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(replies(whole(b'{"version":"1"}')))
    with world.client(server.url, api_key=KEY) as client:
        client.version(extra_query={"q": "x"})
        raw = repr(client.with_raw_response)
    assert KEY not in caplog.text + raw


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("follows", [False, True], ids=["as it is", "with an http client that follows redirects"])
def test_a_redirect_does_not_take_the_api_key_to_another_host(world, serve, status, follows):
    other = serve(replies(whole(b'{"error":"who are you?"}', 401)))
    server = serve(replies(whole(b"", status, location=f"{other.url}/api/chat")))
    with world.http_client(follow_redirects=True) as http_client:
        options = {"http_client": http_client} if follows else {}
        with world.client(server.url, api_key=KEY, **options) as client, pytest.raises(OllamaError):
            client.chat("m", [])
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert len(other.requests) == int(follows)
    assert not any(KEY in repr(request) for request in other.requests)


def test_key_stays_on_its_host_when_httpx_follows_redirects(world, serve):
    def script(connection):
        connection.answer(whole(b"", 307, location="/elsewhere"))
        connection.answer(whole(b'{"version":"1"}'))
        connection.watch()

    server = serve(script)
    with (
        world.http_client(follow_redirects=True) as http_client,
        world.client(server.url, api_key=KEY, http_client=http_client) as client,
    ):
        assert client.version().version == "1"
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2


def test_no_key_is_sent_where_none_is_known(world, serve, monkeypatch):
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    server = serve(replies(whole(b'{"version":"1"}', content_type=NDJSON)))
    with world.client(server.url) as client:
        client.version()
    assert "authorization" not in server.requests[0].headers


def test_environment_key_is_not_added_to_an_httpx_client(world, serve, monkeypatch):
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)
    server = serve(replies(whole(b'{"version":"1"}')))
    with world.http_client() as http_client, world.client(server.url, http_client=http_client) as client:
        client.version()
        assert "authorization" not in library.Headers(http_client.headers)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("status", [200, 403])
def test_a_key_that_the_server_repeats_is_redacted(world, serve, status):
    server = serve(replies(whole(f'{{"error":"no such key: {KEY}"}}'.encode(), status)))
    with world.client(server.url, api_key=KEY) as client, pytest.raises(OllamaError) as caught:
        client.chat("m", [])
    assert "no such key: ***" in str(caught.value)
    assert KEY not in "".join(map(str, _all_that_is_said(caught.value)))


def test_messages_name_a_call_without_the_secrets_of_its_url():
    request = httpx.Request("GET", f"http://user:{KEY}@gpu-1:11434/api/tags?key={KEY}")
    assert describe_call(request) == "GET http://gpu-1:11434/api/tags"


_REPEATS_THE_KEY = {
    "content type": whole(b"{", content_type=f"text/{KEY}"),
    "header": whole(b"{}", 400, x_seen=KEY),
    "redirect": whole(b"{}", 307, location=f"/?key={KEY}"),
    "end of an excerpt": whole(b'{"model":"%s%s"}' % (b"x" * 172, KEY.encode())),
    "unfinished reply": whole(b'{"model":"m","message":{"role":"assistant","content":""},"done":"%s"}' % KEY.encode()),
}


def test_too_long_item_shows_no_key_that_the_server_repeats(world, serve):
    server = serve(replies(streamed(ROUTES["chat"], b'{"a":"%s"}\n' % (KEY.encode() * 20))))
    with world.client(server.url, api_key=KEY, max_item_bytes=300) as client, pytest.raises(OllamaError) as caught:
        list(client.chat("m", [], stream=True))
    assert not any(KEY[:8] in text for text in _all_that_is_said(caught.value))


@pytest.mark.parametrize("answer", _REPEATS_THE_KEY.values(), ids=_REPEATS_THE_KEY)
def test_no_error_holds_a_part_of_a_key_that_the_server_repeats(world, serve, answer):
    server = serve(replies(answer))
    with world.client(server.url, api_key=KEY) as client, pytest.raises(OllamaError) as caught:
        client.chat("m", [])
    assert not any(KEY[:8] in text for text in _all_that_is_said(caught.value))
