"""Exchanges with a real server are recorded without secrets and replayed byte for byte."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
from urllib.parse import urlsplit

import httpx
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ollama_sdk import ConfigurationError, IncompleteReplyError, InternalServerError, Ollama
from ollama_sdk.testing import (
    Fault,
    RecordedChunk,
    RecordedExchange,
    Recorder,
    RecordingFolder,
    Replay,
    read_recordings,
)
from ollama_sdk.testing._recording.redaction import REMOVED, remove_secrets
from tests.support.loopback import END, PATIENCE, Routes, chunks, closed_port, head, say, whole

from .emulator_requests import CHAT

MESSAGES = CHAT["messages"]


def _raw(url, path, body=None, method="POST", **headers):
    """Send a request over a socket of its own and return every byte of the response."""
    parts = urlsplit(url)
    data = b"" if body is None else json.dumps(body).encode()
    fields = {"Host": "localhost", "Connection": "close", "Content-Length": len(data), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + data)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


def _without_date(response):
    first, _, rest = response.partition(b"\r\n\r\n")
    lines = sorted(line for line in first.split(b"\r\n") if not line.lower().startswith(b"date:"))
    return lines, rest


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/chat", CHAT),
        ("POST", "/api/chat", {**CHAT, "stream": False}),
        ("POST", "/v1/chat/completions", {**CHAT, "stream": True}),
        ("POST", "/v1/messages", {**CHAT, "stream": True, "max_tokens": 9}),
        ("POST", "/api/show", {"model": "llama3.2"}),
        ("POST", "/api/show", {"model": "nothing"}),
        ("GET", "/nothing?at=all", None),
        ("HEAD", "/api/version", None),
        ("POST", "/api/copy", {"source": "llama3.2", "destination": "copied"}),
    ],
)
def test_replay_repeats_the_recorded_bytes(server, tmp_path, method, path, body):
    with Recorder(server.url, tmp_path) as recorder:
        recorded = _raw(recorder.url, path, body, method)
    with Replay(tmp_path) as replay:
        assert _without_date(_raw(replay.url, path, body, method)) == _without_date(recorded)
    assert recorder.failures == replay.failures == []


def test_recording_has_every_chunk_with_its_time(server, tmp_path):
    server.reply("Hello", " there")
    with Recorder(server.url, tmp_path) as recorder:
        httpx.post(f"{recorder.url}/api/chat", json=CHAT)
    (exchange,) = read_recordings(tmp_path)
    assert [json.loads(chunk.data)["message"]["content"] for chunk in exchange.chunks] == ["Hello", " there", ""]
    times = [chunk.at for chunk in exchange.chunks]
    assert times == sorted(times)
    assert times[0] > 0
    assert (exchange.name, exchange.server_version, exchange.complete) == ("0001-post-api-chat", server.version, True)


def test_client_gets_chunks_while_the_server_still_sends(serve, tmp_path):
    gate = threading.Event()
    real = serve(Routes({"/api/tags": chunks(b"first", b"second", gate=gate), "/api/version": say()}))
    with Recorder(real.url, tmp_path) as recorder, httpx.stream("GET", f"{recorder.url}/api/tags") as response:
        parts = response.iter_raw()
        assert next(parts) == b"first"
        gate.set()
        assert b"".join(parts) == b"second"


def test_replay_with_timing_waits_as_the_server_did(tmp_path):
    chunks = [RecordedChunk(b"a", 0.0), RecordedChunk(b"b", 0.3)]
    exchange = RecordedExchange(name="1", method="GET", target="/x", status=200, chunks=chunks)
    RecordingFolder(tmp_path).add(exchange)
    with Replay(tmp_path, timing=True) as replay:
        response = httpx.get(f"{replay.url}/x")
    assert response.content == b"ab"
    assert response.elapsed.total_seconds() >= 0.3


def test_replay_without_timing_does_not_wait(tmp_path):
    chunks = [RecordedChunk(b"a", 0.0), RecordedChunk(b"b", 10 * PATIENCE)]
    RecordingFolder(tmp_path).add(RecordedExchange(name="1", method="GET", target="/x", status=200, chunks=chunks))
    with Replay(tmp_path) as replay:
        assert httpx.get(f"{replay.url}/x", timeout=PATIENCE).content == b"ab"


SECRET = "sk-0123456789abcdef"
COOKIE = "cookie-0123456789"
PASSWORD = "p4ss"
STRANGE = "gateway-key-7"
SECRETS = [SECRET, COOKIE, PASSWORD, STRANGE, "set-by-the-server", "c2lnbmlu"]


def test_no_secret_reaches_the_disk(serve, tmp_path):
    echo = f'{{"error": "key {SECRET} of {STRANGE} is wrong", "signin_url": "https://x/?name=a\\u0026key=c2lnbmlu"}}\n'.encode()
    real = serve(
        Routes({
            "/api/pull": lambda connection: connection.send(
                head(401, "application/json", transfer_encoding="chunked", set_cookie="sid=set-by-the-server; Path=/")
                + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (echo[:20], echo[20:]))
                + END
            ),
            "/api/version": say(),
        })
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"a={COOKIE}", "X-Gateway": STRANGE}
    body = {"model": "m", "password": PASSWORD, "username": "me"}
    with Recorder(real.url, tmp_path) as recorder:
        answer = httpx.post(f"{recorder.url}/api/pull?key={SECRET}", json=body, headers=headers)
    assert answer.content == echo  # the client gets what the server said
    sent = next(request for request in real.requests if request.path == "/api/pull")
    assert (sent.headers["authorization"], sent.json) == (f"Bearer {SECRET}", body)
    (file,) = tmp_path.iterdir()
    assert [secret for secret in SECRETS if secret in file.read_text()] == []
    assert REMOVED in file.read_text()
    with Replay(tmp_path) as replay:
        again = httpx.post(f"{replay.url}/api/pull?key=another", json={**body, "password": "other"})
        assert again.status_code == 401, again.text
        assert again.json()["error"] == f"key {REMOVED} of {REMOVED} is wrong"


@pytest.mark.parametrize("split", range(1, 60))
def test_secret_is_removed_wherever_chunks_are_split(split):
    body = f'{{"error": "{SECRET} is wrong", "password": "x\\"yz"}}'.encode()
    exchange = RecordedExchange(
        method="GET",
        target="/",
        request_headers=(("authorization", f"Bearer {SECRET}"),),
        status=401,
        headers=(("Content-Length", str(len(body))),),
        chunks=[RecordedChunk(body[:split]), RecordedChunk(body[split:])],
    )
    removed = remove_secrets(exchange)
    assert json.loads(removed.body) == {"error": f"{REMOVED} is wrong", "password": REMOVED}
    assert removed.header("content-length") == str(len(removed.body))


@pytest.mark.parametrize(
    "header",
    [
        ("authorization", "Basic " + base64.b64encode(b"me:open-sesame").decode()),
        ("proxy-authorization", "Bearer open-sesame"),
        ("x-api-key", "open-sesame"),
        ("cookie", "theme=dark; sid=open-sesame"),
        ("anything-else", "open-sesame"),
    ],
)
def test_values_of_unknown_request_headers_are_removed(header):
    exchange = RecordedExchange(
        method="GET",
        target="/?token=open-sesame&x=open-sesame",
        request_headers=(header,),
        request_body=b'{"prompt": "open-sesame", "arguments": "{\\"api_key\\": \\"a1\\"}"}',
        status=200,
        headers=(("x-echo", "open-sesame"), ("x-session-token", "z9"), ("content-type", "text/plain")),
        chunks=[RecordedChunk(b"open%2Dsesame open-sesame")],
    )
    text = remove_secrets(exchange).to_json()
    assert "open-sesame" not in text
    assert '"z9"' not in text
    assert "a1" not in text
    assert "text/plain" in text


@pytest.mark.parametrize(
    "name", ["password", "db_password", "OPENAI_API_KEY", "accessToken", "auth-token", "client_secret"]
)
def test_fields_that_hold_secrets_are_emptied(name):
    body = json.dumps(
        {name: "open-sesame", "token": "Hello", "eos_token": "<s>", "properties": {name: {"type": "string"}}}
    ).encode()
    exchange = RecordedExchange(method="POST", target="/", request_body=body, status=200, chunks=[RecordedChunk(body)])
    removed = remove_secrets(exchange)
    assert json.loads(removed.request_body) == json.loads(removed.body) == {**json.loads(body), name: REMOVED}


def test_unknown_request_is_told_what_differs(server, tmp_path):
    with Recorder(server.url, tmp_path) as recorder:
        httpx.post(f"{recorder.url}/api/chat", json={**CHAT, "stream": False, "options": {"seed": 1}})
        httpx.get(f"{recorder.url}/api/tags")
    with Replay(tmp_path) as replay, Ollama(replay.url) as client:
        with pytest.raises(InternalServerError) as caught:
            client.chat(
                "llama3.2", [{"role": "user", "content": "Why is the sea blue?"}], options={"seed": 2, "top_k": 3}
            )
        other = httpx.delete(f"{replay.url}/api/delete")
    assert caught.value.status_code == 501
    assert caught.value.message == (
        "no recording answers POST /api/chat. Nearest is 0001-post-api-chat: "
        'body.messages[0].content is "Why is the sea blue?", recorded "Why is the sky blue?"; '
        "body.options.seed is 2, recorded 1; body.options.top_k is 3, recorded absent"
    )
    assert other.json()["error"].startswith(
        "no recording answers DELETE /api/delete. Nearest is 0002-get-api-tags: method is"
    )
    assert len(replay.failures) == 2


def test_unknown_request_is_refused_in_the_form_of_its_interface(tmp_path):
    with Replay(tmp_path) as replay:
        answers = [httpx.post(f"{replay.url}{path}", json={}) for path in ("/v1/responses", "/v1/messages")]
    assert [answer.status_code for answer in answers] == [501, 501]
    assert [answer.headers["x-should-retry"] for answer in answers] == ["false", "false"]
    assert answers[0].json()["error"]["message"] == "no recording answers POST /v1/responses: there are no recordings"
    assert answers[1].json()["error"]["message"] == "no recording answers POST /v1/messages: there are no recordings"


def test_long_texts_are_shown_where_they_differ(tmp_path):
    old, new = "a" * 500 + "old end", "a" * 500 + "new end"
    exchange = RecordedExchange(name="1", method="POST", target="/x", request_body=b"", status=200)
    RecordingFolder(tmp_path).add(evolve(exchange, request_body=json.dumps({"prompt": old}).encode()))
    with Replay(tmp_path) as replay:
        text = httpx.post(f"{replay.url}/x", json={"prompt": new}).json()["error"]
    assert '"…aaaaaaaaaaaaaaaaaaaanew end", recorded "…aaaaaaaaaaaaaaaaaaaaold end"' in text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a": 1, "b": [1, 2]}', b'{"b":[1,2],"a":1}'),
        (b'{"a": "\xc3\xa9"}', b'{"a": "\\u00e9"}'),
        (b"not JSON", b"not JSON"),
    ],
)
def test_json_matches_in_any_order_and_spacing(tmp_path, one, other):
    exchange = RecordedExchange(name="1", method="POST", target="/x?a=1&b=2", request_body=one, status=204)
    RecordingFolder(tmp_path).add(exchange)
    with Replay(tmp_path) as replay:
        assert httpx.post(f"{replay.url}/x?b=2&a=1", content=other).status_code == 204


def test_multipart_matches_with_another_boundary(server, tmp_path):
    def transcribe(url, sound):
        return httpx.post(
            f"{url}/v1/audio/transcriptions", data={"model": "llama3.2"}, files={"file": ("a.wav", sound)}
        )

    with Recorder(server.url, tmp_path) as recorder:
        recorded = transcribe(recorder.url, b"RIFF\xff")
    with Replay(tmp_path) as replay:
        assert transcribe(replay.url, b"RIFF\xff").content == recorded.content
        assert transcribe(replay.url, b"other\xff").status_code == 501


def test_equal_requests_get_their_replies_in_order(server, tmp_path):
    with Recorder(server.url, tmp_path) as recorder:
        for text in ("one", "two"):
            server.reply(text)
            httpx.post(f"{recorder.url}/api/chat", json={**CHAT, "stream": False})
    body = {**CHAT, "stream": False}
    with Replay(tmp_path, repeat=False) as replay:
        assert len(replay.unused) == 2
        answers = [httpx.post(f"{replay.url}/api/chat", json=body) for _ in range(3)]
        assert replay.unused == []
    assert [answer.json()["message"]["content"] for answer in answers[:2]] == ["one", "two"]
    assert answers[2].json() == {"error": "no recording answers POST /api/chat again: it was recorded 2 times"}
    with Replay(tmp_path) as replay:
        answers = [httpx.post(f"{replay.url}/api/chat", json=body).json() for _ in range(3)]
    assert [answer["message"]["content"] for answer in answers] == ["one", "two", "two"]


def test_client_that_leaves_ends_the_request_at_the_server(server, tmp_path):
    server.reply(lambda _: iter(lambda: "again ", None))
    with Recorder(server.url, tmp_path) as recorder:
        with Ollama(recorder.url) as client, client.chat("llama3.2", MESSAGES, stream=True) as stream:
            next(stream)
        assert recorder.requests[0].wait(PATIENCE)
        (chat,) = [request for request in server.requests if request.path == "/api/chat"]
        assert chat.wait(PATIENCE)
        assert chat.hung_up
    (exchange,) = read_recordings(tmp_path)
    assert not exchange.complete
    assert exchange.chunks


def test_broken_reply_is_recorded_and_breaks_again(server, tmp_path):
    server.faults.add(Fault.cut(after=2, clean=False), path="/api/chat")
    with (
        Recorder(server.url, tmp_path) as recorder,
        Ollama(recorder.url) as client,
        pytest.raises(IncompleteReplyError) as first,
    ):
        list(client.chat("llama3.2", MESSAGES, stream=True))
    (exchange,) = read_recordings(tmp_path)
    assert not exchange.complete
    with Replay(tmp_path) as replay, Ollama(replay.url) as client, pytest.raises(IncompleteReplyError) as again:
        list(client.chat("llama3.2", MESSAGES, stream=True))
    assert again.value.items == first.value.items == 2


def test_unreachable_server_is_a_clear_error_and_no_recording(tmp_path):
    with Recorder(f"127.0.0.1:{closed_port()}", tmp_path) as recorder:
        answer = httpx.get(f"{recorder.url}/api/tags")
    assert answer.status_code == 502
    assert answer.json()["error"].startswith("the recorder got no reply from http://127.0.0.1:")
    assert read_recordings(tmp_path) == []
    assert recorder.failures == [answer.json()["error"]]


def test_compressed_bodies_are_recorded_as_text(serve, tmp_path):
    body = gzip.compress(b'{"models": []}')
    real = serve(Routes({"/api/tags": lambda c: c.send(whole(body, content_encoding="gzip")), "/api/version": say()}))
    with Recorder(real.url, tmp_path) as recorder:
        sent = gzip.compress(b'{"question": 1}')
        answer = httpx.post(f"{recorder.url}/api/tags", content=sent, headers={"content-encoding": "gzip"})
        refused = httpx.post(f"{recorder.url}/api/tags", content=b"x", headers={"content-encoding": "br"})
    assert answer.json() == {"models": []}
    received = [request for request in real.requests if request.path == "/api/tags"]
    assert [request.body for request in received] == [sent]
    assert refused.status_code == 415
    assert refused.json()["error"].endswith("its body is in br, which the recorder cannot search for secrets")
    (exchange,) = read_recordings(tmp_path)
    assert (exchange.request_body, exchange.body) == (b'{"question":1}', b'{"models": []}')
    assert exchange.header("content-encoding") == ""
    with Replay(tmp_path) as replay:
        assert httpx.post(f"{replay.url}/api/tags", json={"question": 1}).json() == {"models": []}


def test_upstream_may_have_a_path(serve, tmp_path):
    real = serve(
        Routes({"/ollama/api/tags": say(body={"models": []}), "/ollama/api/version": say(body={"version": "9"})})
    )
    with Recorder(f"{real.url}/ollama/", tmp_path) as recorder:
        assert httpx.get(f"{recorder.url}/api/tags").json() == {"models": []}
    assert [exchange.server_version for exchange in read_recordings(tmp_path)] == ["9"]


@pytest.mark.parametrize("upstream", ["ftp://x", "http://me:secret@host"])
def test_upstream_must_be_an_address_without_credentials(tmp_path, upstream):
    with pytest.raises(ConfigurationError, match=r"^host '") as caught:
        Recorder(upstream, tmp_path)
    assert "secret" not in str(caught.value)


def test_further_recordings_are_added_to_a_folder(server, tmp_path):
    for _ in range(2):
        with Recorder(server.url, tmp_path) as recorder:
            httpx.get(f"{recorder.url}/api/tags")
    assert [exchange.name for exchange in read_recordings(tmp_path)] == ["0001-get-api-tags", "0002-get-api-tags"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda value: value.update(format=2), "format is 2; this version reads format 1"),
        (lambda value: value["response"].pop("chunks"), "response.chunks is missing"),
        (
            lambda value: value["response"].update(chunks=[{"base64": "?"}]),
            r"response.chunks\[0\].base64 is not base64",
        ),
        (lambda value: value["request"].pop("path"), "request.path is NoneType; give a string"),
        (lambda value: value["response"].update(headers={}), "response.headers is not a list of pairs"),
        (lambda value: value["response"].update(status="200"), "response.status is str; give a number"),
        (
            lambda value: value["response"].update(chunks=[{"at": "0", "text": ""}]),
            r"chunks\[0\].at is '0'; give seconds",
        ),
        (lambda value: value.update(request=[]), "request is list; give an object"),
    ],
)
def test_broken_file_is_named_with_its_fault(tmp_path, change, complaint):
    path = RecordingFolder(tmp_path).add(RecordedExchange(name="one", method="GET", target="/", status=200))
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match=f"one.json: .*{complaint}"):
        read_recordings(tmp_path)


def test_two_recorders_of_one_folder_overwrite_nothing(server, tmp_path):
    with Recorder(server.url, tmp_path) as first, Recorder(server.url, tmp_path) as second:
        for recorder in (first, second, second, first):
            _raw(recorder.url, "/api/show", {"model": "llama3.2"})
    assert len(read_recordings(tmp_path)) == 4
    assert len(list(tmp_path.iterdir())) == 4


def test_recordings_written_at_the_same_moment_are_all_there(tmp_path):
    folders = [RecordingFolder(tmp_path) for _ in range(8)]
    together = threading.Barrier(len(folders))

    def record(folder, number):
        together.wait(PATIENCE)
        for at in range(5):
            name = folder.name("GET", "/x")
            folder.add(RecordedExchange(name=name, method="GET", target=f"/x?{number}-{at}", status=200))

    threads = [threading.Thread(target=record, args=(folder, number)) for number, folder in enumerate(folders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    recorded = {exchange.target for exchange in read_recordings(tmp_path)}
    assert recorded == {f"/x?{number}-{at}" for number in range(8) for at in range(5)}
    assert {path.suffix for path in tmp_path.iterdir()} == {".json"}


def test_unfinished_file_of_another_recorder_is_left_alone(tmp_path):
    folder = RecordingFolder(tmp_path)
    (tmp_path / "0001-get-x.unfinished").write_text("{")
    path = folder.add(RecordedExchange(name=folder.name("GET", "/x"), method="GET", target="/x", status=200))
    assert path.name == "0002-get-x.json"
    assert (tmp_path / "0001-get-x.unfinished").read_text() == "{"


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        Replay(tmp_path / "nothing")


BODIES = st.one_of(
    st.binary(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")),
    st.sampled_from([b'{"a":1,"a":2}', b"[NaN]", b'["\\ud800"]', b"{"]),
)


@given(BODIES, st.lists(st.tuples(st.binary(), st.none() | st.floats(0, 1000))), st.booleans())
def test_file_holds_any_exchange_exactly(body, chunks, complete):
    exchange = RecordedExchange(
        name="n",
        method="POST",
        target="/api/chat?x=%ff",
        request_headers=(("a", "1"), ("a", "2")),
        request_body=body,
        status=200,
        headers=(("B", "é"),),
        chunks=[RecordedChunk(data, at and round(at, 6)) for data, at in chunks],
        complete=complete,
    )
    assert RecordedExchange.from_json(exchange.to_json(), "n") == exchange


@pytest.mark.anyio
async def test_recorder_and_replay_work_from_async_tests(server, tmp_path):
    async with Recorder(server.url, tmp_path) as recorder, httpx.AsyncClient() as client:
        recorded = (await client.get(f"{recorder.url}/api/tags")).json()
    async with Replay(tmp_path) as replay, httpx.AsyncClient() as client:
        assert (await client.get(f"{replay.url}/api/tags")).json() == recorded
    assert "Replay http://" in repr(replay)


def test_replay_takes_faults(tmp_path):
    RecordingFolder(tmp_path).add(RecordedExchange(name="1", method="GET", target="/x", status=204))
    with Replay(tmp_path) as replay:
        replay.faults.add(Fault.status(503), times=1)
        assert [httpx.get(f"{replay.url}/x").status_code for _ in range(2)] == [503, 204]
