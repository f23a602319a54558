"""Which host gets which key and which headers: the rule of the README, host by host and call by call."""

from __future__ import annotations

from operator import attrgetter

import anyio
import httpx
import pytest

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk._generated.operations import OPERATIONS
from tests.support.document_values import arguments_of
from tests.support.library import library

CLOUD = "https://ollama.com"
SERVERS = ("http://127.0.0.1:11434", "https://proxy.example.org/ollama", CLOUD)
REPLIES = {"results": [], "content": "", "buckets": [], "included": {}, "answers": {}, "message": {}, "embeddings": []}
ONLY_CLOUD = {name for name, row in OPERATIONS.items() if row.server}
# Those that have a host of their own, and of the others those that concern the cloud, and some that do not.
CHOSEN = {"experimental.web_search", "usage", "balance", "chat", "v1.systemone.create"}
CALLS = {name: arguments_of(row) for name, row in OPERATIONS.items() if row.server or name in CHOSEN}
# What a client is made with, the authorization that its own server gets, and the one that any other host gets.
KEYS = {
    "key": ({"api_key": "k"}, "Bearer k", "Bearer k"),
    "header": ({"headers": {"Authorization": "Basic x"}}, "Basic x", "Basic x"),
    "both": ({"api_key": "k", "headers": {"Authorization": "Basic x"}}, "Basic x", "Bearer k"),
}


def sent(kind: str, server: str, name: str, **options: object) -> httpx.Request:
    """The request that one call sends."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> library.Response:
        requests.append(request)
        return library.Response(200, json=REPLIES)

    if kind == "sync":
        with Ollama(server, transport=library.MockTransport(answer), **options) as client:
            attrgetter(name)(client)(**CALLS[name], extra_headers={"X-Call": "c"})
    else:

        async def call() -> None:
            async with AsyncOllama(server, transport=library.MockTransport(answer), **options) as client:
                await attrgetter(name)(client)(**CALLS[name], extra_headers={"X-Call": "c"})

        anyio.run(call, backend=kind)
    [request] = requests
    return request


@pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("given", KEYS)
def test_each_host_gets_its_key_and_its_headers(kind, server, name, given):
    options, own, other = KEYS[given]
    headers = {**options.get("headers", {}), "X-Mine": "m"}
    request = sent(kind, server, name, **{**options, "headers": headers})
    host = CLOUD if name in ONLY_CLOUD else server
    is_own = host == server
    assert str(request.url).startswith(f"{host}/{'v1' if name.startswith('v1') else 'api'}/")
    assert request.headers["authorization"] == (own if is_own else other)
    assert request.headers.get("x-mine") == ("m" if is_own else None)
    assert request.headers["x-call"] == "c"
    assert "x-api-key" not in request.headers


@pytest.mark.parametrize("name", sorted(set(CALLS) - ONLY_CLOUD))
def test_local_server_needs_no_key(name, monkeypatch):
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    assert "authorization" not in sent("sync", SERVERS[0], name).headers


def test_host_of_its_own_is_the_cloud_and_needs_a_key():
    assert {(row.server, row.needs_key) for row in OPERATIONS.values() if row.server or row.needs_key} <= {
        (CLOUD, True)
    }
