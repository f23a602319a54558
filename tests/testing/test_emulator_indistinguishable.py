"""The emulator answers every recorded request as the real server did."""

from __future__ import annotations

import itertools
import json
import re
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from ollama_sdk.testing import Emulator, Fault, ScriptedReply, ScriptedToolCall, Speed, read_recordings
from tests.support.loopback import PATIENCE

CAPTURES = Path(__file__).parent.parent / "document" / "captures"

# What is not compared. Each row: the captures, the fields, the reason.
NOT_COMPARED = [
    ("*", "model_info", "the keys are those of the model's file"),
    ("*", "arguments", "what a model calls a function with depends on its weights"),
    ("092", "numbers", "how many tokens a prompt has depends on the tokenizer"),
    ("184", "model", "what ollama.com recommends changes by the day"),
    ("219", "top_logprobs", "the recorded model has a token that is no text at all"),
    ("317", "middle", "the recording leaves it out and begins again inside an event"),
    ("318", "middle", "the recording leaves it out and begins again inside an event"),
]
# Fields whose values are compared; of the others only the types.
VERBATIM = {
    "code", "done", "done_reason", "error", "finish_reason", "message", "model", "name", "object", "owned_by", "role",
    "service_tier", "status", "stop_reason", "system_fingerprint", "tool_choice", "truncation", "type", "version",
}  # fmt: skip
# Listings ordered by file times, which emulated models do not have.
UNORDERED = {"models"}
COMPARED_HEADERS = {
    "access-control-allow-headers", "access-control-allow-methods", "access-control-allow-origin",
    "access-control-max-age", "allow", "cache-control", "vary",
}  # fmt: skip

HELLO = ["Hello!", " I", " am", " a", " tiny", " test ", "model ", "🌍", ". ok"]
THOUGHT = ["The", " user", " asked", " something;", " I should answer briefly.", "\n"]
WORDS = [" sky", " two", " of", " to", " the", " day", " cat", " night"]
BROKEN = (
    "GGML_ASSERT(id_to_token.size() == token_to_id.size()) failed: "
    "GGML_ASSERT(id_to_token.size() == token_to_id.size()) failed"
)
NOT_GGUF = b"this is no model"
TINY = {
    "tiny-endless": {},
    "tiny-random": {"license": "none (synthetic)", "parameters": {"stop": "<|im_end|>"}, "context_length": 2048},
    "tiny-tools": {"capabilities": ["completion", "tools"], "context_length": 1024},
    "tiny-embed": {"capabilities": ["embedding"], "family": "bert", "embedding_length": 64},
    "tiny-insert": {"capabilities": ["completion", "insert"]},
    "tiny-jinja": {"capabilities": ["completion", "tools"], "parameters": {"stop": "<|im_end|>", "temperature": 0}},
    "tiny-think": {"capabilities": ["completion", "tools", "thinking"]},
    "tiny-repeat": {"capabilities": ["completion", "tools"]},
    "tiny-vision": {"capabilities": ["completion", "tools", "vision"]},
}
KNOWN_ARGUMENTS = {"get_current_weather": {"city": "Toronto"}, "add_two_numbers": {"a": 1, "b": 2}}


def test_emulator_repeats_every_recorded_exchange(recorded, differences):
    assert differences == {}
    assert len(recorded) > 200


def _answer(prompt):
    """Answer as the recorded models did."""
    if prompt.tools and prompt.messages[-1]["role"] != "tool":
        names = [tool["function"]["name"] for tool in prompt.tools]
        return ScriptedReply(tool_calls=[ScriptedToolCall(name, KNOWN_ARGUMENTS[name]) for name in names])
    if isinstance(prompt.format, dict):
        return list('{"name":"alpha","age":42,"ok":true}')
    if prompt.format == "json":
        return ["{", '"alpha"', ":", "42", "}"]
    return HELLO


def _think(prompt):
    return (
        HELLO
        if prompt.think is False
        else ScriptedReply(thinking=THOUGHT, pieces=["The", " answe", "r is f", "orty-two."])
    )


def _repeat(prompt):
    if prompt.path.startswith("/v1"):
        return ["{", '"', "]", "}"]
    return ScriptedReply(pieces=["{", '"', *["}"] * 30], finished=False)


def _prepare(server):
    for name, properties in TINY.items():
        server.models.add(name, **properties)
    server.reply(_answer)
    server.reply(_think, to="tiny-think")
    server.reply(_repeat, to="tiny-repeat")
    server.reply(lambda _: WORDS * 5, to="tiny-random")
    server.reply(lambda _: itertools.cycle(WORDS), to="tiny-endless")
    server.registry.remove("127.0.0.1:5055/acme/none")
    server.registry.remove("127.0.0.1:5055/acme/badblob", at="layer")
    refused = 'Get "http://127.0.0.1:9/v2/a/b/manifests/latest": dial tcp 127.0.0.1:9: connect: connection refused'
    server.registry.remove("127.0.0.1:9/a/b", error=refused)
    for digest in ("e9e7e84a48e9c40164ba30c56008f02ce07a5e67f0c04ab8e1b8b5d5db9cbef7",
                   "bd922f46cb4edbd69af3dbf02cbf8b9c90da6daba9fba764e73311ea3f450421"):  # fmt: skip
        server.blobs.note(f"sha256:{digest}")


def _before(server, name):
    """Do what happened to the server between two recordings."""
    if name.startswith("017"):
        for model in server.models:
            httpx.post(f"{server.url}/api/generate", json={"model": model.name.short, "keep_alive": 0})
    if name.startswith("044"):
        for model in ("tiny-embed", "tiny-think"):
            httpx.post(f"{server.url}/api/generate", json={"model": model, "keep_alive": 0})
    if name.startswith("126"):
        server.models.get("tiny-broken").broken = BROKEN
    if name.startswith("187"):
        server.models.add("127.0.0.1:5055/acme/tiny-pull")
    if name.startswith("203"):
        server.models.remove("127.0.0.1:5055/acme/tiny-pull")
    if "midstream-kill" in name:
        server.faults.add(Fault.runner_dies(after=20), times=1)


@pytest.fixture(scope="module")
def recorded():
    return {exchange.name: exchange for exchange in read_recordings(CAPTURES)}


@pytest.fixture(scope="module")
def busy():
    """A server whose models are all busy and whose queue is full until the fixture ends."""
    with Emulator(num_parallel=1, max_queue=0, speed=Speed(time_to_first_token=60)) as server, ExitStack() as held:
        for name in ("tiny-random", "tiny-embed"):
            server.models.add(name)
            body = json.dumps({"model": name, "prompt": "x"}).encode()
            held.enter_context(_open(server, "POST", "/api/generate", {}, body))
        assert server.requests.wait(len(server.models), PATIENCE)
        yield server


@pytest.fixture(scope="module")
def differences(recorded, busy):
    """Maps each capture that does not match to the differing aspects: recorded and emulated."""
    found = {}
    with Emulator(cloud="disabled", version="0.33.0-rc2") as server:
        _prepare(server)
        for name, capture in recorded.items():
            _before(server, name)
            wanted = _aspects(name, _Answer.recorded(capture))
            actual = _aspects(name, _repeated(busy if "busy" in name else server, name, capture))
            if wanted != actual:
                found[name] = {key: (wanted[key], actual[key]) for key in wanted if wanted[key] != actual[key]}
    return found


class _Answer:
    """A reply: ``chunks`` are what arrived together."""

    def __init__(self, status, headers, chunks):
        self.status, self.headers, self.chunks = status, {key.lower(): value for key, value in headers}, chunks
        self.body = b"".join(chunks).decode("utf-8", "replace")

    @classmethod
    def recorded(cls, capture):
        return cls(capture.status, capture.headers, [chunk.data for chunk in capture.chunks])


def _repeated(server, name, capture):
    path, body = capture.path, capture.request_body
    if path.endswith("444b14bcc8d72223a55a67346bb6b98fe861a84b3a7fec57819464510bce8ca3"):
        path, body = "/api/blobs/" + server.blobs.digest(NOT_GGUF), NOT_GGUF
    if "444b14bcc8d7" in body.decode("utf-8", "replace"):
        body = re.sub(rb"sha256:444b\w+", server.blobs.digest(NOT_GGUF).encode(), body)
    with _open(server, capture.method, path, dict(capture.request_headers), body) as connection:
        head, _, rest = _read(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        if not capture.complete:
            rest = _read(connection, b"}\n\r\n", rest, times=40)
        elif capture.method != "HEAD":
            rest = _whole(connection, headers, rest)
        chunks = _dechunked(rest) if headers.get("transfer-encoding") == "chunked" else [rest]
        if not capture.complete:
            whole = b"".join(chunks)
            chunks = [whole[: whole.rindex(b"\n") + 1]]
        return _Answer(int(status.split()[1]), headers.items(), chunks)


def _open(server, method, path, headers, body):
    parts = urlsplit(server.url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)
    fields = {"Host": "localhost", **headers, **({"Content-Length": str(len(body))} if body else {})}
    head = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
    connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
    return connection


def _read(connection, until, data=b"", times=1):
    while data.count(until) < times:
        received = connection.recv(65536)
        if not received:
            break
        data += received
    return data


def _whole(connection, headers, rest):
    if "content-length" in headers:
        while len(rest) < int(headers["content-length"]):
            rest += connection.recv(65536)
        return rest
    return _read(connection, b"0\r\n\r\n", rest) if "transfer-encoding" in headers else rest


def _dechunked(raw):
    chunks = []
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        if not size or not int(size, 16):
            break
        chunks.append(raw[: int(size, 16)])
        raw = raw[int(size, 16) + 2 :]
    return chunks


def _aspects(name, answer):
    """Return what must be equal."""
    skipped = {word for captures, words, _ in NOT_COMPARED if captures in {"*", name[:3]} for word in words.split()}
    aspects = {
        "status": answer.status,
        "content type": answer.headers.get("content-type"),
        "framing": _framing(answer.headers),
        "headers": sorted(COMPARED_HEADERS & set(answer.headers)),
    }
    if name.endswith("rawchunks"):
        return aspects | {"chunks": _collapsed(_items(chunk.decode(), skipped) for chunk in answer.chunks)}
    items = _collapsed(_items(answer.body, skipped))
    return aspects | {"items": items[:2] + items[-1:] if "middle" in skipped else items}


def _framing(headers):
    if "transfer-encoding" in headers:
        return "chunked"
    return "length" if headers.get("content-length", "0") != "0" else None


def _items(body, skipped):
    if body.startswith(("event:", "data:")):
        return [_event(block, skipped) for block in body.split("\n\n") if block.strip()]
    if body.startswith("{"):
        return [_shape(json.loads(line), skipped) for line in body.split("\n") if line]
    return [body]


def _event(block, skipped):
    name, _, data = block.rpartition("data: ")
    return name, _shape(json.loads(data), skipped) if data.startswith("{") else data.strip()


def _shape(value, skipped, key=None):
    if isinstance(value, dict):
        return {name: _shape(value[name], skipped, name) for name in sorted(value) if name not in skipped}
    if isinstance(value, list):
        shapes = _collapsed(_shape(item, skipped) for item in value)
        return sorted(shapes, key=repr) if key in UNORDERED else shapes
    if key in VERBATIM or value is None:
        return re.sub(r"\d+" if "numbers" in skipped else r"\b[0-9a-f]{12,}\b", "#", str(value))
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _collapsed(items):
    """Remove repetitions: how many tokens a model sends depends on its weights."""
    return [item for item, _ in itertools.groupby(items)]
