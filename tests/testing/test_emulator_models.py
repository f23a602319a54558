"""The emulator keeps models, blobs, memory and a queue as Ollama does."""

from __future__ import annotations

import hashlib
import itertools
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ollama_sdk.testing import Emulator, Speed
from ollama_sdk.testing._model.templates import template_error
from tests.support.loopback import PATIENCE
from tests.testing.emulator_requests import CHAT

GGUF = b"GGUF and some weights"


@pytest.fixture
def names(client):
    return lambda: sorted(model["name"] for model in client.get("/api/tags").json()["models"])


@pytest.fixture
def in_memory(client):
    return lambda: [model["name"] for model in client.get("/api/ps").json()["models"]]


def test_pull_reports_each_layer_and_adds_the_model(server, items, names, client):
    progress = items("/api/pull", model="hf.co/org/model:Q4_K_M")
    assert "hf.co/org/model:Q4_K_M" in names()
    layers = {}
    for item in progress:
        if "digest" in item:
            assert layers.get(item["digest"], 0) < item["completed"] <= item["total"]
            layers[item["digest"]] = item["completed"]
    assert len(layers) == 2
    assert all(client.head(f"/api/blobs/{digest}").status_code == 200 for digest in layers)
    assert [item["status"] for item in progress[-3:]] == ["verifying sha256 digest", "writing manifest", "success"]


def test_pull_of_unknown_name_fails_inside_the_stream(server, items, client):
    server.registry.remove("nothing")
    assert items("/api/pull", model="nothing")[-1] == {"error": "pull model manifest: file does not exist"}
    assert client.post("/api/pull", json={"model": "nothing", "stream": False}).status_code == 500
    assert "nothing" not in server.models


def test_registry_decides_what_a_pull_brings(server, client):
    server.registry.add("tiny-embed", capabilities=["embedding"], embedding_length=16)
    client.post("/api/pull", json={"model": "tiny-embed", "stream": False})
    assert len(client.post("/api/embed", json={"model": "tiny-embed", "input": "x"}).json()["embeddings"][0]) == 16


def test_copy_survives_deletion_of_its_source(names, client):
    client.post("/api/copy", json={"source": "llama3.2", "destination": "mine"})
    assert client.request("DELETE", "/api/delete", json={"model": "llama3.2"}).status_code == 200
    assert names() == ["all-minilm:latest", "mine:latest", "qwen3:latest"]


def test_show_reports_what_a_model_was_created_with(client, items):
    made = {
        "model": "mario",
        "from": "llama3.2",
        "system": "You are Mario",
        "parameters": {"temperature": 1, "stop": ["a", "b"]},
    }
    assert items("/api/create", **made)[-1] == {"status": "success"}
    shown = client.post("/api/show", json={"model": "mario"}).json()
    assert shown["system"] == "You are Mario"
    assert shown["details"]["parent_model"] == "llama3.2:latest"
    assert shown["parameters"].split() == ["temperature", "1", "stop", '"a"', "stop", '"b"']


def test_model_is_created_from_an_uploaded_file(client, items):
    digest = f"sha256:{hashlib.sha256(GGUF).hexdigest()}"
    assert client.head(f"/api/blobs/{digest}").status_code == 404
    assert client.post(f"/api/blobs/{digest}", content=GGUF).status_code == 201
    assert client.post(f"/api/blobs/{digest}", content=GGUF).status_code == 200
    assert items("/api/create", model="mine", files={"m.gguf": digest})[-1] == {"status": "success"}
    assert client.post("/api/generate", json={"model": "mine", "prompt": "x", "stream": False}).json()["done"]


def test_upload_refuses_a_blob_with_another_digest(client):
    answer = client.post(f"/api/blobs/sha256:{'0' * 64}", content=b"hello")
    assert answer.status_code == 400
    assert "digest mismatch" in answer.json()["error"]


def test_model_stays_in_memory_until_it_is_unloaded(client, in_memory):
    assert in_memory() == []
    client.post("/api/chat", json=CHAT)
    assert in_memory() == ["llama3.2:latest"]
    assert client.post("/api/chat", json={"model": "llama3.2", "keep_alive": 0}).json()["done_reason"] == "unload"
    assert in_memory() == []


def test_names_of_the_same_weights_share_a_runner(client):
    client.post("/api/copy", json={"source": "llama3.2", "destination": "twin"})
    client.post("/api/create", json={"model": "mario", "from": "llama3.2", "system": "You are Mario.", "stream": False})
    for name in ("twin", "llama3.2", "mario"):
        client.post("/api/generate", json={"model": name})
    assert [model["name"] for model in client.get("/api/ps").json()["models"]] == ["twin:latest"]
    client.post("/api/generate", json={"model": "mario", "keep_alive": 0})
    assert client.get("/api/ps").json()["models"] == []


@pytest.mark.parametrize(("keep_alive", "seconds"), [("10m", 600), (30, 30), ("1h1.5s", 3601.5), (None, 300)])
def test_keep_alive_sets_the_expiry(client, keep_alive, seconds):
    before = datetime.now(UTC)
    client.post("/api/chat", json=CHAT | {"keep_alive": keep_alive})
    until = datetime.fromisoformat(client.get("/api/ps").json()["models"][0]["expires_at"])
    rounding = timedelta(milliseconds=1)
    assert before - rounding <= until - timedelta(seconds=seconds) <= datetime.now(UTC) + rounding


def test_endless_keep_alive_expires_after_the_year_2300(client, in_memory):
    client.post("/api/chat", json=CHAT | {"keep_alive": -1})
    assert client.get("/api/ps").json()["models"][0]["expires_at"] > "2300"


def test_model_leaves_memory_when_keep_alive_is_over(client, in_memory):
    client.post("/api/generate", json={"model": "llama3.2", "prompt": "x", "keep_alive": "1ns"})
    assert in_memory() == []


@pytest.mark.parametrize("capabilities", [["complete"], ["completion", "tool"], "completion"])
def test_unknown_capability_error_lists_the_known_ones(server, capabilities):
    for there in (server.models, server.registry):
        with pytest.raises(ValueError, match=r"capabilities.*completion, tools, .*thinking"):
            there.add("new", capabilities=capabilities)
    assert "new" not in server.models


def test_model_names_ignore_case_and_default_tag(server):
    assert "LLAMA3.2:latest" in server.models
    assert "registry.ollama.ai/library/llama3.2" in server.models
    with pytest.raises(ValueError, match="bad name!"):
        server.models.add("bad name!")


def test_cloud_routes_answer_as_if_signed_out(client):
    for path in ("/api/me", "/api/web_search", "/api/experimental/web_fetch"):
        answer = client.post(path, json={"query": "x", "url": "http://x"})
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
        assert answer.json()["signin_url"].startswith("https://ollama.com/connect")
    assert client.post("/api/chat", json=CHAT | {"model": "gpt-oss:120b-cloud"}).status_code == 401
    assert client.get("/api/status").json()["cloud"]["disabled"] is False


def test_full_queue_answers_503():
    with Emulator(num_parallel=2, max_queue=3, speed=Speed(time_to_first_token=60)) as server:
        server.models.add("llama3.2")
        with ExitStack() as connections:
            for count in range(1, 9):
                connection = connections.enter_context(
                    socket.create_connection(("127.0.0.1", httpx.URL(server.url).port))
                )
                body = json.dumps(CHAT).encode()
                connection.sendall(
                    b"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
                )
                assert server.requests.wait(count, PATIENCE)
            assert all(request.wait(PATIENCE) for request in server.requests[5:])
            assert [request.status for request in server.requests] == [None] * 5 + [503] * 3


def test_num_parallel_limits_concurrent_answers():
    running, most, lock = 0, 0, threading.Lock()

    def slowly(_):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        yield from (" tick", " tick")
        with lock:
            running -= 1

    with Emulator(num_parallel=2, speed=Speed(tokens_per_second=100)) as server:
        server.models.add("llama3.2")
        server.reply(slowly)
        with ThreadPoolExecutor(6) as pool, httpx.Client(base_url=server.url) as client:
            answers = list(pool.map(lambda _: client.post("/api/chat", json=CHAT).status_code, range(6)))
    assert (answers, most) == ([200] * 6, 2)


def test_hanging_up_releases_the_permit():
    with Emulator(num_parallel=1, max_queue=0) as busy, httpx.Client(base_url=busy.url) as client:
        busy.models.add("llama3.2")
        busy.reply(lambda _: itertools.repeat(" tick"))
        with client.stream("POST", "/api/chat", json=CHAT) as answer:
            next(answer.iter_lines())
        assert busy.requests[0].wait(PATIENCE)
        busy.reply("free")
        assert client.post("/api/chat", json=CHAT).status_code == 200


def test_hanging_up_leaves_the_queue():
    done = threading.Event()
    with Emulator(num_parallel=1, max_queue=1) as busy, httpx.Client(base_url=busy.url) as patient:
        busy.models.add("llama3.2", speed=Speed(tokens_per_second=1000))
        busy.reply(lambda _: itertools.takewhile(lambda _: not done.is_set(), itertools.repeat(" tick")))
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(patient.post, "/api/chat", json=CHAT)
            assert busy.requests.wait(1, PATIENCE)
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{busy.url}/api/chat", json=CHAT, timeout=0.3)
            assert busy.requests[1].wait(PATIENCE)
            second = pool.submit(patient.post, "/api/chat", json=CHAT)
            assert busy.requests.wait(3, PATIENCE)
            done.set()
            assert (first.result().status_code, second.result().status_code) == (200, 200)


def test_pull_of_an_existing_model_keeps_its_capabilities(server, client):
    client.post("/api/pull", json={"model": "qwen3", "stream": False})
    assert server.models.get("qwen3").capabilities == ("completion", "tools", "thinking")


@pytest.mark.parametrize(
    ("capability", "variable"), [("tools", ".Tools"), ("thinking", ".Thinking"), ("insert", ".Suffix")]
)
def test_template_reflects_the_capabilities(server, client, capability, variable):
    def template(*capabilities):
        server.models.add("new", capabilities=["completion", *capabilities])
        return client.post("/api/show", json={"model": "new"}).json()["template"]

    assert variable in template(capability)
    assert variable not in template()
    assert template_error(template("tools", "thinking", "insert")) is None


@pytest.mark.parametrize("template", ["{{ .Prompt", "{{ if .Prompt }}x", "x{{ end }}"])
@pytest.mark.parametrize("stream", [True, False])
def test_create_refuses_a_broken_template(client, template, stream):
    body = {"model": "new", "from": "llama3.2", "template": template, "stream": stream}
    answer = client.post("/api/create", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("template error: ")


@pytest.mark.parametrize("value", [5, ["MIT", 5], {"name": "MIT"}])
def test_create_refuses_a_license_that_is_not_text(client, value):
    answer = client.post("/api/create", json={"model": "new", "from": "llama3.2", "license": value, "stream": False})
    assert answer.status_code == 500
    assert "cannot unmarshal" in answer.json()["error"]


@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_model_with_slash_is_no_route_of_v1(server, client, slash):
    server.models.add("me/mine")
    answer = client.get(f"/v1/models/me{slash}mine")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (
        404,
        "text/plain",
        "404 page not found",
    )
