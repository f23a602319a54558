"""A key goes through every failure, policy, log, event, span, pickle, repr and traceback, and is searched for in all text."""

from __future__ import annotations

import base64
import gc
import html
import json
import logging
import pickle
import traceback
from urllib.parse import quote

import httpx
import pytest
from _pytest._io.saferepr import saferepr
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from ollama_sdk import (
    AsyncHTTPTransport,
    Cache,
    CircuitBreaker,
    ConfigurationError,
    Failover,
    HealthCheck,
    HTTPTransport,
    Ollama,
    OllamaError,
    RateLimit,
    Retry,
)
from ollama_sdk._secrets import redact
from ollama_sdk.reliability import Endpoint, log_events
from ollama_sdk.reliability.otel import OpenTelemetryObserver
from tests.support.library import library
from tests.support.loopback import replies, replies_and_closes, whole
from tests.support.streamed import ROUTES, chat_item, streamed

# Every character in it that some encoding escapes.
KEY = "sk-canary/7&4\"5<6'x+y=%41"
_BEARER = f"Bearer {KEY}"
WRITTEN = {
    "plain": KEY,
    "JSON": json.dumps(KEY)[1:-1],
    "JSON in JSON": json.dumps(json.dumps(KEY))[1:-1],
    "JSON of Go": json.dumps(KEY)[1:-1].replace("&", r"\u0026").replace("<", r"\u003c"),
    "JSON of PHP": json.dumps(KEY)[1:-1].replace("/", r"\/"),
    "JSON, each character": "".join(f"\\u{ord(each):04X}" for each in KEY),
    "HTML": html.escape(KEY),
    "HTML twice": html.escape(html.escape(KEY)),
    "HTML, each character": "".join(f"&#x{ord(each):x};" for each in KEY),
    "URL": quote(KEY, safe=""),
    "URL twice": quote(quote(KEY, safe=""), safe=""),
    "path": quote(KEY),
    "repr": repr(KEY)[1:-1],
    "repr of bytes": repr(KEY.encode())[2:-1],
    "base64": base64.b64encode(_BEARER.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(f"{_BEARER}x".encode()).decode(),
    "base64 of the key": base64.b64encode(KEY.encode()).decode(),
    "hexadecimal": KEY.encode().hex(),
    "cut off": KEY[:12] + "...",
}
_TRACES = sorted({text[:12] for text in WRITTEN.values()} - {"Bearer "} | {KEY[:12]}, key=len)


def _hides(text):
    """Whether no part of the key of eight characters or more is in a text, however it is written."""
    probe = httpx.Request("GET", "http://h", headers={"authorization": _BEARER})
    return redact(probe, text) == text and not any(trace in text for trace in _TRACES)


def _assert_hidden(texts):
    for text in texts:
        assert _hides(text), text


def _texts_of(error, seen=None):
    """Every text that an error, its causes and contexts, and what they carry would show."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield "".join(traceback.format_exception(error))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        # Not the test, which knows its key, nor a transport of another library, whose frames are kept as they are.
        if frame.f_globals["__name__"].startswith("ollama_sdk"):
            yield from (
                f"{frame.f_code.co_name}: {name}={saferepr(value, None)}" for name, value in frame.f_locals.items()
            )
    yield from (str(error), repr(error), repr(error.args), repr({**vars(error), "partial": None}))
    for thing in (getattr(error, "response", None), vars(error).get("_request")):
        if thing is not None:
            yield from (repr(thing), repr(thing.headers.raw), repr(getattr(thing, "text", "")), repr(vars(thing)))
    if isinstance(error, OllamaError):
        state = {name: value for name, value in vars(error).items() if name != "partial"}
        yield pickle.dumps((error.args, state)).decode("latin-1")
    for other in (error.__cause__, error.__context__, *getattr(error, "exceptions", ())):
        yield from _texts_of(other, seen)


def _json_text(written):
    """What a server puts between quotes, so that it is JSON whatever the encoding."""
    try:
        json.loads(f'"{written}"')
    except ValueError:
        return json.dumps(written)[1:-1].encode()
    return written.encode()


_STREAM = ROUTES["chat"]
_ANSWERS = {
    "error": lambda key: whole(b'{"error":"no such key: %s"}' % _json_text(key), 401),
    "nested error": lambda key: whole(b'{"error":{"message":"bad","%s":["%s"]}}' % (_json_text(key), _json_text(key)), 400),
    "page": lambda key: whole(f"<title>{key}</title>{key}".encode(), 403, "text/html"),
    "gateway": lambda key: whole(key.encode(), 502, "text/plain"),
    "unavailable": lambda key: whole(b'{"error":"%s"}' % _json_text(key), 503),
    "headers": lambda key: whole(b"{}", 400, x_seen=key),
    "redirect": lambda key: whole(b"", 307, location=f"https://elsewhere/?key={key}"),
    "failure": lambda key: whole(b'{"error":"%s"}' % _json_text(key)),
    "content type": lambda key: whole(b"{", content_type=f"text/{key}"),
    "nonsense": lambda key: whole(key.encode()),
    "wrong place": lambda key: whole(b'{"model":"m","message":"%s"}' % _json_text(key)),
    "wrong value": lambda key: whole(b'{"model":"m","message":{"role":"a","content":"","tool_calls":"%s"}}' % _json_text(key)),
    "unfinished": lambda key: whole(b'{"model":"m","message":{"role":"a","content":""},"done":"%s"}' % _json_text(key)),
    "status line": lambda key: f"HTTP/1.1 {key} what\r\n\r\n".encode(),
    "reason": lambda key: f"HTTP/1.1 500 {key}\r\ncontent-length: 0\r\n\r\n".encode(),
    "header line": lambda key: f"HTTP/1.1 200 OK\r\n{key} \x01 {key}\r\n\r\n".encode(),
    "transfer coding": lambda key: f"HTTP/1.1 200 OK\r\ntransfer-encoding: {key}\r\n\r\n".encode(),
    "chunk": lambda key: f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{key}\r\n{key}\r\n".encode(),
    "content coding": lambda key: whole(key.encode(), content_encoding="gzip"),
    "stream: failure": lambda key: streamed(_STREAM, chat_item() + b'{"error":"%s"}\n' % _json_text(key)),
    "stream: nonsense": lambda key: streamed(_STREAM, chat_item() + key.encode() + b"\n"),
    "stream: wrong place": lambda key: streamed(_STREAM, b'{"model":"m","message":"%s"}\n' % _json_text(key)),
    "stream: label": lambda key: whole(b"<html>", content_type=f"text/{key}"),
}  # fmt: skip


def _call(client, *, stream):
    """The error of a call."""
    try:
        reply = client.chat("m", [], stream=stream)
        if stream:
            reply.collect()
    except OllamaError as error:
        return error
    return None


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return OpenTelemetryObserver(provider.get_tracer("t")), exporter


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.DEBUG)
    for other in ("httpx", "httpcore"):  # which log whatever is sent and received
        caplog.set_level(logging.WARNING, other)
    return caplog


@pytest.mark.parametrize("stream", [False, True], ids=["one piece", "streamed"])
@pytest.mark.parametrize("answer", _ANSWERS.values(), ids=_ANSWERS)
def test_no_failure_shows_a_key_however_the_server_writes_it(world, serve, logged, answer, stream):
    for written in WRITTEN.values():
        server = serve(replies_and_closes(answer(written)))
        with world.client(server.url, api_key=KEY) as client:
            error = _call(client, stream=stream)
        if error is not None:
            _assert_hidden(_texts_of(error))
    assert _hides(logged.text)


@pytest.mark.parametrize("way", ["own", "httpx transport", "httpx client", "httpx client with its own key"])
@pytest.mark.parametrize("answer", _ANSWERS.values(), ids=_ANSWERS)
def test_no_transport_shows_a_key_that_the_server_repeats(serve, logged, answer, way):
    server = serve(replies_and_closes(answer(KEY)))
    headers = {"authorization": _BEARER} if way.endswith("own key") else {}
    with library.Client(headers=headers, trust_env=False) as http_client, library.HTTPTransport() as transport:
        options = {"own": {}, "httpx transport": {"transport": transport}}.get(way, {"http_client": http_client})
        with Ollama(server.url, api_key="" if headers else KEY, **options) as client:
            error = _call(client, stream=False)
    if error is not None:
        _assert_hidden(_texts_of(error))
    assert _hides(logged.text)


@pytest.mark.parametrize("answer", _ANSWERS.values(), ids=_ANSWERS)
def test_no_event_log_line_or_span_shows_a_key(world, serve, logged, spans, answer):
    observer, exporter = spans
    events = []

    def observe(event):
        events.append(event)
        log_events(event)
        observer(event)

    servers = [serve(replies_and_closes(answer(KEY))) for _ in range(2)]
    policies = {
        "retry": Retry(attempts=2, initial=0.001, statuses={500, 502, 503}),
        "circuit_breaker": CircuitBreaker(window=2, minimum_calls=1),
        "failover": Failover(eject_after=1),
        "rate_limit": RateLimit(concurrent=2),
        "cache": Cache(operations={"chat"}),
    }
    hosts = [Endpoint(server.url, api_key=SecretStr(KEY)) for server in servers]
    with world.client(hosts, observer=observe, **policies) as client:
        errors = [_call(client, stream=stream) for stream in (False, True)]
    del client
    gc.collect()
    for error in errors:
        _assert_hidden(_texts_of(error) if error is not None else ())
    assert events
    _assert_hidden(map(repr, events))
    _assert_hidden(pickle.dumps(event).decode("latin-1") for event in events)
    assert exporter.get_finished_spans()
    _assert_hidden(span.to_json() for span in exporter.get_finished_spans())
    assert _hides(logged.text)


@pytest.mark.parametrize("answer", _ANSWERS.values(), ids=_ANSWERS)
def test_no_health_check_shows_a_key(world, serve, logged, answer):
    server = serve(replies_and_closes(answer(KEY)))
    with world.client(Endpoint(server.url, api_key=KEY), health=HealthCheck()) as client:
        check = client._inner.health.check if world.kind != "sync" else client.health.check
        (health,) = check() if world.kind == "sync" else client._portal.call(check)
    assert _hides(repr(health))
    assert _hides(logged.text)


def test_model_that_repeats_the_key_is_redacted_in_events(serve, spans):
    observer, exporter = spans
    server = serve(replies(whole(chat_item(model=KEY, done=True, done_reason="stop").strip())))
    with Ollama(server.url, api_key=KEY, observer=observer) as client:
        assert client.chat("m", []).model == KEY  # data stays
    (span,) = exporter.get_finished_spans()
    assert _hides(span.to_json())


@pytest.mark.parametrize(
    "key", [f"{KEY} ", f"{KEY}\n", f" {KEY}", f"{KEY}\r\nx: y", f"{KEY}é", f"{KEY} b", _BEARER, KEY.encode()]
)
@pytest.mark.parametrize("secret", [str, SecretStr], ids=["text", "SecretStr"])
def test_bad_key_is_refused_unseen_wherever_it_is_given(sync_client, logged, secret, key):
    if secret is SecretStr:
        if not isinstance(key, str):
            pytest.skip("pydantic refuses it itself")
        key = SecretStr(key)
    client = sync_client("127.0.0.1:9")
    ways = {
        "client": lambda: Ollama(api_key=key),
        "view": lambda: client.with_options(api_key=key),
        "endpoint": lambda: Endpoint("http://a", api_key=key),
    }
    said = set()
    for way in ways.values():
        with pytest.raises(ConfigurationError) as caught:
            way()
        said.add(str(caught.value).rpartition(": the key ")[2].removeprefix("api_key "))
        _assert_hidden(_texts_of(caught.value))
    assert len(said) == 1
    assert _hides(logged.text)


@pytest.mark.parametrize("value", [f"{_BEARER} ", f"{_BEARER}\n", f"{_BEARER}\0", f"{_BEARER}é", KEY.encode()])
def test_bad_header_is_refused_unseen_wherever_it_is_given(sync_client, value):
    headers = {"authorization": value}
    client = sync_client("127.0.0.1:9")
    for way in (
        lambda: Ollama(headers=headers),
        lambda: client.with_options(headers=headers),
        lambda: Endpoint("http://a", headers=headers),
        lambda: client.version(extra_headers=headers),
        lambda: client.chat("m", [], stream=True, extra_headers=headers),
    ):
        with pytest.raises(ConfigurationError) as caught:
            way()
        _assert_hidden(_texts_of(caught.value))


def test_arguments_of_a_failed_call_show_no_key_in_tracebacks(serve, sync_client):
    client = sync_client(serve(replies(whole(b"{}", 401))).url)
    with pytest.raises(OllamaError) as caught:
        client.version(extra_headers={"authorization": _BEARER})
    _assert_hidden(_texts_of(caught.value))
    for wrong in (
        lambda: Ollama(f"http://user:{KEY.replace('/', '')}@gpu-1"),
        lambda: Ollama(api_key=KEY, retries=3),
        lambda: Ollama("ftp://x", api_key=KEY, headers={"x-api-key": KEY}),
        lambda: Endpoint(f"http://user:{KEY.replace('/', '')}@gpu-1"),
        lambda: Endpoint("gpu-1", api_key=KEY, headers={"x-api-key": KEY}),
        lambda: client.with_options(api_key=KEY, headers={"x-api-key": KEY}, timeout="soon"),
    ):
        with pytest.raises((ConfigurationError, TypeError)) as caught:
            wrong()
        _assert_hidden(_texts_of(caught.value))


@pytest.mark.parametrize("key", ["ollama", "short", "password", "localhost"])
def test_words_and_addresses_that_serve_as_keys_are_not_redacted(world, serve, key):
    body = b'{"error":"ollama password short localhost","signin_url":"https://ollama.com/connect?name=x"}'
    server = serve(replies(whole(body, 401)))
    with world.client(server.url, api_key=key) as client:
        error = _call(client, stream=False)
    assert error.signin_url == "https://ollama.com/connect?name=x"
    assert error.message == "ollama password short localhost"


def test_words_that_begin_like_a_key_are_not_redacted(serve, sync_client):
    server = serve(replies(whole(b'{"error":"see https://ollama.com/settings for ollama-server-7"}', 401)))
    error = _call(sync_client(server.url, api_key="ollama.com-4711"), stream=False)
    assert error.message == "see https://ollama.com/settings for ollama-server-7"


@pytest.mark.parametrize("name", ["cookie", "x-api-key", "x-goog-api-key", "x-auth-token", "proxy-authorization"])
def test_secrets_in_other_headers_are_redacted_too(serve, sync_client, name):
    secret = "abcdef-0123456789"
    value = f"session={secret}; theme=dark" if name == "cookie" else secret
    server = serve(replies(whole(b'{"error":"got %s"}' % secret.encode(), 403)))
    error = _call(sync_client(server.url, headers={name: value}), stream=False)
    assert error.message == "got ***"
    assert secret not in "".join(_texts_of(error))


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("place", ["reason", "body", "header", "nonsense"])
def test_what_a_proxy_repeats_of_its_password_is_redacted(world, serve, monkeypatch, scheme, place):
    secret = "abcdef-0123456789"
    repeated = {
        "reason": f"HTTP/1.1 407 not {secret}\r\nContent-Length: 0\r\n\r\n",
        "body": f"HTTP/1.1 407 no\r\nContent-Length: {len(secret)}\r\n\r\n{secret}",
        "header": f"HTTP/1.1 302 no\r\nLocation: http://a/?{secret}\r\nContent-Length: 0\r\n\r\n",
        "nonsense": f"{secret} is no status line\r\n\r\n",
    }[place]
    proxy = serve(replies(repeated.encode()))
    monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("://", f"://me:{secret}@"))
    with world.client(f"{scheme}://ollama.example:11434") as client:
        error = _call(client, stream=False)
    assert "proxy-authorization" in proxy.requests[0].headers
    assert secret not in "".join(_texts_of(error))
    assert base64.b64encode(f"me:{secret}".encode()).decode() not in "".join(_texts_of(error))


def test_a_proxy_may_be_sent_headers_that_are_no_unicode(world, serve):
    proxy = serve(replies(b"HTTP/1.1 407 not abcdef-0123456789\xe9\r\nContent-Length: 0\r\n\r\n"))
    to_proxy = library.Proxy(proxy.url, headers=[(b"X-Auth-Token", b"abcdef-0123456789\xe9")])
    transport = (HTTPTransport if world.kind == "sync" else AsyncHTTPTransport)(proxy=to_proxy, trust_env=False)
    with world.client("https://ollama.example:11434", transport=transport) as client:
        error = _call(client, stream=False)
    assert "407" in str(error)
    assert "abcdef-0123456789" not in "".join(_texts_of(error))


def test_partial_reply_stays_as_the_server_sent_it(serve, sync_client):
    server = serve(replies(streamed(ROUTES["chat"], chat_item(KEY))))
    error = _call(sync_client(server.url, api_key=KEY), stream=True)
    assert error.partial.message.content == KEY
