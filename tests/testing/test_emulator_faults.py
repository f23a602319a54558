"""Injected faults do what they say, above and below HTTP."""

from __future__ import annotations

import itertools
import json
import time

import httpx
import pytest

from ollama_sdk.testing import Emulator, Fault, Interception
from tests.support.loopback import PATIENCE
from tests.testing.emulator_requests import CHAT

TWENTY = [f" {number}" for number in range(20)]
STREAMS = {
    "/api/chat": CHAT,
    "/api/generate": {"model": "llama3.2", "prompt": "Hi"},
    "/v1/chat/completions": CHAT | {"stream": True},
    "/v1/completions": {"model": "llama3.2", "prompt": "Hi", "stream": True},
    "/v1/responses": {"model": "llama3.2", "input": "Hi", "stream": True},
    "/v1/messages": CHAT | {"max_tokens": 50, "stream": True},
}


def until_reset(connection):
    """Return what a connection delivers before it is reset."""
    received = b""
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            return received
        assert data, "the connection ended well"
        received += data


@pytest.fixture(autouse=True)
def twenty(server):
    server.reply(*TWENTY)


def test_status_fault_has_body_headers_and_retry_after(server, client):
    server.faults.add(Fault.status(503, message="busy", retry_after=1.5, headers={"x-reason": "test"}))
    answer = client.post("/api/chat", json=CHAT)
    assert (answer.status_code, answer.json()) == (503, {"error": "busy"})
    assert (answer.headers["retry-after"], answer.headers["x-reason"]) == ("1.5", "test")


def test_a_long_retry_after_is_sent_in_plain_digits(server, client):
    server.faults.add(Fault.status(503, retry_after=1_234_567))
    assert client.post("/api/chat", json=CHAT).headers["retry-after"] == "1234567"


def test_status_fault_has_the_error_body_of_the_route(server, client):
    server.faults.add(Fault.status(429, message="slowly"))
    assert client.post("/v1/chat/completions", json=CHAT).json()["error"]["message"] == "slowly"
    assert client.post("/v1/messages", json=CHAT).json()["error"]["type"] == "rate_limit_error"


def test_fault_applies_as_often_as_times_says(server, client):
    server.faults.add(Fault.status(503), path="/api/chat", times=2)
    assert [client.post("/api/chat", json=CHAT).status_code for _ in range(3)] == [503, 503, 200]


def test_share_of_faults_is_exact(server, client):
    server.faults.add(Fault.status(500), share=0.25)
    assert [client.get("/api/version").status_code for _ in range(8)] == [200, 200, 200, 500] * 2


@pytest.mark.parametrize(
    ("condition", "strikes"),
    [
        ({"path": "/api/c*"}, True),
        ({"path": "/api/generate"}, False),
        ({"method": "GET"}, False),
        ({"model": "llama3.2"}, True),
        ({"model": "qwen3"}, False),
        ({"when": lambda request: b"sky" in request.body}, True),
        ({"skip": 1}, False),
    ],
)
def test_fault_applies_to_matching_requests_only(server, client, condition, strikes):
    server.faults.add(Fault.status(418), **condition)
    assert (client.post("/api/chat", json=CHAT).status_code == 418) == strikes


def test_faults_apply_in_the_order_they_were_added(server, client):
    for code in (503, 429):
        server.faults.add(Fault.status(code), times=1)
    assert [client.get("/").status_code for _ in range(3)] == [503, 429, 200]


@pytest.mark.parametrize("path", STREAMS)
def test_clean_cut_ends_the_body_early(server, client, path):
    server.faults.add(Fault.cut(after=3))
    with client.stream("POST", path, json=STREAMS[path]) as answer:
        assert len([item for item in b"".join(answer.iter_raw()).strip().split(b"\n") if b"{" in item]) == 3


def test_unclean_cut_is_an_http_error_after_the_items(server, client):
    server.faults.add(Fault.cut(after=3, clean=False))
    lines = []
    with (
        pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"),
        client.stream("POST", "/api/chat", json=CHAT) as answer,
    ):
        lines.extend(answer.iter_lines())
    assert len(lines) == 3


def test_cut_halves_an_answer_in_one_piece(server, client):
    server.faults.add(Fault.cut())
    answer = client.post("/api/chat", json=CHAT | {"stream": False})
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_unclean_cut_in_one_piece_keeps_content_length(server, client):
    server.faults.add(Fault.cut(clean=False))
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        client.post("/api/chat", json=CHAT | {"stream": False})


@pytest.mark.parametrize("path", STREAMS)
def test_error_item_is_the_last_of_its_stream(server, client, path):
    server.faults.add(Fault.error_item("out of luck", after=2))
    text = client.post(path, json=STREAMS[path]).text
    last = json.loads(text.strip().rpartition("\n")[2].removeprefix("data: "))
    assert "out of luck" in json.dumps(last["error"])


@pytest.mark.parametrize(
    ("path", "end"),
    [
        ("/api/chat", {"error": "an error was encountered while running the model: unexpected EOF"}),
        ("/api/generate", {"error": "an error was encountered while running the model: unexpected EOF"}),
    ],
)
def test_runner_death_is_an_error_item_under_api(server, items, path, end):
    server.faults.add(Fault.runner_dies(after=2))
    assert items(path, **STREAMS[path])[2:] == [end]


def test_runner_death_is_an_empty_model_in_completions(server, client):
    server.faults.add(Fault.runner_dies(after=2))
    events = client.post("/v1/chat/completions", json=STREAMS["/v1/chat/completions"]).text.strip().split("\n\n")
    assert [json.loads(event.removeprefix("data: "))["model"] for event in events] == ["llama3.2", "llama3.2", ""]


def test_runner_death_is_a_500_in_one_piece(server, client):
    server.faults.add(Fault.runner_dies())
    assert client.post("/api/chat", json=CHAT | {"stream": False}).status_code == 500


def test_garbage_is_inserted_between_whole_items(server, client):
    server.faults.add(Fault.garbage(b"!!\n", after=2))
    lines = client.post("/api/chat", json=CHAT).text.splitlines()
    assert lines[2] == "!!"
    assert [json.loads(line)["done"] for line in lines[:2] + lines[3:]] == [False] * 20 + [True]


def test_huge_item_is_valid_json_of_its_size(server, client):
    server.faults.add(Fault.huge_item(100_000, after=1))
    lines = client.post("/api/chat", json=CHAT).content.splitlines(keepends=True)
    assert len(lines[1]) == 100_000
    assert set(json.loads(lines[1])["message"]["content"]) == {"a"}


def test_content_type_fault_replaces_the_header(server, client):
    server.faults.add(Fault.content_type("text/html"))
    assert client.get("/api/version").headers["content-type"] == "text/html"


def test_delay_fault_precedes_a_normal_answer(server, client):
    server.faults.add(Fault.delay(0.1))
    begin = time.monotonic()
    assert client.get("/api/version").status_code == 200
    assert time.monotonic() - begin >= 0.1


@pytest.mark.parametrize("after", [None, 0, 3])
def test_stall_lasts_until_the_client_gives_up(server, client, after):
    server.faults.add(Fault.stall(after=after))
    lines = []
    with (
        pytest.raises(httpx.ReadTimeout),
        client.stream("POST", "/api/chat", json=CHAT, timeout=1) as answer,
    ):
        lines.extend(answer.iter_lines())
    assert len(lines) == (after or 0)
    assert server.requests[0].wait(PATIENCE)
    assert server.requests[0].hung_up


def test_trickle_sends_the_same_body_byte_by_byte(server, client):
    whole = client.get("/api/version").text
    server.faults.add(Fault.trickle(bytes_per_second=1000))
    begin = time.monotonic()
    assert client.get("/api/version").text == whole
    assert time.monotonic() - begin >= len(whole) / 1000
    assert server.requests[-1].items == len(whole)


@pytest.mark.parametrize(
    ("fault", "begins", "ends"),
    [
        (Fault.reset("before headers"), b"", b""),
        (Fault.reset("in headers"), b"HTTP/1.1 200 OK\r\n", b"content-ty"),
        (Fault.reset("after headers"), b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n"),
    ],
)
def test_reset_comes_before_in_or_after_the_headers(server, dial, fault, begins, ends):
    server.faults.add(fault)
    received = until_reset(dial("/api/chat", **CHAT))
    assert received[: len(begins)] == begins
    assert received.endswith(ends)


def test_reset_after_items_delivers_them_first(server, dial):
    server.faults.add(Fault.reset(after=3))
    assert until_reset(dial("/api/chat", **CHAT)).count(b"created_at") == 3


def test_refused_connection_records_no_request(server, client):
    server.faults.add(Fault.refuse(), times=1)
    with pytest.raises(httpx.TransportError):
        client.get("/api/version")
    assert len(server.requests) == 0
    assert client.get("/api/version").status_code == 200


def test_connection_fault_refuses_request_conditions(server):
    with pytest.raises(ValueError, match="before there is a request"):
        server.faults.add(Fault.refuse(), path="/api/chat")


@pytest.mark.parametrize("share", [-0.1, 1.5, 25])
def test_share_outside_zero_to_one_is_refused(server, share):
    with pytest.raises(ValueError, match=f"share={share}"):
        server.faults.add(Fault.status(500), share=share)


def test_path_without_slash_is_refused(server, client):
    with pytest.raises(ValueError, match=r"path='api/chat'.*'/api/chat'"):
        server.faults.add(Fault.status(503), path="api/chat")
    server.faults.add(Fault.status(503), path="*/version")
    assert client.get("/api/version").status_code == 503


def test_unknown_reset_moment_is_refused():
    with pytest.raises(ValueError, match="when='before'"):
        Fault.reset("before")


def test_server_comes_back_on_the_same_port(server, client):
    url = server.url
    for _ in range(3):
        with server.outage(), pytest.raises(httpx.ConnectError):
            client.get("/api/version")
        assert client.get("/api/version").status_code == 200
    assert server.url == url


def test_down_and_up_are_idempotent(server, client):
    server.down()
    server.down()
    server.up()
    server.up()
    assert client.get("/api/version").status_code == 200


def test_down_resets_open_streams(server, client):
    server.reply(lambda _: itertools.repeat(" tick"))
    with client.stream("POST", "/api/chat", json=CHAT) as answer:
        lines = answer.iter_lines()
        next(lines)
        server.down()
        with pytest.raises(httpx.TransportError):
            for _ in lines:
                pass
    assert server.requests[0].wait(PATIENCE)
    assert not server.requests[0].hung_up
    server.up()


def test_custom_fault_intercepts_requests(server, client):
    async def act(interception: Interception) -> None:
        if b"sky" in interception.request.body:
            await interception.proceed()
        else:
            await interception.connection.reset()

    server.faults.add(Fault("only about the sky", act), method="POST")
    assert client.post("/api/chat", json=CHAT).status_code == 200
    with pytest.raises(httpx.TransportError):
        client.post("/api/generate", json={"model": "llama3.2", "prompt": "Hi"})


def test_faults_belong_to_one_emulator():
    with Emulator() as one, Emulator() as other:
        one.faults.add(Fault.status(503))
        assert [httpx.get(each.url).status_code for each in (one, other)] == [503, 200]


def test_faults_cause_no_log_messages(server, client, caplog):
    server.faults.add(Fault.reset(after=2), times=1)
    server.faults.add(Fault.cut(clean=False), times=1)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            client.post("/api/chat", json=CHAT)
    assert client.post("/api/chat", json=CHAT).status_code == 200
    assert caplog.messages == []
