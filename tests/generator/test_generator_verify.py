"""Recordings and live servers are checked against the document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from generator.conventions import load
from generator.verify.judge import Finding, Judge
from ollama_sdk.testing import Emulator, Fault, RecordedExchange
from ollama_sdk.testing.recording import RecordedChunk
from tests.generator.generator_kit import ROOT, SMALL, edited, run
from tests.support.loopback import closed_port

JSON = "application/json"
NDJSON = "application/x-ndjson"
EVENTS = "text/event-stream"
NO_ROUTE = (404, "text/plain", "404 page not found")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load(SMALL))


def exchange(
    line: str, status: int = 200, kind: str = JSON, body: Any = b"", *, sent: Any = None, complete: bool = True
) -> RecordedExchange:
    """A recorded exchange; a body that is no text is written as JSON."""
    method, _, target = line.partition(" ")
    text = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return RecordedExchange(
        name="one",
        method=method,
        target=target,
        request_body=b"" if sent is None else json.dumps(sent).encode(),
        status=status,
        headers=(("Content-Type", kind),),
        chunks=[RecordedChunk(text)],
        complete=complete,
    )


def found(judge: Judge, one: RecordedExchange) -> list[tuple[str, str, str]]:
    return [(finding.kind, finding.place, finding.text) for finding in judge.findings(one)]


NOTE = {"title": "A", "class": "note", "words": ["a"]}
REPLY = {"text": "A", "done": True}
GOOD: list[tuple[str, RecordedExchange]] = [
    ("a reply", exchange("GET /api/notes/one?max-lines=3", body=NOTE)),
    ("a reply of plain text", exchange("GET /api/notes/one", kind="text/plain; charset=utf-8", body="A")),
    ("an error of the document", exchange("GET /api/notes/one", 404)),
    ("free-form options", exchange("POST /api/write", body=REPLY, sent={"subject": "A", "parts": [], "options": {"x": 1}})),
    ("a mapping", exchange("GET /api/notes", body={"one": NOTE})),
    ("a refused request", exchange("GET /api/notes/one", 404, sent={"x": 1})),
    ("lines", exchange("POST /api/write", kind=NDJSON, body='{"text":"A"}\n\n{"done":true}\n')),
    ("lines that were cut", exchange("POST /api/write", kind=NDJSON, body='{"text":"A"}\n{"do', complete=False)),
    ("events", exchange("POST /v1/answers", kind=EVENTS, body='event: x\ndata: {"type":"end"}\n\ndata: [DONE]\n\n')),
    ("a preflight", exchange("OPTIONS /api/write", 204)),
    ("a route that neither has", exchange("GET /api/nothing", *NO_ROUTE)),
]  # fmt: skip


@pytest.mark.parametrize("one", [row[1] for row in GOOD], ids=[row[0] for row in GOOD])
def test_exchange_of_the_document_has_no_findings(judge: Judge, one: RecordedExchange) -> None:
    assert found(judge, one) == []


BAD: list[tuple[str, RecordedExchange, tuple[str, str, str]]] = [
    ("a wrong type", exchange("GET /api/notes/one", body={**NOTE, "words": [1]}), ("violation", "reply.words[]", "1 is not of type 'string'")),
    ("a missing field", exchange("POST /api/write", body={"done": True}), ("violation", "reply", "'text' is a required property")),
    ("an unknown field", exchange("GET /api/notes/one", body={**NOTE, "mood": "good"}), ("unknown", "reply.mood", "the document has no such field")),
    ("an unknown field of a list", exchange("GET /api/notes/one", body={**NOTE, "children": [NOTE, {**NOTE, "age": 1}]}), ("unknown", "reply.children[].age", "the document has no such field")),
    ("an unknown field of an item", exchange("POST /api/write", kind=NDJSON, body='{"text":"A"}\n{"done":true,"why":"length"}\n'), ("unknown", "item.why", "the document has no such field")),
    ("an unknown field of an event", exchange("POST /v1/answers", kind=EVENTS, body='data: {"type":"end","text":"A"}\n\n'), ("unknown", "item.text", "the document has no such field")),
    ("an unknown field of a request", exchange("POST /api/write", body=REPLY, sent={"subject": "A", "parts": [[{"type": "text", "text": "A", "size": 1}]]}), ("unknown", "request.parts[][].size", "the document has no such field")),
    ("an unknown status", exchange("POST /api/write", 402, body={"error": "x"}), ("violation", "", "status 402 is not among the document's responses")),
    ("an unknown content type", exchange("POST /api/write", kind=EVENTS, body="data: {}\n\n"), ("violation", "", f"200 is {EVENTS}; the document says {JSON}, {NDJSON}")),
    ("a body where there is none", exchange("DELETE /api/notes/one", body={"ok": 1}), ("violation", "", f"200 is {JSON}; the document says an empty body")),
    ("no JSON", exchange("POST /api/write", body="{oops"), ("violation", "reply", "not JSON: '{oops'")),
    ("a route that the server lacks", exchange("POST /api/write", *NO_ROUTE), ("missing", "", "the server has no such route")),
    ("a route that the document lacks", exchange("GET /api/new/thing", body={}), ("missing", "", "answered with 200, and the document has no such route")),
]  # fmt: skip


@pytest.mark.parametrize(("one", "expected"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_disagreement_is_found_with_its_place(
    judge: Judge, one: RecordedExchange, expected: tuple[str, str, str]
) -> None:
    assert found(judge, one) == [expected]


def test_finding_names_the_route_of_the_document(judge: Judge) -> None:
    [finding] = judge.findings(exchange("GET /api/notes/one", body={**NOTE, "mood": 1}))
    assert finding == Finding("unknown", "GET /api/notes/{note}", "reply.mood", "the document has no such field")


def test_route_of_a_later_release_is_not_missed() -> None:
    text = edited(("operationId: list_notes", 'operationId: list_notes\n      x-since: "0.35.0"'))
    judge = Judge(load(SMALL, text))
    missing = exchange("GET /api/notes", *NO_ROUTE)
    for version, count in (("0.34.9", 0), ("0.35.0", 1), (None, 1)):
        assert len(list(judge.findings(evolve(missing, server_version=version)))) == count


def test_binary_reply_is_of_its_media_range() -> None:
    judge = Judge(load(ROOT / "openapi" / "ollama.yaml"))
    sent = {"model": "phonon", "input": "Hi"}
    assert found(judge, exchange("POST /v1/audio/speech", kind="audio/wav", body=b"RIFF\x00\xff", sent=sent)) == []
    [(kind, _, text)] = found(judge, exchange("POST /v1/audio/speech", kind="text/html", body="<p>", sent=sent))
    assert (kind, text) == ("violation", "200 is text/html; the document says audio/*")


# The command


def _record(folder: Path, *exchanges: RecordedExchange) -> Path:
    folder.mkdir(exist_ok=True)
    for number, one in enumerate(exchanges):
        (folder / f"{number}.json").write_text(one.to_json(), encoding="utf-8")
    return folder


def _verified(source: str | Path, *options: str) -> tuple[int, Mapping[str, Any]]:
    outcome = run("verify", source, "--document", SMALL, "--json", *options)
    assert outcome.complained == ""
    return outcome.status, json.loads(outcome.printed)


def test_folder_is_verified_and_each_finding_listed_once(tmp_path: Path) -> None:
    odd = exchange("GET /api/notes/one", body={**NOTE, "mood": "good"})
    folder = _record(tmp_path / "records", odd, odd, exchange("GET /api/notes/two", body=NOTE))
    outcome = run("verify", folder, "--document", SMALL)
    assert (outcome.status, outcome.complained) == (1, "")
    assert outcome.printed.splitlines() == [
        f"# {folder}: 3 exchanges",
        "",
        "## Fields that the document does not know: 1",
        "",
        "- GET /api/notes/{note} `reply.mood`: the document has no such field (0, 2 times)",
    ]
    status, found = _verified(folder)
    assert (status, [row["count"] for row in found["unknown"]], found["violation"], found["missing"]) == (
        1,
        [2],
        [],
        [],
    )


def test_folder_without_findings_is_fine(tmp_path: Path) -> None:
    folder = _record(tmp_path / "records", exchange("GET /api/notes/one", body=NOTE))
    outcome = run("verify", folder, "--document", SMALL)
    assert (outcome.status, outcome.printed.splitlines()[-1]) == (0, "All is as the document says.")


def test_recordings_differ_from_the_document_as_known() -> None:
    outcome = run("verify", ROOT / "tests" / "document" / "captures", "--json")
    found = json.loads(outcome.printed)
    assert (found["violation"], found["missing"]) == ([], [])
    assert [f"{row['route']} {row['place']}" for row in found["unknown"]] == [
        "POST /api/generate request._debug_render_only",  # for the server's own developers
        "POST /api/generate reply._debug_info",
        "POST /api/chat request.options.nonsense",  # options that do not exist are ignored
        "POST /v1/chat/completions request.response_format.json_schema.name",  # sent by OpenAI's clients, never read
    ]


@pytest.mark.parametrize("kind", ["missing", "empty", "broken"])
def test_folder_that_holds_no_recording_is_named(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "records"
    if kind != "missing":
        folder.mkdir()
    if kind == "broken":
        (folder / "1.json").write_text('{"format": 7}')
    outcome = run("verify", folder, "--document", SMALL)
    assert (outcome.status, outcome.printed) == (1, "")
    assert str(folder) in outcome.complained
    assert outcome.complained.count("\n") == 1


# Live servers


@pytest.fixture
def emulator():
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools"])
        server.models.add("all-minilm", capabilities=["embedding"])
        yield server


def test_live_server_is_asked_on_every_harmless_route(emulator: Emulator) -> None:
    outcome = run("verify", emulator.url, "--json")
    found = json.loads(outcome.printed)
    assert (found["violation"], found["unknown"]) == ([], []), outcome.printed
    assert outcome.status == (1 if found["missing"] else 0)  # the emulator may not know a route yet
    asked = {(request.method, request.path) for request in emulator.requests}
    assert {("POST", "/api/chat"), ("POST", "/v1/messages"), ("HEAD", "/"), ("POST", "/api/embed")} <= asked
    assert {"POST /api/signout", "POST /api/blobs/{digest}"} <= set(found["untried"])
    assert not {path for _, path in asked} & {"/api/signout", "/api/me"}
    assert [model.name.short for model in emulator.models] == ["llama3.2:latest", "all-minilm:latest"]
    assert {request.wants_stream for request in emulator.requests if request.path == "/api/chat"} == {True, False}


def test_missing_routes_and_new_fields_of_a_server_are_named(emulator: Emulator) -> None:
    emulator.faults.add(
        Fault.status(404, body=b"404 page not found", headers={"content-type": "text/plain"}), path="/v1/responses"
    )
    emulator.faults.add(
        Fault.status(200, body=b'{"version": "9.9.9", "commit": "abc"}', headers={"content-type": JSON}),
        path="/api/version",
    )
    outcome = run("verify", emulator.url, "--model", "llama3.2")
    lines = outcome.printed.splitlines()
    assert outcome.status == 1
    assert lines[0].startswith(f"# {emulator.url} (Ollama 9.9.9): ")
    assert any(line.startswith("- POST /v1/responses: the server has no such route") for line in lines)
    assert any(line.startswith("- GET /api/version `reply.commit`: the document has no such field") for line in lines)


def test_server_that_does_not_answer_is_named() -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    outcome = run("verify", url)
    assert (outcome.status, outcome.printed) == (1, "")
    assert outcome.complained.startswith(f"{url}: ConnectError")
    assert "ollama serve" in outcome.complained
