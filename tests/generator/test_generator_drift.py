"""How far a document is from a server: its source in Go, or another document."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from generator.drift.accepted import read_accepted
from generator.drift.golang import read_checkout
from generator.drift.shapes import Source
from tests.generator.generator_kit import ROOT, SMALL, edited, run

CHECKOUT = Path(__file__).with_name("checkout")
KNOWN = """\
[routes]
"POST /api/write" = { replies = ["api.WriteReply"] }
"POST /v1/answers" = { replies = ["openai.Answer"], events = "answer." }

[fields]
"api.WriteRequest.options" = "api.Options"

[accepted]
"""


@pytest.fixture
def known(tmp_path: Path) -> Path:
    path = tmp_path / "drift.toml"
    path.write_text(KNOWN, encoding="utf-8")
    return path


def drift(known: Path, *options: str | Path, against: Path = CHECKOUT) -> tuple[int, dict[str, Any]]:
    outcome = run("drift", "--document", SMALL, "--against", against, "--accepted", known, "--json", *options)
    assert outcome.complained == ""
    return outcome.status, json.loads(outcome.printed)


def keys(found: dict[str, Any], kind: str) -> list[str]:
    return [row["key"] for row in found[kind]]


def _source(known: Path) -> Source:
    return read_checkout(CHECKOUT, read_accepted(known), "9.9.9")


# Reading the source


def test_routes_are_read_with_their_parameters_loops_and_bodies(known: Path) -> None:
    routes = _source(known).routes
    assert {f"{method} {path}": route.handler for (method, path), route in routes.items()} == {
        "HEAD /": "",
        "GET /api/notes": "ListHandler",
        "HEAD /api/notes": "ListHandler",
        "GET /api/notes/{note}": "ReadHandler",
        "POST /api/write": "WriteHandler",
        "POST /v1/answers": "AnswerHandler",
        "POST /api/rename": "RenameHandler",
    }
    shapes = {path: route.request.name for (_, path), route in routes.items() if route.request}
    assert shapes == {
        "/api/write": "api.WriteRequest",
        "/v1/answers": "openai.AnswerRequest",
        "/api/rename": "api.RenameRequest",
    }
    assert [shape.name for shape in routes["GET", "/api/notes/{note}"].replies] == ["api.Note"]
    assert routes["POST", "/v1/answers"].events == {"answer.delta", "answer.end", "answer.pause"}


def test_fields_have_json_names_types_presence_and_comments(known: Path) -> None:
    routes = _source(known).routes
    note = routes["GET", "/api/notes/{note}"].replies[0].members
    assert list(note) == ["title", "class", "words", "writtenAt", "vector", "author", "children", "content-type"]
    assert [note[name].optional for name in ("title", "words", "writtenAt", "author")] == [False, True, True, True]
    assert (note["writtenAt"].shape.types, note["content-type"].shape.free) == ({"string"}, True)
    assert note["children"].shape.item == routes["GET", "/api/notes/{note}"].replies[0]
    request = routes["POST", "/api/write"].request
    assert request is not None
    write = request.members
    assert list(write) == ["hint", "wait", "places", "subject", "parts", "options", "stop", "Format", "stream"]
    assert write["hint"].doc == "Hint is what helps, if anything does."
    assert (write["wait"].shape.name, write["wait"].shape.types) == ("api.Patience", frozenset())
    assert write["places"].shape.item is not None
    assert write["places"].shape.item.values == {"desk", "shelf"}
    assert write["options"].shape.name == "api.Options"
    reply = routes["POST", "/api/write"].replies[0].members
    assert reply["mood"].shape.values == {"glad", "sad"}
    assert list(reply["runs"].shape.members) == ["count"]


# Comparing


def test_document_is_compared_route_by_route_and_field_by_field(known: Path) -> None:
    status, found = drift(known, "--version", "9.9.9")
    assert (status, found["version"]) == (1, "9.9.9")
    assert keys(found, "lacks") == [
        "HEAD /api/notes",
        "POST /api/rename",
        "POST /v1/answers events=answer.delta",
        "POST /v1/answers events=answer.end",
        "POST /v1/answers events=answer.pause",
        "api.Note.author",
        "api.WriteReply.mood",
        "api.WriteReply.runs",
        "api.WriteRequest.Format",
        "api.WriteRequest.places",
        "api.WriteRequest.wait",
    ]
    texts = {row["key"]: row["text"] for row in found["differs"]}
    assert texts == {
        "api.Note.content-type": "`api.Note.content-type` is object; Note says string",
        "api.WriteReply.done": "`api.WriteReply.done` is string; WriteReply | WritePart says boolean",
    }
    assert "GET /" in keys(found, "beyond")
    assert "Note.field" in keys(found, "beyond")


def test_field_that_only_the_document_requires_differs(known: Path, tmp_path: Path) -> None:
    document = tmp_path / "small.yaml"
    document.write_text(
        edited(
            ("            application/x-ndjson: {schema: {$ref: '#/components/schemas/WritePart'}}\n", ""),
            ("      x-stream: {last: {done: true}, failed: {status: broken}, collect: merge}\n", ""),
        ),
        encoding="utf-8",
    )
    outcome = run("drift", "--document", document, "--against", CHECKOUT, "--accepted", known)
    assert "- `api.WriteReply.text` may be left out of a reply; WriteReply requires it" in outcome.printed.splitlines()


def test_markdown_groups_what_was_found(known: Path) -> None:
    outcome = run("drift", "--document", SMALL, "--against", CHECKOUT, "--accepted", known, "--version", "9.9.9")
    lines = outcome.printed.splitlines()
    assert lines[0] == f"# {SMALL}, compared with {CHECKOUT} (9.9.9)"
    assert "## Lacking: 11" in lines
    assert "- route `POST /api/rename` (`RenameHandler`)" in lines
    assert "- `api.Note.author` (api.Author, may be left out) is not in Note" in lines


def test_accepted_differences_are_set_aside_and_stale_ones_named(known: Path) -> None:
    accepted = (
        "HEAD /api/notes",
        "POST /api/rename",
        "POST /v1/answers events=*",
        "api.Note.*",
        "api.Write*",
        "nothing.at.all",
    )
    known.write_text(KNOWN + "".join(f'"{key}" = "because"\n' for key in accepted), encoding="utf-8")
    status, found = drift(known)
    assert (status, found["lacks"], found["differs"]) == (0, [], [])
    assert {row["reason"] for row in found["accepted"]} == {"because"}
    assert found["unused"] == ["nothing.at.all"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[accepted]\na = ", "Invalid value"),
        ('[accepted]\na = ""', "every accepted difference has its reason"),
        ("[excepted]", "unknown table 'excepted'; there are accepted, fields and routes"),
    ],
)
def test_wrong_drift_toml_is_one_message(known: Path, text: str, said: str) -> None:
    known.write_text(text, encoding="utf-8")
    outcome = run("drift", "--document", SMALL, "--against", CHECKOUT, "--accepted", known)
    assert (outcome.status, outcome.printed) == (1, "")
    assert outcome.complained.startswith(f"{known}: ")
    assert said in outcome.complained


def test_draft_is_yaml_to_paste(known: Path) -> None:
    outcome = run(
        "drift", "--document", SMALL, "--against", CHECKOUT, "--accepted", known, "--version", "9.9.9", "--draft"
    )
    blocks = {
        part.partition("\n")[0]: yaml.safe_load(part.partition("\n")[2]) for part in outcome.printed.split("# ")[1:]
    }
    operation = blocks["paths: POST /api/rename (RenameHandler)"]["/api/rename"]["post"]
    assert (operation["operationId"], operation["x-since"]) == ("rename", "9.9.9")
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/RenameRequest"
    }
    request = blocks["components/schemas: api.RenameRequest"]["RenameRequest"]
    assert request["required"] == ["model", "name"]
    assert request["properties"]["name"] == {"type": "string", "description": "Name is the new one."}
    assert request["properties"]["place"]["x-known"] == ["desk", "shelf"]
    assert "components/schemas: api.Author" in blocks
    assert blocks["components/schemas: properties of Note"]["author"]["x-since"] == "9.9.9"
    assert blocks[
        "components/schemas: value `answer.pause` of `POST /v1/answers events` is not in POST /v1/answers"
    ] == ["answer.pause"]


def test_older_checkout_shows_what_a_release_added(known: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(CHECKOUT, older)
    types, routes = older / "api" / "types.go", older / "server" / "routes.go"
    types.write_text(
        types.read_text()
        .replace('	Sad       = Mood("sad")\n', "")
        .replace('	Class     string         `json:"class"`\n', "")
    )
    routes.write_text(routes.read_text().replace('	r.POST("/api/rename", s.RenameHandler)\n', ""))
    status, found = drift(known, "--from", older)
    assert (status, keys(found, "lacks"), found["beyond"]) == (
        0,
        ["POST /api/rename", "api.Mood=sad", "api.Note.class"],
        [],
    )


def test_openapi_document_is_compared_in_the_same_way(known: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        edited(
            ("weight: {type: number,", "mass: {type: number,"),
            ("operationId: list_notes", "operationId: every_note"),
            (
                "title: {type: string, description: 'The title: \"quoted\"'}",
                "title: {type: integer, description: Its number.}",
            ),
            ("enum: [newest, oldest]", "enum: [newest, oldest, longest]"),
            ("{enum: [low, high]}]", "{enum: [low, high, none]}]"),
            ("  /api/notes:\n", "  /api/papers:\n"),
        ),
        encoding="utf-8",
    )
    status, found = drift(known, against=other)
    assert status == 1
    assert keys(found, "lacks") == ["GET /api/papers", "Answer.sure=none", "Part.mass"]
    assert keys(found, "beyond") == ["GET /api/notes", "Part.weight"]
    assert [row["text"] for row in found["differs"]] == ["`Note.title` is integer; Note says string"]
    assert drift(known, against=SMALL)[0] == 0


@pytest.mark.parametrize("kind", ["nothing", "empty", "no routes", "no document"])
def test_path_that_is_no_server_is_named(known: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "path"
    if kind == "empty":
        path.mkdir()
    elif kind == "no routes":
        (path / "server").mkdir(parents=True)
        (path / "server" / "routes.go").write_text("package server\n")
    elif kind == "no document":
        path.write_text("openapi: 3.1.0")
    outcome = run("drift", "--document", SMALL, "--against", path, "--accepted", known)
    assert (outcome.status, outcome.printed) == (1, "")
    assert str(path) in outcome.complained
    assert outcome.complained.count("\n") == 1


def test_committed_drift_toml_is_read() -> None:
    accepted = read_accepted(ROOT / "openapi" / "drift.toml")
    assert accepted.roots
    assert all(accepted.reasons.values())
