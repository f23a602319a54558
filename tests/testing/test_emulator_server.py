"""The emulator starts, stops, records requests, notices hang-ups, and keeps its speed."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from ollama_sdk import APIConnectionError, IncompleteReplyError
from ollama_sdk.testing import Emulator, Fault, Speed
from tests.support.loopback import PATIENCE
from tests.support.transports import CERTIFICATE, server_context
from tests.testing.emulator_requests import CHAT


@pytest.mark.anyio
async def test_async_clients_work_on_every_event_loop():
    async with Emulator() as server, httpx.AsyncClient(base_url=server.url) as client:
        server.models.add("llama3.2")
        server.reply("Hello", " there")
        answer = await client.post("/api/chat", json=CHAT | {"stream": False})
        assert answer.json()["message"]["content"] == "Hello there"


def test_emulator_with_a_certificate_serves_https(world, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with Emulator(ssl_context=server_context()) as server, world.client(server.url) as client:
        assert server.url.startswith("https://127.0.0.1:")
        assert client.version().version == server.version
        server.faults.add(Fault.reset())
        with pytest.raises(IncompleteReplyError):
            client.version()
        server.faults.clear()
        server.down()
        with pytest.raises(APIConnectionError):
            client.version()
        server.up()
        assert client.version().version == server.version


def test_restart_listens_on_the_same_port():
    with Emulator() as server:
        url = server.url
        server.stop()
        server.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
        server.start()
        assert (server.url, httpx.get(url).status_code) == (url, 200)


def test_start_fails_if_the_port_is_in_use():
    with Emulator() as server, pytest.raises(OSError, match="in use"):
        Emulator(port=int(server.url.rpartition(":")[2])).start()


def test_stop_ends_open_streams():
    with Emulator() as server, httpx.Client(base_url=server.url) as client:
        server.models.add("llama3.2")
        server.reply(lambda _: itertools.repeat(" tick"))
        with client.stream("POST", "/api/chat", json=CHAT) as answer:
            lines = answer.iter_lines()
            next(lines)
            server.stop()
            with pytest.raises(httpx.TransportError):
                for _ in lines:
                    pass


def test_stop_leaves_no_thread_behind():
    before = threading.active_count()
    with Emulator():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_emulator_listens_on_the_given_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Emulator(port=port) as server:
        assert server.url == f"http://127.0.0.1:{port}"


def test_url_is_an_error_before_start():
    server = Emulator()
    with pytest.raises(RuntimeError, match="start"):
        _ = server.url
    assert repr(server) == "<Emulator, not started>"
    with server:
        url = server.url
        assert repr(server) == f"<Emulator {url}>"
    assert server.url == url
    assert Emulator(port=1).url == "http://127.0.0.1:1"


def test_request_is_recorded_as_it_arrived(server, client):
    client.post("/api/chat?x=1", json=CHAT, headers={"x-token": "abc"})
    request = server.requests[0]
    assert (request.method, request.path, request.query, request.model) == ("POST", "/api/chat", "x=1", "llama3.2")
    assert (request.headers["x-token"], request.json) == ("abc", CHAT)
    assert (request.status, request.hung_up) == (200, False)


def test_hang_up_during_a_stream_is_recorded(server, dial):
    server.reply(lambda _: itertools.repeat(" tick"))
    for body in (CHAT, CHAT | {"model": "qwen3"}):
        connection = dial("/api/chat", **body)
        connection.recv(1000)
        connection.close()
        assert server.requests[-1].wait(PATIENCE)
        assert server.requests[-1].hung_up


def test_hang_up_before_the_first_item_is_recorded(server, dial):
    server.speed = Speed(time_to_first_token=60)
    dial("/api/chat", **CHAT).close()
    assert server.requests.wait(1, PATIENCE)
    assert server.requests[0].wait(PATIENCE)
    assert server.requests[0].hung_up


def test_completed_requests_are_not_hang_ups(server, client):
    for _ in range(20):
        client.post("/api/chat", json=CHAT)
    assert not any(request.hung_up for request in server.requests)


def test_client_that_stops_reading_pauses_the_stream(server, dial):
    server.reply(lambda _: itertools.repeat(" tick"))
    connection = dial("/api/chat", **CHAT)
    connection.recv(1000)
    sent = -1
    while sent != server.requests[0].items:
        sent = server.requests[0].items
        time.sleep(0.05)
    assert not server.requests[0].hung_up


def test_endless_stream_does_not_starve_requests(server, dial, client):
    server.reply(lambda _: itertools.repeat(" tick"), to="qwen3")
    busy = dial("/api/chat", **CHAT | {"model": "qwen3"})
    reader = threading.Thread(target=_drain, args=(busy,), daemon=True)
    reader.start()
    assert client.get("/api/version").status_code == 200
    busy.shutdown(socket.SHUT_RDWR)
    reader.join()


def _drain(connection):
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def test_stream_has_the_configured_speed(server, client):
    server.speed = Speed(time_to_first_token=0.1, tokens_per_second=100)
    server.reply(*[" tick"] * 11)
    begin = time.monotonic()
    client.post("/api/chat", json=CHAT)
    assert time.monotonic() - begin > 0.19
    done = client.post("/api/chat", json=CHAT | {"stream": False}).json()
    assert 0.09 < done["prompt_eval_duration"] / 1e9 < PATIENCE
    assert 0.09 < done["eval_duration"] / 1e9 < PATIENCE


@pytest.mark.parametrize(
    "speed", [{"tokens_per_second": 0}, {"tokens_per_second": -1}, {"time_to_first_token": -0.1}, {"load": -1}]
)
def test_invalid_speed_is_refused(speed):
    [(name, value)] = speed.items()
    with pytest.raises(ValueError, match=f"{name}={value}"):
        Speed(**speed)


def test_loading_takes_time_only_once(server, client):
    server.models.add("slow", speed=Speed(load=0.1))
    first, second = (
        client.post("/api/generate", json={"model": "slow", "prompt": "x", "stream": False}).json() for _ in "12"
    )
    assert first["load_duration"] == 100_000_000 > second["load_duration"]


def test_each_item_of_a_long_stream_is_one_chunk(server, dial):
    count = 20_000
    server.reply(lambda _: itertools.repeat(" tick", count))
    connection = dial("/api/chat", **CHAT)
    received = b""
    while not received.endswith(b"0\r\n\r\n"):
        received += connection.recv(1 << 18)
    assert received.count(b"\r\n{") == received.count(b"}\n\r\n") == count + 1


def test_reset_removes_models_faults_and_records(server, client):
    server.reply("once")
    server.faults.add(Fault.status(503))
    client.get("/")
    server.reset()
    assert (len(server.models), len(server.requests)) == (0, 0)
    assert client.get("/api/tags").json() == {"models": []}


def test_foreign_host_and_origin_are_refused(client):
    for headers in ({"host": "evil.example.com"}, {"origin": "http://evil.example.com"}):
        assert client.get("/api/version", headers=headers).status_code == 403


def test_invalid_http_is_answered_with_400(server, client):
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE) as connection:
        connection.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")
    assert client.get("/").status_code == 200
