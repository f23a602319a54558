"""Every failure raises a typed error that says what happened, for one-piece replies and for streams."""

from __future__ import annotations

import gzip
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DecodeError,
    IncompleteReplyError,
    InternalServerError,
    NotFoundError,
    Ollama,
    OllamaError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    ReplyFailedError,
    RequestTooLargeError,
    ServiceUnavailableError,
    Timeout,
    UnprocessableEntityError,
)
from tests.support.examples import examples
from tests.support.library import library
from tests.support.loopback import (
    PATIENCE,
    Loopback,
    chunk,
    closed_port,
    full_backlog_port,
    head,
    replies,
    replies_and_closes,
    replies_and_resets,
    whole,
)
from tests.support.streamed import NDJSON, ROUTES, SSE, capture


@pytest.fixture(params=[False, True], ids=["one piece", "streamed"])
def chat(request):
    """Call a chat and read it to its end."""

    def call(client, method="chat", **options):
        reply = ROUTES[method].call(client, stream=request.param, **options)
        return list(reply) if request.param else reply

    call.streamed = request.param
    return call


# No usable response


def test_a_refused_connection_says_where_it_went_and_what_to_do(world, chat):
    host = f"127.0.0.1:{closed_port()}"
    with world.client(host) as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert isinstance(caught.value, ConnectionError)
    assert f"POST http://{host}/api/chat" in str(caught.value)
    assert "ollama serve" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_server_that_is_not_there_is_not_available(world):
    with world.client(f"127.0.0.1:{closed_port()}") as client:
        assert client.is_available() is False


_NO_RESPONSE = {
    "reset before the headers": replies_and_resets(b""),
    "reset in the headers": replies_and_resets(b"HTTP/1.1 200 OK\r\nContent-"),
    "closed before the headers": replies_and_closes(b""),
    "closed in the headers": replies_and_closes(b"HTTP/1.1 200 OK\r\nContent-"),
    "half-closed": lambda connection: (connection.request(), connection.half_close(), connection.watch()),
    "not HTTP": replies_and_closes(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "not HTTP either": replies_and_closes(b"\x15\x03\x01\x00\x02\x02\x16" * 9),
    "a header that is none": replies_and_closes(b"HTTP/1.1 200 OK\r\nwhat is this\r\n\r\n"),
    "a length that is none": replies_and_closes(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n"),
    "headers without end": replies_and_closes(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000),
}


@pytest.mark.parametrize("script", _NO_RESPONSE.values(), ids=_NO_RESPONSE)
def test_no_usable_response_is_a_connection_error(world, serve, chat, script):
    server = serve(script)
    with world.client(server.url) as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert server.host in str(caught.value)


def test_a_name_that_does_not_resolve_is_a_connection_error(world, chat):
    with world.client("http://nowhere.invalid") as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert "no address is known for nowhere.invalid: check the host (OLLAMA_HOST, host=)" in str(caught.value)
    assert "ollama serve" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"* OK IMAP4rev1 ready\r\n", b"\x00\x01" * 20])
def test_a_port_that_speaks_something_else_is_named(world, serve, chat, answer):
    server = serve(replies_and_closes(answer))
    with world.client(server.url) as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert f"what answers at {server.url} does not speak HTTP as Ollama does: check host and port" in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "perhaps"), [("http", "https:// in the host if it"), ("https", "http:// in the host if it does not")]
)
@pytest.mark.parametrize("ends", ["close", "reset"])
def test_a_server_that_broke_off_is_not_said_to_be_down(world, serve, chat, scheme, perhaps, ends):
    server = serve(lambda connection: (connection.read_bytes(1), getattr(connection, ends)()))
    with world.client(f"{scheme}://{server.host}") as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert f"{server.host} accepted the connection and then broke it off: look at the server's log" in str(caught.value)
    assert f"use {perhaps}" in str(caught.value)
    assert "ollama serve" not in str(caught.value)


def test_ollamas_own_site_is_not_one_to_start(monkeypatch, sync_client):
    monkeypatch.setenv("https_proxy", "")
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    client = sync_client(f"127.0.0.1:{closed_port()}", api_key="k")
    with pytest.raises(APIConnectionError, match=r"https://ollama\.com cannot be reached: check the network") as caught:
        client.web_search("x")
    assert "ollama serve" not in str(caught.value)


@pytest.mark.plain
def test_a_server_without_tls_is_a_connection_error_over_https(world, serve, chat):
    server = serve(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with world.client(server.url.replace("http:", "https:")) as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert "does not speak TLS there: use http:// in the host" in str(caught.value)


# A good status, a bad body

_BROKEN = {
    "reset after the headers": replies_and_resets(head(200, content_length=10)),
    "reset in the body": replies_and_resets(head(200, content_length=10) + b'{"'),
    "cut by length": replies_and_closes(head(200, content_length=10) + b'{"'),
    "cut between chunks": replies_and_closes(head(200, transfer_encoding="chunked") + chunk(b'{"')),
    "cut in a chunk": replies_and_closes(head(200, transfer_encoding="chunked") + b'5\r\n{"'),
    "a chunk that is none": replies_and_closes(head(200, transfer_encoding="chunked") + b"xyz\r\n{}\r\n"),
}


@pytest.mark.parametrize("script", _BROKEN.values(), ids=_BROKEN)
def test_a_body_that_breaks_off_is_incomplete(world, serve, chat, script):
    server = serve(script)
    with world.client(server.url) as client, pytest.raises(IncompleteReplyError) as caught:
        chat(client)
    assert server.host in str(caught.value)


_NOT_JSON = {
    "broken": b'{"model":',
    "text": b"Ollama is running",
    "list": b"[1, 2]",
    "number": b"7",
    "not UTF-8": b'{"model":"\xff"}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "rather deep": b'{"message":{"content":' * 500 + b"1" + b"}}" * 500,
    "page": b"<!doctype html><title>Log in</title>",
    "lacking": b"{}",
    "wrong": b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":[],"done":true}',
    "no text": b'{"model":"m","created_at":"yesterday","message":{"role":"a","content":7},"done":true}',
}


@pytest.mark.parametrize("content_type", ["application/json", "text/html", None])
@pytest.mark.parametrize("body", _NOT_JSON.values(), ids=_NOT_JSON)
def test_a_body_that_is_not_the_promised_json_is_a_decode_error(world, serve, body, content_type):
    server = serve(replies(whole(body, content_type=content_type)))
    with world.client(server.url) as client, pytest.raises(DecodeError) as caught:
        client.chat("m", [])
    assert server.host in str(caught.value)
    assert 0 < len(caught.value.excerpt) <= 200
    assert caught.value.excerpt[:7] == body[:7].decode(errors="replace")
    assert len(str(caught.value)) < 1000


def test_an_empty_body_says_that_it_is_empty(world, serve):
    server = serve(replies(whole(b"")))
    with world.client(server.url) as client, pytest.raises(DecodeError, match="empty"):
        client.chat("m", [])


def test_the_place_of_a_bad_value_is_named(world, serve):
    body = json.loads(capture("206-v1-chat"))
    body["choices"][0]["message"]["content"] = {"no": "text"}
    server = serve(replies(whole(json.dumps(body).encode())))
    with world.client(server.url) as client, pytest.raises(DecodeError) as caught:
        ROUTES["v1.chat.completions.create"].call(client)
    assert caught.value.where.startswith("choices[0].message.content")
    assert caught.value.where in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a generator within httpx, on trio
def test_a_body_that_lies_about_its_encoding_is_a_typed_error(world, serve, chat):
    server = serve(replies(whole(b"{}" * 20, content_type=NDJSON, content_encoding="gzip")))
    with world.client(server.url) as client, pytest.raises((DecodeError, IncompleteReplyError)):
        chat(client)


def test_a_compressed_stream_and_a_compressed_reply_are_read(world, serve, chat):
    body = gzip.compress(capture("079-chat-load-only"))
    server = serve(replies(whole(body, content_encoding="gzip")))
    with world.client(server.url) as client:
        assert chat(client)


# Error statuses

_STATUSES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PaymentRequiredError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: APIStatusError,
    409: ConflictError,
    413: RequestTooLargeError,
    418: APIStatusError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    501: InternalServerError,
    502: InternalServerError,
    503: ServiceUnavailableError,
    504: InternalServerError,
}


@pytest.mark.parametrize(("status", "error"), _STATUSES.items())
def test_every_error_status_has_its_error(world, serve, chat, status, error):
    server = serve(replies(whole(b'{"error":"no such luck"}', status)))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        chat(client)
    assert type(caught.value) is error
    assert caught.value.status_code == caught.value.response.status_code == status
    assert caught.value.message == "no such luck"
    assert caught.value.response.json() == {"error": "no such luck"}
    assert caught.value.retry_after is None
    for part in ("POST", server.host, str(status), "no such luck"):
        assert part in str(caught.value)


_SHAPES = {
    "native": (b'{"error":"boom"}', "application/json"),
    "nested JSON": (capture("306-chat-image-dataurl"), "application/json"),
    "JSON in JSON": (b'{"error":"{\\"error\\":{\\"code\\":400,\\"message\\":\\"boom\\"}}"}', "application/json"),
    "OpenAI": (b'{"error":{"message":"boom","type":"api_error","param":null,"code":null}}', "application/json"),
    "Anthropic": (
        b'{"type":"error","error":{"type":"api_error","message":"boom"},"request_id":"r"}',
        "application/json",
    ),
    "text": (b"boom\n", "text/plain"),
    "no type": (b"boom", None),
    "JSON as text": (b'{"error":"boom"}', "text/plain"),
}


@pytest.mark.parametrize(("body", "content_type"), _SHAPES.values(), ids=_SHAPES)
def test_the_message_is_the_servers_innermost_text(world, serve, chat, body, content_type):
    server = serve(replies(whole(body, 400, content_type)))
    with world.client(server.url) as client, pytest.raises(BadRequestError) as caught:
        chat(client)
    if b"boom" in body:
        assert caught.value.message == "boom"
    assert not caught.value.message.startswith("{")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"7",
        b"null",
        b'{"error":7}',
        b'{"error":[]}',
        b"{",
        b"\xff\xfe",
        b'{"error":"{"}',
        b'{"error":' * 1000 + b"1" + b"}" * 1000,
    ],
)
def test_odd_error_body_is_still_the_error_of_its_status(world, serve, chat, body):
    server = serve(replies(whole(body, 400)))
    with world.client(server.url) as client, pytest.raises(BadRequestError) as caught:
        chat(client)
    assert len(str(caught.value)) < 1000


def test_proxy_page_is_the_error_of_its_status_truncated(world, serve, chat):
    page = b"<html><body>Bad gateway" + b" " * 10_000 + b"</body></html>"
    server = serve(replies(whole(page, 502, "text/html")))
    with world.client(server.url) as client, pytest.raises(InternalServerError) as caught:
        chat(client)
    assert "Bad gateway" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert caught.value.response.content == page


def test_an_error_without_a_body_has_no_message(world, serve, chat):
    server = serve(replies(whole(b"", 403, None)))
    with world.client(server.url) as client, pytest.raises(PermissionDeniedError) as caught:
        chat(client)
    assert caught.value.message == ""
    assert "OLLAMA_ORIGINS" in str(caught.value)


def test_interrupted_error_body_keeps_the_error_of_its_status(world, serve, chat):
    server = serve(replies_and_closes(head(404, content_length=100) + b'{"error":'))
    with world.client(server.url) as client, pytest.raises(NotFoundError):
        chat(client)


def test_of_an_error_without_end_only_the_beginning_is_read(world, serve, chat):
    def script(connection):
        connection.answer(head(500, transfer_encoding="chunked"))
        while True:
            connection.send(chunk(b"a" * 60_000))

    server = serve(script)
    with world.client(server.url) as client, pytest.raises(InternalServerError) as caught:
        chat(client)
    assert 1 << 20 <= len(caught.value.response.content) < 2 << 20
    assert len(str(caught.value)) < 1000
    assert server.hung_up()


def test_a_compressed_error_is_read(world, serve, chat):
    body = gzip.compress(b'{"error":"boom"}')
    server = serve(replies(whole(body, 500, content_encoding="gzip")))
    with world.client(server.url) as client, pytest.raises(InternalServerError) as caught:
        chat(client)
    assert caught.value.message == "boom"
    assert caught.value.response.json() == {"error": "boom"}


@pytest.mark.parametrize(
    "name",
    ["140-generate-unknown-model", "141-chat-unknown-model", "222-v1-chat-unknown-model", "253-v1-messages-unknown"],
)
def test_an_unknown_model_says_how_to_get_it(world, serve, chat, name):
    server = serve(replies(whole(capture(name), 404)))
    with world.client(server.url) as client, pytest.raises(NotFoundError) as caught:
        chat(client)
    assert "client.pull('m')" in str(caught.value)
    assert "not found" in caught.value.message


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1", "the host ends in /v1, which every route already has: use {} as the host"),
        ("/api/", "the host ends in /api, which every route already has: use {} as the host"),
        ("", "the server has no such route: it is older than the route"),
        ("/elsewhere", "the server has no such route: it is older than the route"),
    ],
)
@pytest.mark.parametrize("body", [b"404 page not found", b'{"detail":"Not Found"}', b"<h1>Not Found</h1>", b""])
def test_a_route_that_is_missing_is_not_blamed_on_the_model(world, serve, chat, path, said, body):
    server = serve(replies(whole(body, 404, "text/plain")))
    with world.client(server.url + path) as client, pytest.raises(NotFoundError) as caught:
        chat(client)
    assert said.format(server.url) in str(caught.value)
    assert "client.pull" not in str(caught.value)


_PAGE = "<html>\r\n<head><title>{0} {1}</title></head>\r\n<body>\r\n<center><h1>{0} {1}</h1></center>\r\n<hr>nginx</body></html>"
_PAGES = {
    401: ("Authorization Required", "headers="),
    413: ("Request Entity Too Large", "client_max_body_size"),
    502: ("Bad Gateway", "cannot reach it"),
    503: ("Service Temporarily Unavailable", "cannot reach it"),
    504: ("Gateway Time-out", "proxy_read_timeout"),
}


@pytest.mark.parametrize("status", _PAGES)
def test_a_page_of_a_proxy_is_one_line_and_not_ollamas_answer(world, serve, chat, status):
    reason, advice = _PAGES[status]
    server = serve(replies(whole(_PAGE.format(status, reason).encode(), status, "text/html")))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        chat(client)
    assert caught.value.message == f"{status} {reason}"
    assert f"answered {status}: {status} {reason}; this is not Ollama's answer: a proxy in front of it" in str(
        caught.value
    )
    assert advice in str(caught.value)
    for wrong in ("<", "OLLAMA_MAX_QUEUE", "signin"):
        assert wrong not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"upstream connect error", b'{"message":"no Route matched"}'])
@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_answer_of_a_proxy_that_is_no_page_is_not_ollamas(world, serve, chat, status, body):
    server = serve(replies(whole(body, status, "text/plain")))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        chat(client)
    assert "this is not Ollama's answer: a proxy in front of it" in str(caught.value)
    assert "OLLAMA_MAX_QUEUE" not in str(caught.value)


def test_a_model_with_a_slash_is_found_in_the_list(world, serve):
    server = serve(replies(whole(b"404 page not found", 404, "text/plain")))
    with world.client(server.url) as client, pytest.raises(NotFoundError) as caught:
        client.v1.models.retrieve("me/model")
    assert "look for 'me/model' in client.v1.models.list()" in str(caught.value)
    assert "client.pull" not in str(caught.value)


_DETAILS = {
    b'{"detail":"Not authenticated"}': "Not authenticated",
    b'{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field required","input":{}}]}': (
        "body.model: Field required"
    ),
    b'{"detail":{"error":"out of memory","code":7}}': "out of memory",
}


@pytest.mark.parametrize("body", _DETAILS)
def test_the_detail_of_fastapi_is_the_message(world, serve, chat, body):
    server = serve(replies(whole(body, 422)))
    with world.client(server.url) as client, pytest.raises(UnprocessableEntityError) as caught:
        chat(client)
    assert caught.value.message == _DETAILS[body]
    assert caught.value.body == json.loads(body)


def test_a_request_in_plain_text_to_a_tls_port_says_https(world, serve, chat):
    body = b"Client sent an HTTP request to an HTTPS server.\n"
    server = serve(replies(whole(body, 400, None)))
    with world.client(server.url) as client, pytest.raises(BadRequestError, match="use https://"):
        chat(client)


def test_an_error_keeps_its_type_and_code(world, serve):
    error = {"error": {"message": "boom", "type": "api_error", "param": None, "code": "broken"}}
    server = serve(replies(whole(json.dumps(error).encode(), 500), whole(json.dumps(error).encode())))
    with world.client(server.url) as client:
        with pytest.raises(InternalServerError) as caught:
            client.version()
        with pytest.raises(ReplyFailedError) as failed:
            client.version()
    for exc in (caught.value, failed.value, pickle.loads(pickle.dumps(failed.value))):
        assert (exc.message, exc.type, exc.code, exc.body) == ("boom", "api_error", "broken", error)


def test_a_failed_item_keeps_its_type_and_code(world, serve):
    item = {"type": "error", "error": {"type": "overloaded_error", "message": "busy", "code": 529}}
    body = b"event: error\ndata: " + json.dumps(item).encode() + b"\n\n"
    server = serve(replies(whole(body, content_type="text/event-stream")))
    with world.client(server.url) as client, pytest.raises(ReplyFailedError) as caught:
        list(client.v1.messages.create("m", [{"role": "user", "content": "x"}], 10, stream=True))
    assert (caught.value.type, caught.value.code, caught.value.body) == ("overloaded_error", 529, item)


# Proxies of the environment


@pytest.fixture
def through_proxy(monkeypatch):
    """Name the proxy at a URL in the environment; returns how messages name it."""

    def name(url):
        for each in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(each, raising=False)
        monkeypatch.setenv("http_proxy", url.replace("://", "://me:hunter2@"))
        return f"the proxy {url} that http_proxy names"

    return name


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_of_the_environment_is_named_for_its_answer(world, serve, chat, through_proxy, status):
    server = serve(replies(whole(b"<html>Host unreachable</html>", status, "text/html")))
    proxy = through_proxy(server.url)
    with world.client("http://ollama.example:11434") as client, pytest.raises(APIStatusError) as caught:
        chat(client)
    assert f"{proxy}, which seems to have answered" in str(caught.value)
    assert "NO_PROXY=ollama.example" in str(caught.value)
    for wrong in ("OLLAMA_MAX_QUEUE", "hunter2"):
        assert wrong not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_login_says_where_it_is_given(world, serve, chat, through_proxy, monkeypatch, scheme):
    server = serve(replies_and_closes(whole(b"", 407)))
    through_proxy(server.url)
    monkeypatch.setenv("https_proxy", server.url)
    with world.client(f"{scheme}://ollama.example") as client, pytest.raises(OllamaError) as caught:
        chat(client)
    assert (
        f"the proxy {server.url} that {scheme}_proxy names: it requires a login, which belongs in the variable: "
        f"{server.url.partition(':')[0]}://user:password@host:port; NO_PROXY=ollama.example"
    ) in str(caught.value)


_SOCKS = {
    "no login that we know": (b"\x05\xff", "it requires a login"),
    "no SOCKS": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not connect to the server"),
}


@pytest.mark.plain
@pytest.mark.parametrize("said", _SOCKS)
def test_a_socks_proxy_is_named_for_what_it_says(world, serve, chat, through_proxy, monkeypatch, said):
    answer, advice = _SOCKS[said]
    server = serve(lambda connection: (connection.read_bytes(3), connection.send(answer)))
    through_proxy(server.url)
    monkeypatch.setenv("http_proxy", f"socks5://{server.host}")
    with world.client("http://ollama.example") as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert f"the proxy socks5://{server.host} that http_proxy names: {advice}" in str(caught.value)
    assert "ollama serve" not in str(caught.value)


def test_a_proxy_that_breaks_off_is_named(world, serve, chat, through_proxy):
    server = serve(replies_and_closes(b""))
    proxy = through_proxy(server.url)
    with world.client("http://ollama.example") as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert f"{proxy}: it broke the connection off, or the server behind it did; NO_PROXY=ollama.example" in str(
        caught.value
    )


def test_an_answer_of_ollama_through_a_proxy_is_its_own(world, serve, chat, through_proxy):
    server = serve(replies(whole(b'{"error":"server busy"}', 503)))
    through_proxy(server.url)
    with (
        world.client("http://ollama.example") as client,
        pytest.raises(ServiceUnavailableError, match="OLLAMA_MAX_QUEUE"),
    ):
        chat(client)


def test_a_proxy_that_is_down_is_named(world, chat, through_proxy):
    proxy = through_proxy(f"http://127.0.0.1:{closed_port()}")
    with world.client("http://ollama.example") as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert f"it went through {proxy}: is that proxy running? NO_PROXY=ollama.example" in str(caught.value)
    assert "ollama serve" not in str(caught.value)


def test_a_proxy_that_opens_no_tunnel_is_not_said_to_be_down(world, serve, chat, through_proxy, monkeypatch):
    server = serve(replies_and_closes(whole(b"", 403)))
    through_proxy(server.url)
    monkeypatch.setenv("https_proxy", server.url)
    with world.client("https://ollama.example") as client, pytest.raises(APIConnectionError) as caught:
        chat(client)
    assert f"the proxy {server.url} that https_proxy names: it does not connect to the server" in str(caught.value)


def test_a_proxy_that_does_not_accept_is_named_for_the_time(world, chat, through_proxy):
    with full_backlog_port() as port:
        proxy = through_proxy(f"http://127.0.0.1:{port}")
        with world.client("http://ollama.example") as client, pytest.raises(APITimeoutError) as caught:
            chat(client, timeout=Timeout(connect=0.05))
    assert f"{proxy} could not be reached; check it" in str(caught.value)


def test_a_client_of_the_callers_own_transport_blames_no_proxy(serve, chat, through_proxy):
    through_proxy("http://proxy.example:3128")

    transport = library.MockTransport(lambda _: library.Response(503, text="<p>no</p>"))
    with (
        Ollama("http://ollama.example", transport=transport) as client,
        pytest.raises(ServiceUnavailableError) as caught,
    ):
        chat(client)
    assert "proxy.example" not in str(caught.value)


def test_not_being_signed_in_says_where_to_sign_in(world, serve, chat):
    body = b'{"error":"unauthorized","signin_url":"https://ollama.com/connect?name=x"}'
    server = serve(replies(whole(body, 401)))
    with world.client(server.url) as client, pytest.raises(AuthenticationError) as caught:
        chat(client)
    assert caught.value.signin_url == "https://ollama.com/connect?name=x"
    assert "ollama signin" in str(caught.value)


@pytest.mark.parametrize("body", [b'{"error":"unauthorized"}', b"[]", b"no"])
def test_a_sign_in_address_is_none_where_none_was_said(serve, sync_client, chat, body):
    server = serve(replies(whole(body, 401)))
    with pytest.raises(AuthenticationError) as caught:
        chat(sync_client(server.url))
    assert caught.value.signin_url is None


_NOON = "Sun, 18 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("body", "headers", "name"),
    [
        (b'{"error":{"message":"x"},"request_id":"req_1"}', {"x_request_id": "edge_1"}, "req_1"),
        (b'{"error":"x"}', {"x_request_id": "edge_1"}, "edge_1"),
        (b'{"error":"x","request_id":5}', {"x_request_id": "edge_1"}, "edge_1"),
        (b"x", {"x_request_id": "edge_1"}, "edge_1"),
        (b'{"error":"x"}', {}, None),
    ],
    ids=["both", "header", "an odd one", "text", "none"],
)
def test_request_id_is_that_of_the_body_or_of_the_head(world, serve, chat, body, headers, name):
    server = serve(replies(whole(body, 500, **headers)))
    with world.client(server.url) as client, pytest.raises(InternalServerError) as caught:
        chat(client)
    assert caught.value.request_id == pickle.loads(pickle.dumps(caught.value)).request_id == name


def test_failure_inside_a_stream_has_its_request_id(world, serve):
    failure = b'data: {"type":"error","error":{"type":"api_error","message":"x"},"request_id":"req_1"}\n\n'
    server = serve(replies(whole(failure, content_type=SSE)))
    with (
        world.client(server.url) as client,
        client.v1.messages.create("m", [], 9, stream=True) as stream,
        pytest.raises(ReplyFailedError) as caught,
    ):
        stream.collect()
    assert caught.value.request_id == "req_1"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("Sun, 18 Jan 2026 13:00:00 GMT", 3600),
        ("Sun, 18 Jan 2026 13:00:00", 3600),
        ("Sun, 18 Jan 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("", None),
    ],
    ids=["seconds", "none", "a date", "a date without a zone", "a date that has passed", "words", "nothing"],
)
def test_retry_after_is_seconds_in_every_notation(world, serve, chat, value, seconds):
    server = serve(replies(whole(capture("319-busy-generate"), 503, retry_after=value, date=_NOON)))
    with world.client(server.url) as client, pytest.raises(ServiceUnavailableError) as caught:
        chat(client)
    assert caught.value.retry_after == seconds
    assert "busy" in caught.value.message


@pytest.mark.parametrize(
    "value",
    ["1e400", "9" * 400, "0001-01-01", "99999999999999", "Mon, 99 Foo 2026", "12:00 XYZ", "\xff\xfe", "1;2", "²", "-5"],
)
def test_no_time_to_wait_is_too_odd(serve, sync_client, value):
    server = serve(replies(whole(b"", 503, retry_after=value)))
    with pytest.raises(ServiceUnavailableError):
        sync_client(server.url).version()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_says_where_to(world, serve, chat, status):
    server = serve(replies(whole(b"", status, location="http://127.0.0.1:9/elsewhere")))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        chat(client)
    assert caught.value.status_code == status
    assert "http://127.0.0.1:9/elsewhere" in str(caught.value)
    assert "check the host" in str(caught.value)
    assert len(server.requests) == 1


def test_a_redirect_to_another_host_says_what_host_to_give(world, serve, chat):
    server = serve(replies(whole(b"", 308, location="https://gpu.example/ollama/api/chat")))
    with (
        world.client(server.url) as client,
        pytest.raises(APIStatusError, match=r"use https://gpu\.example/ollama as the"),
    ):
        chat(client)


_TARGETS = {
    "https://me:hunter2@gpu.example/ollama/api/chat": "it redirects to https://***@gpu.example/ollama/api/chat, and redirects",
    "/login?key=hunter2&next=http://x/": "it redirects to /login?***, and redirects",
    "https://sso.example/login?key=hunter2&next=http://x/": "it redirects to https://sso.example/login?***, and redirects",
    "//sso.example/#hunter2": "it redirects to //sso.example/#***, and redirects",
    "/" + "a" * 5000: f"it redirects to /{'a' * 199}, and redirects",
    "http://[": "it redirects to http://[, and redirects",
}  # fmt: skip


@pytest.mark.parametrize("location", _TARGETS)
def test_the_target_of_a_redirect_is_short_and_without_secrets(world, serve, chat, location):
    server = serve(replies(whole(b"", 302, location=location)))
    with world.client(server.url) as client, pytest.raises(APIStatusError) as caught:
        chat(client)
    assert _TARGETS[location] in str(caught.value)
    assert str(caught.value).endswith("are not followed: check the host")
    assert "hunter2" not in str(caught.value)


def test_a_good_status_without_content_is_no_reply(world, serve, chat):
    server = serve(replies(head(204, None)))
    with world.client(server.url) as client, pytest.raises((DecodeError, IncompleteReplyError)):
        chat(client)


# Whatever happens


def test_a_client_works_on_after_every_failure(world, serve):
    good = whole(b'{"version":"1"}')
    server = serve(
        *[
            replies_and_resets(b""),
            replies_and_closes(head(200, content_length=9)),
            replies(whole(b"", 500), whole(b"{"), good),
        ]
    )
    with world.client(server.url) as client:
        for _ in range(4):
            with pytest.raises(OllamaError):
                client.version()
        assert client.version().version == "1"
    assert len(server.connections) == 3


_ERRORS = {
    "status": replies(whole(b'{"error":"x"}', 503, retry_after="7")),
    "sign-in": replies(whole(b'{"error":"x","signin_url":"u"}', 401)),
    "decode": replies(whole(b"{")),
    "reset": replies_and_resets(b""),
    "incomplete": replies(
        whole(
            b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Hi"},"done":false}'
        )
    ),
}


@pytest.mark.parametrize("script", _ERRORS.values(), ids=_ERRORS)
def test_an_error_crosses_a_process_border_with_all_it_says(world, serve, script):
    server = serve(script)
    with world.client(server.url) as client, pytest.raises(OllamaError) as caught:
        client.chat("m", [])
    error = caught.value
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    for name in set(vars(error)) - {"response"}:
        assert getattr(copy, name) == getattr(error, name)
    if isinstance(error, APIStatusError):
        assert copy.response.content == error.response.content
        assert copy.response.headers == error.response.headers


_CONTENT_TYPES = [
    "application/json",
    NDJSON,
    SSE,
    "text/html",
    "text/plain; charset=utf-16",
    "",
    "application/json; charset=nonsense",
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "index",
                    "message",
                    "choices",
                    "delta",
                    "error",
                    "response",
                    "status",
                    "done",
                    "content",
                    "item",
                    "role",
                    "output_index",
                    "model",
                    "created_at",
                    "content_block",
                    "tool_calls",
                    "function",
                    "arguments",
                    "usage",
                    "id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_EVENTS = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "message_stop",
        "response.created",
        "response.output_text.delta",
        "response.output_item.added",
        "response.completed",
        "response.failed",
        "ping",
    ]
)
_ITEM = st.builds(
    lambda item, kind: json.dumps({**item, "type": kind} if isinstance(item, dict) else item).encode(), _JSON, _EVENTS
)
_LINE = st.one_of(_ITEM, _ITEM.map(lambda item: b"data: " + item + b"\n"), st.binary(max_size=20))
_BODY = st.one_of(st.binary(max_size=200), st.lists(_LINE, max_size=5).map(b"\n".join))


@pytest.fixture(scope="module")
def echo():
    """A server that answers with the body, status and content type that the test put there last."""

    def script(connection):
        while True:
            connection.answer(server.response)

    with Loopback(script) as server:
        yield server


@pytest.fixture(scope="module")
def echo_client(echo):
    with Ollama(echo.url, timeout=PATIENCE, max_item_bytes=1000) as client:
        yield client


@examples(150)
@given(
    _BODY,
    st.sampled_from([200, 200, 200, 400, 401, 404, 500, 503]),
    st.sampled_from(_CONTENT_TYPES),
    st.sampled_from(list(ROUTES)),
    st.sampled_from(["call", "iterate", "collect"]),
)
def test_whatever_the_server_says_only_typed_errors_come_out(
    echo, echo_client, body, status, content_type, method, how
):
    echo.response = whole(body, status, content_type)
    try:
        reply = ROUTES[method].call(echo_client, stream=how != "call")
        if how == "iterate":
            list(reply)
        elif how == "collect":
            reply.collect()
    except OllamaError as error:
        assert echo.host in str(error)  # noqa: PT017
        assert pickle.loads(pickle.dumps(error)).args == error.args  # noqa: PT017


@examples(60)
@given(st.binary(max_size=300), st.sampled_from(list(ROUTES)), st.booleans())
def test_bytes_that_are_not_http_raise_typed_errors_only(noise, data, method, stream):
    noise.response = data
    with Ollama(noise.url, timeout=PATIENCE) as client:
        try:
            reply = ROUTES[method].call(client, stream=stream)
            if stream:
                list(reply)
        except OllamaError as error:
            assert noise.host in str(error)  # noqa: PT017


@pytest.fixture(scope="module")
def noise():
    with Loopback(lambda connection: connection.answer(server.response)) as server:
        yield server


def test_what_cannot_be_sent_fails_before_a_request(world, serve, chat):
    server = serve(replies(whole(b"{}")))
    with world.client(server.url) as client:
        for header in ({"x": "a\nb"}, {"x y": "z"}, {"x": "é\u2028"}):
            with pytest.raises(ConfigurationError):
                chat(client, extra_headers=header)
    assert server.requests == []
