"""The emulator answers requests generated from the document as the document describes."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from pathlib import Path

import httpx
import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase
from jsonschema import Draft202012Validator
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ollama_sdk.testing import Emulator
from tests.support.examples import examples

DOCUMENT = yaml.load((Path(__file__).parents[2] / "openapi" / "ollama.yaml").read_text(), yaml.CSafeLoader)
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
NO_ROUTE = (404, b"404 page not found")
STREAMS = {"application/x-ndjson": "", "text/event-stream": "data: "}

# Routes that only ollama.com could serve.
SIGNED_OUT = {
    "/api/me",
    "/api/usage",
    "/api/balance",
    *(f"/api/{path}" for path in ("web_search", "web_fetch", "experimental/web_search", "experimental/web_fetch")),
}

document = schemathesis.openapi.from_dict(
    DOCUMENT, config=SchemathesisConfig.from_dict({"generation": {"mode": "positive"}})
)
bounded = examples(4, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def url():
    with Emulator() as server:
        server.registry.add("llama3.2", capabilities=["completion", "tools", "thinking", "vision", "insert", "audio"])
        server.registry.add("all-minilm", capabilities=["embedding"], embedding_length=16)
        yield server.url


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


@pytest.fixture(scope="module")
def unhandled():
    """The paths of the document that the emulator does not know."""
    return set()


@pytest.fixture(scope="module")
def answered(unhandled):
    """Maps each operation to the statuses of its answers.

    Once all operations were tested, in whatever order, each except those of ollama.com has succeeded at least once.
    """
    answered = defaultdict(set)
    yield answered
    if {path for _, path in answered} | unhandled == set(DOCUMENT["paths"]):
        failing = {path for (_, path), statuses in answered.items() if min(statuses) >= 300}
        assert failing == SIGNED_OUT


@document.parametrize()
@bounded
def test_every_answer_matches_the_document(url, session, answered, unhandled, case):
    _complete(url, case)
    answer = case.call(base_url=url, session=session)
    if (answer.status_code, answer.content) == NO_ROUTE:
        unhandled.add(case.path)
        pytest.skip(f"the emulator has no {case.method} {case.path}; ollama_sdk/testing/_routes/routes.py may get one")
    answered[case.method, case.path].add(answer.status_code)
    media = answer.headers.get("content-type", [""])[0]
    if media.startswith("audio/"):  # bytes, which no schema describes
        case.validate_response(answer, checks=CHECKS[:1])
        return
    if media not in STREAMS:
        case.validate_response(answer, checks=CHECKS)
        return
    case.validate_response(answer, checks=CHECKS[:2])
    validator = _validator(case, media)
    for item in _items(answer.text, STREAMS[media]):
        assert set(item) == {"error"} or [error.message for error in validator.iter_errors(item)] == []


def _complete(url, case):
    """Name an existing model, and fill in what the server requires and the document cannot express."""
    name = "all-minilm" if "embed" in case.path else "llama3.2"
    body = case.body
    if isinstance(body, dict):
        body |= {key: name for key in ("model", "from", "source") if key in body or case.path == "/api/create"}
        if case.path == "/api/copy":
            body["destination"] = "copied"
        for message in body.get("messages") or ():
            message["content"] = message.get("content") or "Hi"
        if case.path == "/v1/systemone":
            body |= {"state": "x", "questions": {"q": {"type": "noul", "instructions": "Is it?"}}}
            body.pop("images", None)
        if case.path == "/v1/responses":
            body["input"] = body.get("input") or "Hi"
    digest = f"sha256:{hashlib.sha256(body if isinstance(body, bytes) else b'').hexdigest()}"
    if "{digest}" in case.path:
        case.path_parameters["digest"] = digest
    if "{model}" in case.path:
        case.path_parameters["model"] = name
    if case.method == "HEAD":
        httpx.post(f"{url}/api/blobs/{digest}")
    if httpx.post(f"{url}/api/show", json={"model": name}).is_error:
        httpx.post(f"{url}/api/pull", json={"model": name, "stream": False})


def _validator(case, media):
    operation = DOCUMENT["paths"][case.path][case.method.lower()]
    schema = operation["responses"]["200"]["content"][media]["schema"]
    return Draft202012Validator({"components": DOCUMENT["components"], **schema})


def _items(text, prefix):
    lines = (
        line for line in text.split("\n") if line.startswith(prefix) and line
    )  # str.splitlines() ends lines elsewhere too
    return [json.loads(line.removeprefix(prefix)) for line in lines if not line.endswith("[DONE]")]


def test_only_line_feeds_end_the_items_of_a_stream():
    text = "a\x85b\u2028c"
    assert _items(f'{{"response":"{text}"}}\n{{"done":true}}\n', "") == [{"response": text}, {"done": True}]
    assert _items(f'data: {{"content":"{text}"}}\n\ndata: [DONE]\n\n', "data: ") == [{"content": text}]
