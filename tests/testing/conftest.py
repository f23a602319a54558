"""Provides a running emulator with a few models, an httpx client of it, and raw sockets to it."""

from __future__ import annotations

import importlib
import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest

from ollama_sdk.testing import Emulator
from tests.support.loopback import PATIENCE

MODELS = {
    "llama3.2": ["completion", "tools", "vision", "audio", "insert"],
    "qwen3": ["completion", "tools", "thinking"],
    "all-minilm": ["embedding"],
}


@pytest.fixture
def server():
    with Emulator() as emulator:
        for name, capabilities in MODELS.items():
            emulator.models.add(name, capabilities=capabilities)
        yield emulator


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=PATIENCE, verify=False) as client:
        yield client


@pytest.fixture
def items(client):
    """Post a body and return the items of the streamed answer."""

    def read(path, **body):
        with client.stream("POST", path, json=body) as response:
            return [json.loads(line) for line in response.iter_lines() if line]

    return read


@pytest.fixture
def dial(server):
    """Send a request over a raw socket and return the socket."""
    opened = []

    def connect(path, **body):
        parts = urlsplit(server.url)
        connection = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
        opened.append(connection)
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        return connection

    yield connect
    for connection in opened:
        connection.close()


def pytest_collection_modifyitems(items):
    """Give each test of an operation an id of its own: schemathesis gives them only names of their own, and xdist goes by ids."""
    for item in items:
        if getattr(item, "operation_label", None) is not None:
            item._id = item.parent.id.child(item.name)


# Imported only by the worker that runs a test with it: each takes a second.
@pytest.fixture(scope="module")
def openai():
    return importlib.import_module("openai")


@pytest.fixture(scope="module")
def anthropic():
    return importlib.import_module("anthropic")
