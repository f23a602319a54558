"""A mistake in a document is one message with its place, and nothing is written."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given
from hypothesis import strategies as st

from tests.generator.generator_kit import SMALL, Outcome, build, contents, edited, run
from tests.support.examples import examples

NOTE_ID = "operationId: read_note"
PART = "      discriminator: {propertyName: type, mapping: {text: '#/components/schemas/TextPart'}}\n"
END = "      properties: {type: {const: end, description: The last.}}\n"
QUESTION = "question: {type: string, description: What is asked.}"
ORDER = "{name: order, in: query, description: Which comes first., schema: {enum: [newest, oldest]}}"
WRITE_STREAM = "{last: {done: true}, failed: {status: broken}, collect: merge}"


def _line(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good document, and what it was built into."""
    folder = tmp_path_factory.mktemp("errors")
    assert build(edited(), folder).status == 0
    return folder


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {name: (content, (folder / name).stat().st_mtime_ns) for name, content in contents(folder).items()}


def _refused(workplace: Path, text: str) -> str:
    """What is said about a document, once it is sure that it is one line and that nothing was written."""
    before = _state(workplace / "out")
    outcome = build(text, workplace)
    assert _state(workplace / "out") == before
    assert outcome.status == 1, outcome
    assert outcome.printed == ""
    assert outcome.complained.count("\n") == 1, outcome.complained
    return outcome.complained.removeprefix(f"{workplace / 'small.yaml'}:").rstrip("\n")


# Each row: what is wrong; the edit; the marked piece of text, in whose line the mistake is; the place; the message.
MISTAKES: list[tuple[str, tuple[str, str], str, str, str]] = [
    ("bad YAML", ("info: {title", "info: {{title"), "", "", "not valid YAML"),
    ("a key twice", ("version: 1.2.3}", "version: 1.2.3, title: Other}"), "info:", "info", "the key 'title' is there twice"),
    ("a key that is not text", ("        index: {type", "        no: {type"), "        no:", "", "the key 'no' is not text; quote it"),
    ("an alias of itself", ("security: [{}", "x: &a [*a]\nsecurity: [{}"), "", "", "holds itself"),
    ("not OpenAPI 3.1", ("openapi: 3.1.0", "openapi: 3.0.3"), "openapi:", "openapi", "OpenAPI 3.1 is expected, not 3.0.3"),
    ("no title", ("title: Small, ", ""), "info:", "info", '"title" is a required property'),
    ("no schema", ("title: {type: string,", "title: {type: sting,"), "sting", "components/schemas/Note/properties/title/type", "'sting' is not"),
    ("a dangling $ref", ("{$ref: '#/components/schemas/Stop',", "{$ref: '#/components/schemas/Stob',"), "Stob", "components/schemas/WriteRequest/properties/stop/$ref", "leads nowhere"),
    ("a $ref into another file", ("{$ref: '#/components/schemas/Stop',", "{$ref: 'other.yaml#/Stop',"), "other.yaml", "components/schemas/WriteRequest/properties/stop/$ref", "leads nowhere"),
    ("a $ref to itself", (END, "      $ref: '#/components/schemas/EndEvent'\n"), "", "$ref", "leads nowhere"),
    ("a name twice", ("operationId: delete_note", NOTE_ID), "", "operationId", "'read_note' is the name of two operations; the other is in line"),
    ("a method and a group", ("operationId: list_notes", "operationId: v1.answers"), "operationId: v1.answers\n", "paths//api/notes/get/operationId", "'v1.answers' is both a method and a group of methods"),
    ("a keyword", (NOTE_ID, "operationId: notes.del"), "notes.del", "paths//api/notes/{note}/get/operationId", "'notes.del' cannot be the dotted name of a method"),
    ("no operationId", (f"      {NOTE_ID}\n", ""), "    get:\n      summary: Read", "paths//api/notes/{note}/get/operationId", "'' cannot be the dotted name"),
    ("a name of the client", (NOTE_ID, "operationId: close"), "operationId: close", "paths//api/notes/{note}/get/operationId", "a client has 'close' already"),
    ("one constant for two", (NOTE_ID, "operationId: v1.answers_create"), "", "operationId", "would share the name V1_ANSWERS_CREATE"),
    ("one class for two groups", (NOTE_ID, "operationId: v1.Answers.get"), "", "operationId", "would share the name V1Answers"),
    # Extension keys
    ("an unknown x- key", ("x-mixin: GenerationMetrics", "x-mixing: GenerationMetrics"), "x-mixing", "components/schemas/WriteReply/x-mixing", "unknown extension key 'x-mixing'; a place of this kind knows x-mixin, x-items, x-from-function, x-merge, x-absent, x-content, x-positional"),
    ("an x- key elsewhere", ("info: {", "info: {x-method: false, "), "info:", "info/x-method", "unknown extension key 'x-method'"),
    ("x-since that is no release", ("x-since: 1.1.0", "x-since: lately"), "x-since: lately", "paths//v1/audio/speak/post/x-since", "'lately' is not a release of Ollama, such as 0.35.0"),
    ("x-known of a number", ("x-known: [anna, otto]", "x-known: [anna, 3]"), "x-known: [anna, 3]", "components/schemas/SpeakRequest/properties/voice/x-known/1", "3 is not of type 'string'"),
    ("x-known without a text", ('type: [string, "null"]\n          description: Who', "type: integer\n          description: Who"), "x-known:", "components/schemas/SpeakRequest/properties/voice/x-known", "x-known lists the known values of a text"),
    ("x-known-since of an unknown value", ("otto: 1.2.0", "otti: 1.2.0"), "otti: 1.2.0", "components/schemas/SpeakRequest/properties/voice/x-known-since/otti", "'otti' is not among the values of x-known"),
    ("x-sent-as of a known value", ("host: anna", "otto: anna"), "otto: anna", "components/schemas/SpeakRequest/properties/voice/x-sent-as/otto", "x-sent-as replaces a value that is not in x-known by one that is"),
    ("x-sent-as an unknown value", ("host: anna", "host: anny"), "host: anny", "components/schemas/SpeakRequest/properties/voice/x-sent-as/host", "x-sent-as replaces a value that is not in x-known by one that is"),
    ("bytes with an end", ("x-stream: {kind: bytes}", "x-stream: {kind: bytes, collect: merge}"), "x-stream: {kind", "paths//v1/audio/speak/post/x-stream", "has too many properties"),
    ("bytes that are JSON", ("audio/*: {schema: {type: string, format: binary}}", "application/json: {schema: {type: string}}"), "application/json: {schema: {type: string}}", "paths//v1/audio/speak/post/responses/200", "a stream of bytes is one content type, whose schema has the format binary"),
    ("x-repeat missing", ("      x-repeat: resumes\n", ""), "", "paths//v1/answers/post/x-repeat", "'x-repeat' is missing"),
    ("x-repeat unknown", ("x-repeat: resumes", "x-repeat: often"), "x-repeat: often", "paths//v1/answers/post/x-repeat", "'often' is not one of ['safe', 'resumes', 'never']"),
    ("x-needs-model true", ("x-repeat: resumes", "x-repeat: resumes\n      x-needs-model: true"), "x-needs-model: true", "paths//v1/answers/post/x-needs-model", "True is not false; leave the key out otherwise"),
    ("x-limits of nothing", ("x-repeat: resumes", "x-repeat: resumes\n      x-limits: {first_item: 0, between_items: 60}"), "x-limits:", "paths//v1/answers/post/x-limits/first_item", "0 is less than or equal to the minimum of 0"),
    ("x-model unknown", ("x-repeat: resumes", "x-repeat: resumes\n      x-model: source"), "x-model: source", "paths//v1/answers/post/x-model", "'source' is no argument; there are question"),
    ("x-one-each unknown", ("x-repeat: resumes", "x-repeat: resumes\n      x-one-each: source"), "x-one-each: source", "paths//v1/answers/post/x-one-each", "'source' is no argument; there are question"),
    ("x-one-each of a query", ("operationId: read_note", "operationId: read_note\n      x-one-each: order"), "x-one-each: order", "paths//api/notes/{note}/get/x-one-each", "'order' is no field of a JSON body"),
    ("x-one-each of a form", ("operationId: v1.audio.hear", "operationId: v1.audio.hear\n      x-one-each: language"), "x-one-each: language", "paths//v1/audio/hear/post/x-one-each", "'language' is no field of a JSON body"),
    ("x-one-each of no list", ("x-repeat: resumes", "x-repeat: resumes\n      x-one-each: question"), "x-one-each: question", "paths//v1/answers/post/x-one-each", "the reply has no x-items"),
    ("x-result unknown", ("x-result: reachable", "x-result: maybe"), "x-result: maybe", "paths///head/x-result", "'maybe' is not one of ['exists', 'reachable', 'digest']"),
    ("x-result with content", ("operationId: list_notes", "operationId: list_notes\n      x-result: exists"), "x-result: exists", "paths//api/notes/get/x-result", "this one has content"),
    ("x-method true", ("x-method: false", "x-method: true"), "x-method: true", "paths///get/x-method", "True is not false, which is the only value"),
    ("no method but a name", ("x-method: false", "x-method: false\n      operationId: root"), "operationId: root", "paths///get/operationId", "'operationId' is not supported in this operation without a method"),
    ("x-stream missing", (f"      x-stream: {WRITE_STREAM}\n", ""), "    post:\n      operationId: write\n", "paths//api/write/post", "x-stream is missing"),
    ("x-stream without a stream", ("operationId: list_notes", "operationId: list_notes\n      x-stream: {last: {a: 1}, collect: merge}"), "{a: 1}", "paths//api/notes/get/x-stream", "no streaming content type"),
    ("x-stream lacks a field", ("last: {type: end}, ", ""), "collect: messages", "paths//v1/answers/post/x-stream", "'last' is missing"),
    ("x-stream has another", ("last: {type: end}, ", "last: {type: end}, first: 1, "), "first: 1", "paths//v1/answers/post/x-stream/first", "unknown key 'first'; there are last, failed, finished, unfinished, collect, usage"),
    ("x-stream collects oddly", ("collect: messages", "collect: stamps"), "stamps", "paths//v1/answers/post/x-stream/collect", "'stamps' is not one of"),
    ("x-stream ends by nothing", ("last: {type: end}", "last: end"), "last: end", "paths//v1/answers/post/x-stream/last", "a mapping of fields"),
    ("x-stream ends by no field", ("last: {done: true}", "last: {don: true}"), "don: true", "paths//api/write/post/x-stream/last", "no item has a field 'don'"),
    ("x-stream finished by no field", ("last: {type: end}, ", "last: {type: end}, finished: [texts], "), "texts", "paths//v1/answers/post/x-stream/finished", "the reply has no field 'texts'"),
    ("x-stream unfinished by no field", ("last: {type: end}, ", "last: {type: end}, unfinished: [{texts: a}], "), "texts", "paths//v1/answers/post/x-stream/unfinished", "the reply has no field 'texts'"),
    ("x-usage of no field", ("x-repeat: resumes", "x-repeat: resumes\n      x-usage: {model: modell}"), "x-usage", "paths//v1/answers/post/x-usage", "the reply has no field 'modell'"),
    ("x-usage without a model", ("x-repeat: resumes", "x-repeat: resumes\n      x-usage: {input_tokens: a}"), "x-usage", "paths//v1/answers/post/x-usage/model", "'model' is missing"),
    ("x-merge unknown", ("x-merge: concat", "x-merge: glue"), "glue", "components/schemas/WritePart/properties/text/x-merge", "'glue' is not concat, by-index, by-call or {into: NAME}"),
    ("x-absent of an optional field", ("hint: {type: string, x-positional: true", "hint: {type: string, x-absent: none"), "x-absent", "components/schemas/WriteRequest/properties/hint/x-absent", "an optional field has a default instead"),
    ("x-content of a required field", ("title: {type: string,", "title: {type: string, x-content: true,"), "x-content", "components/schemas/Note/properties/title/x-content", "a field that is required or merged is content without it"),
    ("x-content of a merged field", ("x-merge: concat,", "x-merge: concat, x-content: true,"), "x-content", "components/schemas/WritePart/properties/text/x-content", "a field that is required or merged is content without it"),
    ("x-content false", ("hint: {type: string,", "hint: {type: string, x-content: false,"), "x-content", "components/schemas/WriteRequest/properties/hint/x-content", "False is not true; leave the key out otherwise"),
    ("x-positional false", ("x-positional: true", "x-positional: false"), "x-positional", "components/schemas/WriteRequest/properties/hint/x-positional", "False is not true; leave the key out otherwise"),
    ("x-computed unknown", ("x-computed: sha256", "x-computed: md5"), "md5", "paths//api/blobs/{digest}/post/parameters/0/x-computed", "'md5' is not \"sha256\""),
    ("x-computed of nothing", ("name: max-lines,", "name: max-lines, x-computed: sha256,"), "max-lines", "paths//api/notes/{note}/get/parameters/1", "needs a body of application/octet-stream"),
    ("an unknown mixin", ("x-mixin: GenerationMetrics", "x-mixin: Metrix"), "Metrix", "components/schemas/WriteReply/x-mixin", "there is no class 'Metrix'"),
    # Unsupported constructs
    *(
        (f"{key} in a schema", (PART, f"{PART}      {key}: {value}\n"), f"      {key}: {value}", f"components/schemas/Part/{key}", f"'{key}' is not supported")
        for key, value in {
            "allOf": "[{type: object}]", "patternProperties": "{}", "prefixItems": "[{type: object}]", "if": "{}", "then": "{}",
            "else": "{}", "dependentSchemas": "{}", "dependentRequired": "{}", "propertyNames": "{}", "contains": "{}",
            "unevaluatedProperties": "false", "unevaluatedItems": "false", "$defs": "{}", "$anchor": "a", "$id": "a",
            "nullable": "true", "readOnly": "true", "writeOnly": "true", "title": "A", "xml": "{}", "contentEncoding": "base64",
        }.items()
    ),
    ("a header parameter", (ORDER, ORDER.replace("in: query", "in: header")), "in: header", "components/parameters/Order/in", "'header' is not one of ['path', 'query']"),
    ("a parameter's style", (ORDER, ORDER.replace("in: query", "in: query, style: form")), "style", "components/parameters/Order/style", "'style' is not supported"),
    ("parameters of a path", ("  /api/write:\n", "  /api/write:\n    parameters: []\n"), "    parameters: []", "paths//api/write/parameters", "'parameters' is not supported"),
    ("webhooks", ('servers: [{url: "http://127', 'webhooks: {}\nservers: [{url: "http://127'), "webhooks", "webhooks", "'webhooks' is not supported"),
    ("callbacks", (NOTE_ID, f"{NOTE_ID}\n      callbacks: {{}}"), "callbacks", "paths//api/notes/{note}/get/callbacks", "'callbacks' is not supported"),
    ("an inline object", ("options: {type: object, additionalProperties: true,", "options: {type: object, properties: {a: {type: string}},"), "        options:", "components/schemas/WriteRequest/properties/options", "needs a name"),
    ("a schema that is true", (QUESTION, "question: true"), "question: true", "components/schemas/AnswerRequest/properties/question", "only true or false"),
    ("another body", ("content: {application/octet-stream:", "content: {application/xml:"), "", "requestBody", "a body is one of application/json"),
    ("another reply", ("text/plain: {schema: {type: string}}", "image/png: {schema: {type: string}}"), "", "paths//api/notes/{note}/get/responses", "a reply of image/png is not supported"),
    ("content without a schema", ("text/plain: {schema: {type: string}}", "text/plain: {}"), "", "text/plain", "text/plain lacks a schema"),
    ("a default that is no default", (QUESTION, "question: {type: string, default: why}"), "default: why", "components/schemas/AnswerRequest/properties/question/default", 'a field may default to "" or [] only'),
    ("two servers", ('servers: [{url: "https://answers.example"}]', "servers: [{url: 'https://a.example'}, {url: 'https://b.example'}]"), "https://a.example", "paths//v1/answers/post/servers", "is not one server without variables"),
    ("what openapi-python-client refuses", (QUESTION, "question: {enum: [], description: What.}"), "question: {enum", "components/schemas/AnswerRequest/properties/question/enum", "cannot be expressed"),
    ("what openapi-python-client drops", ("    Stop:\n", "    note:\n      type: object\n      description: Another.\n      properties: {a: {type: string, description: A.}}\n    Stop:\n"), "", "components/schemas/", "cannot be expressed"),
    # Gaps
    ("a misspelt keyword", ("description: A picture.", "desciption: A picture."), "desciption", "components/schemas/WriteRequest/properties/image/desciption", "unknown keyword 'desciption'; did you mean 'description'?"),
    ("a required field that is none", ("required: [text, done]", "required: [text, don]"), "required: [text, don]", "components/schemas/WriteReply/required/1", "'don' is required and is no property; there are text, done, total_duration"),
    ("a required field of an inline body", ("required: [file]", "required: [files]"), "required: [files]", "/required/0", "'files' is required and is no property; there are file, language"),
    ("a tag where there is none", (NOTE_ID, f"{NOTE_ID}\n      tags: [notes]"), "tags: [notes]", "paths//api/notes/{note}/get/tags/0", "unknown tag 'notes'; the document declares none"),
    ("no tag", ("\npaths:\n", "\ntags: [{name: notes}]\npaths:\n"), "    get:\n      summary: A route", "paths///get/tags", "'tags' is missing; there are notes"),
    ("no summary", ("      summary: Read a note.\n", ""), "    get:\n      operationId: read", "paths//api/notes/{note}/get/summary", "'summary' is missing"),
    ("no description of a schema", ("      description: A note.\n", ""), "    Note:", "components/schemas/Note/description", "'description' is missing"),
    ("no description of a field", (QUESTION, "question: {type: string}"), "question: {type", "components/schemas/AnswerRequest/properties/question", "'description' is missing: say what it is"),
    ("no description of a field of an inline body", (", description: The recording.", ""), "file: {type", "properties/file", "'description' is missing: say what it is"),
    ("no description of a parameter", ("description: How many lines at most., ", ""), "name: max-lines", "paths//api/notes/{note}/get/parameters/1", "'description' is missing"),
    ("yes and no in an enumeration", ("\n        sure: {anyOf: [{type: boolean}, {enum: [low, high]}],", "\n        sure:\n          enum:\n            - maybe\n            - yes\n         "), "- yes", "components/schemas/Answer/properties/sure/enum/1", "YAML reads this value as true; quote it"),
    ("an enumeration of another type", (QUESTION, "question: {type: integer, enum: [1, two], description: What.}"), "question: {type: integer", "components/schemas/AnswerRequest/properties/question/enum/1", "'two' is not of the type integer"),
    ("a constant of another type", (QUESTION, "question: {type: string, const: 3, description: What.}"), "question: {type: string, const", "components/schemas/AnswerRequest/properties/question/const", "3 is not of the type string"),
    ("a mixed enumeration", (QUESTION, "question: {enum: [1, text], description: What.}"), "question: {enum", "components/schemas/AnswerRequest/properties/question/enum", "all text or all whole numbers"),
    ("an array of nothing", ("words: {type: array, items: {type: string}, default", "words: {type: array, default"), "words: {type", "components/schemas/Note/properties/words", "items is missing"),
    ("an array of nothing in a union", ("anyOf: [{type: string}, {type: array, items: {type: string}}]", "anyOf:\n        - {type: string}\n        - {type: array}"), "- {type: array}", "components/schemas/Stop/anyOf/1", "items is missing"),
    ("events without a discriminator", ("      discriminator:\n        propertyName: type\n        mapping: {delta: '#/components/schemas/DeltaEvent', end: '#/components/schemas/EndEvent'}\n", ""), "    AnswerEvent:", "components/schemas/AnswerEvent/discriminator", "a union of objects has a discriminator"),
    ("events without a mapping", ("        mapping: {delta: '#/components/schemas/DeltaEvent', end: '#/components/schemas/EndEvent'}\n", ""), "      discriminator:\n        prop", "components/schemas/AnswerEvent/discriminator/mapping", "it is {delta: '#/components/schemas/DeltaEvent', end: '#/components/schemas/EndEvent'}"),
    ("a mapping without an event", (", end: '#/components/schemas/EndEvent'}", "}"), "        mapping: {delta", "components/schemas/AnswerEvent/discriminator/mapping", "'end' means #/components/schemas/EndEvent by the 'type' of the members, and None by the mapping"),
    ("an open member that takes what another takes", ("not: {enum: [text]}", "not: {enum: [picture]}"), "type: {type: string, not", "components/schemas/OtherPart/properties/type/not/enum", "does not agree on picture, text"),
    ("a mapping to another event", ("type: {const: end", "type: {const: ending"), "mapping: {delta", "components/schemas/AnswerEvent/discriminator/mapping", "by the 'type' of the members"),
    ("a mixin without its field", ("        eval_count: {type", "        evaluated: {type"), "      x-mixin:", "components/schemas/WriteReply/x-mixin", "GenerationMetrics in ollama_sdk/_replies.py reads 'eval_count', which this schema does not have"),
    ("a mixin with another type", ("        eval_count: {type: integer", "        eval_count: {type: string"), "        eval_count:", "components/schemas/WriteReply/properties/eval_count", "reads 'eval_count' as int | None, and here it is str | None"),
    # Names and unions
    ("a field of every model", ("        sure:", "        to_dict: {type: string, description: No.}\n        sure:"), "to_dict", "components/schemas/Answer/properties/to_dict", "a model cannot have a field named 'to_dict'"),
    ("a field of the mixin", ("        total_duration:", "        metrics: {type: boolean, description: No.}\n        total_duration:"), "metrics", "components/schemas/WriteReply/properties/metrics", "GenerationMetrics has one"),
    ("an argument of every method", (f"required: [question]\n      properties:\n        {QUESTION}", "required: [timeout]\n      properties:\n        timeout: {type: string, description: How long.}"), "", "paths//v1/answers/post", "an argument 'timeout' that it already has"),
    ("two lists", ("anyOf: [{type: string}, {type: array, items: {type: string}}]", "anyOf: [{type: array, items: {type: number}}, {type: array, items: {type: string}}]"), "", "", "the union cannot be decided: the same array may be list[float] or list[str]"),
    ("a time or a string", ("sure: {anyOf: [{type: boolean},", "sure: {anyOf: [{type: string, format: date-time},"), "sure:", "components/schemas/Answer/properties/sure", "the same string may be"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "marked", "place", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_mistake_is_reported_with_line_and_old_output_stays(
    workplace: Path, edit: tuple[str, str], marked: str, place: str, message: str
) -> None:
    text = edited(edit)
    said = _refused(workplace, text)
    line, _, rest = said.partition(": ")
    assert line.isdigit()
    if marked:
        assert int(line) == _line(text, marked), said
    assert place in rest
    assert message in rest


def test_two_branches_without_a_constant_are_refused(workplace: Path) -> None:
    text = edited(
        ("type: {const: text, description: Text.}", "type: {type: string, description: Text.}"),
        ("mapping: {text: '#/components/schemas/TextPart'}", "mapping: {}"),
        ("not: {enum: [text]}, description: Any", "description: Any"),
    )
    assert "have no required property with a constant that distinguishes them" in _refused(workplace, text)


def test_two_branches_with_one_constant_are_refused(workplace: Path) -> None:
    text = edited(
        ("type: {const: end,", "type: {const: delta,"),
        ("{delta: '#/components/schemas/DeltaEvent', end:", "{delta:"),
    )
    said = _refused(workplace, text)
    assert "paths//v1/answers/post" in said
    assert "DeltaEvent and EndEvent both have the type 'delta'" in said


def test_model_cannot_have_a_name_that_the_code_imports(workplace: Path) -> None:
    text = edited().replace("schemas/Step'", "schemas/Literal'").replace("    Step:\n", "    Literal:\n")
    assert "'Literal' is already the name of the generated code itself" in _refused(workplace, text)


def test_model_cannot_have_the_name_of_a_group_of_methods(workplace: Path) -> None:
    text = edited().replace("schemas/Step'", "schemas/V1Audio'").replace("    Step:\n", "    V1Audio:\n")
    assert "'V1Audio' is already the name of the methods of v1.audio" in _refused(workplace, text)


def test_missing_file_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    for command in ("build", "check", "changes"):
        outcome = run(command, "--document", missing)
        assert outcome.status == 1
        assert str(missing.parent) in outcome.complained
        assert outcome.complained.count("\n") == 1


def test_file_that_is_not_utf_8_is_named_with_the_line(tmp_path: Path) -> None:
    document = tmp_path / "latin.yaml"
    document.write_bytes(edited(("A note.", "Une note révisée.")).encode("latin-1"))
    line = _line(edited(), "A note.")
    outcome = run("build", "--document", document, "--output", tmp_path / "out")
    assert outcome == (1, "", f"{document}:{line}: not valid UTF-8: invalid continuation byte\n")


@pytest.mark.parametrize(
    "text", ["", "[]", "text", "{}", "openapi: 3.1.0", "{" * 3000, "\x00", "- &a [*b]", "!!python/name:os.system x"]
)
def test_input_that_is_no_document_is_one_message(tmp_path: Path, text: str) -> None:
    outcome = build(text, tmp_path)
    assert outcome.status == 1
    _is_one_message(outcome, tmp_path / "small.yaml")


# Any small mutation: it builds, or it is one message that names a line


def _is_one_message(outcome: Outcome, document: Path) -> None:
    assert re.fullmatch(rf"{re.escape(str(document))}:[1-9]\d*: [^\n]+\n", outcome.complained), outcome.complained


BASE: dict[str, Any] = yaml.safe_load(SMALL.read_text(encoding="utf-8"))


def _places(node: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, part in parts:
        yield from _places(part, (*place, name))


def _at(node: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        node = node[name]
    return node


PLACES = list(_places(BASE))
SCALARS = st.sampled_from(
    [None, True, 7, -1, 2.5, "", "text", "class", "#/components/schemas/Note", [], {}, ["x"], {"x": 1}]
)
RENAMES = st.sampled_from(["x-new", "class", "text", "$ref", "not", "items", 200])


@st.composite
def mutations(draw: st.DrawFn) -> dict[str, Any]:
    data = copy.deepcopy(BASE)
    place = draw(st.sampled_from(PLACES))
    parent, name = _at(data, place[:-1]), place[-1]
    kind = draw(st.sampled_from(["delete", "replace", "copy", "rename"]))
    if kind == "delete":
        del parent[name]
    elif kind == "replace":
        parent[name] = copy.deepcopy(draw(SCALARS))
    elif kind == "copy":
        parent[name] = copy.deepcopy(_at(BASE, draw(st.sampled_from(PLACES))))
    elif isinstance(parent, dict):
        parent[draw(RENAMES)] = parent.pop(name)
    return data


@examples(25, suppress_health_check=list(HealthCheck))
@given(mutations())
def test_any_single_mutation_builds_or_is_one_message(data: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcome = build(yaml.safe_dump(data, sort_keys=False), Path(folder))
        event(f"status {outcome.status}")
        if outcome.status == 0:
            assert outcome.complained == ""
            assert outcome.printed
        else:
            _is_one_message(outcome, Path(folder, "small.yaml"))
            assert not Path(folder, "out").exists()
