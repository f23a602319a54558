"""The report that a maintainer reads after an edit of the document."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from generator.changes import markdown
from generator.compare import compare
from generator.conventions import load
from generator.interface import Interface
from generator.parse import interface_of
from tests.generator.generator_kit import SMALL, edited, run

QUESTION = "question: {type: string, description: What is asked.}"
HINT = "hint: {type: string, x-positional: true, description: What helps.}"
SUBJECT = "        subject: {type: string, description: What to write about.}\n"
NO_CHANGE = "No change in the public interface."


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository whose first commit holds the small document, in a folder."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "openapi").mkdir()
    (folder / "openapi" / "small.yaml").write_text(edited(), encoding="utf-8")
    _git(folder, "init", "--quiet")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "--message=The small document")
    return folder


def _interface(text: str) -> Interface:
    return interface_of(load(SMALL, text))


OLD = _interface(edited())


def changes(*edits: tuple[str, str]) -> str:
    """What edits of the small document come to."""
    return markdown(compare(OLD, _interface(edited(*edits))))


def test_edit_of_descriptions_is_no_change() -> None:
    assert changes(("A note.", "One note."), ("# A small", "# A tiny")) == NO_CHANGE


def test_report_is_markdown_with_breaking_changes_first() -> None:
    report = changes(
        ("version: 1.2.3", "version: 1.3.0"),
        ("operationId: delete_note", "operationId: forget"),
        (QUESTION, f"{QUESTION}\n        tone: {{type: string}}"),
        ("        sure: {anyOf: [{type: boolean}, {enum: [low, high]}], description: Whether it is certain.}\n", ""),
        ("required: [text, done]", "required: [text]"),
    )
    assert report == (
        "### Added\n"
        "\n"
        "- `v1.answers.create`: optional argument `tone`, `str`\n"
        "- `forget`: Delete a note.\n"
        "\n"
        "### Changed\n"
        "\n"
        "- **Breaking:** `WriteReply.done` is optional now: `None` when it is absent\n"
        "- The document describes Ollama 1.3.0; it was 1.2.3.\n"
        "\n"
        "### Removed\n"
        "\n"
        "- **Breaking:** `delete_note`\n"
        "- **Breaking:** `Answer.sure`"
    )


B = "**Breaking:** "
# Each row: what happens; the edit; the line that says so.
EDITS: list[tuple[str, tuple[str, str], str]] = [
    # Methods
    ("a method in another group", ("operationId: v1.audio.hear", "operationId: v1.hear"), f"{B}`v1.audio.hear`"),
    ("another path", ("  /v1/audio/hear:", "  /v1/hear:"), "`v1.audio.hear` calls `POST /v1/hear`; it called `POST /v1/audio/hear`"),
    ("deprecated", ("operationId: list_notes", "operationId: list_notes\n      deprecated: true"), "`list_notes` is deprecated"),
    ("repeating", ("x-repeat: resumes", "x-repeat: never"), "`v1.answers.create`: repeating it is `never`; it was `resumes`"),
    ("no model is needed", ("x-repeat: resumes", "x-repeat: resumes\n      x-needs-model: false"), "`v1.answers.create` no longer needs an existing model"),
    ("limits of its own", ("x-repeat: resumes", "x-repeat: resumes\n      x-limits: {first_item: null, between_items: 60}"), "`v1.answers.create` has limits of its own"),
    ("another argument names the model", ("x-repeat: resumes", "x-repeat: resumes\n      x-model: question"), "`v1.answers.create`: the model is named by `question`; it was named by `model`"),
    ("a key is needed", ("operationId: list_notes", "operationId: list_notes\n      security: [{bearer: []}]"), f"{B}`list_notes` needs an API key"),
    ("a server of its own", ('      servers: [{url: "https://answers.example"}]\n', ""), "`v1.answers.create` is served by the host of the client"),
    # Arguments: what is asked of callers
    ("an optional argument", (QUESTION, f"{QUESTION}\n        tone: {{type: string}}"), "`v1.answers.create`: optional argument `tone`, `str`"),
    ("an argument is optional", ("required: [question]", "required: []"), "`v1.answers.create`: argument `question` is optional now"),
    ("an argument is required", ("required: [subject, parts]", "required: [subject, parts, image]"), f"{B}`write`: argument `image` is required now"),
    ("an argument is gone", ("        image: {type: string, format: byte, description: A picture.}\n", ""), f"{B}`write`: argument `image`"),
    ("an argument takes others", ("image: {type: string, format: byte,", "image: {type: [string, integer],"), f"{B}`write`: argument `image` takes `str | int`; it took `Base64`"),
    ("an argument is widened", (QUESTION, "question: {type: [string, integer], description: What is asked.}"), "`v1.answers.create`: argument `question` takes `str | int`; it took `str`"),
    ("an argument is narrowed", (QUESTION, "question: {enum: [why, how]}"), f"{B}`v1.answers.create`: argument `question` takes `Literal['how', 'why']`; it took `str`"),
    ("an argument is another", (QUESTION, "question: {type: boolean}"), f"{B}`v1.answers.create`: argument `question` takes `bool`; it took `str`"),
    ("an enumeration grows", ("enum: [newest, oldest]", "enum: [newest, oldest, longest]"), "`read_note`: argument `order` takes `Literal['longest', 'newest', 'oldest']`; it took `Literal['newest', 'oldest']`"),
    ("by keyword only", (HINT, HINT.replace("x-positional: true, ", "")), f"{B}`write`: argument `hint` is given by keyword only now"),
    ("by position too", ("format: byte, description", "format: byte, x-positional: true, description"), "`write`: argument `image` may be given by position too, as number 4"),
    # Replies: what is promised to callers
    ("a reply has more", ("        sure: {anyOf", "        why: {type: string}\n        sure: {anyOf"), "`Answer.why`: `str | None`"),
    ("a reply field is optional", ("required: [text]\n      properties:\n        text: {type: string, description: The answer.}\n        sure", "required: []\n      properties:\n        text: {type: string, description: The answer.}\n        sure"), f"{B}`Answer.text` is optional now: `None` when it is absent"),
    ("a reply field is certain", ("required: [text]\n      properties:\n        text: {type: string, description: The answer.}\n        sure", "required: [text, sure]\n      properties:\n        text: {type: string, description: The answer.}\n        sure"), "`Answer.sure` is required now"),
    ("a reply field is widened", ("enum: [low, high]", "enum: [low, high, none]"), f"{B}`Answer.sure` is `bool | Literal['high', 'low', 'none']`; it was `bool | Literal['high', 'low']`"),
    ("a reply field is narrowed", ("enum: [low, high]", "enum: [low]"), "`Answer.sure` is `bool | Literal['low']`; it was `bool | Literal['high', 'low']`"),
    ("a reply field defaults", ("content-type: {type: string,", 'content-type: {type: string, default: "",'), "`Note.content_type` is optional now: `''` when it is absent"),
    ("a reply is certain", ("            text/plain: {schema: {type: string}}\n", ""), "`read_note` returns `Note`; it returned `Note | str`"),
    ("a mixin is gone", ("      x-mixin: GenerationMetrics\n", ""), f"{B}model `WriteReply` has the properties of no mixin; it had those of GenerationMetrics"),
    ("a JSON name changes", ("content-type: {type: string,", "content_type: {type: string,"), f"{B}`Note.content_type` is `content_type` in JSON; it was `content-type`"),
    # What is given inside arguments
    ("a request dict asks for more", ("required: [type]\n      properties:\n        type: {type: string, not", "required: [type, weight]\n      properties:\n        type: {type: string, not"), f"{B}`OtherPart.weight` is required now"),
    ("a request dict takes more", ("weight: {type: number,", "weight: {type: [number, string],"), "`OtherPart.weight` is `float | str`; it was `float`"),
    ("a request dict takes less", ("weight: {type: number,", "weight: {type: integer,"), f"{B}`OtherPart.weight` is `int`; it was `float`"),
    # Unions
    ("a union given takes more", ("anyOf: [{type: string}, {type: array, items: {type: string}}]", "anyOf: [{type: string}, {type: boolean}, {type: array, items: {type: string}}]"), "union `Stop` is `str | bool | list[str]`; it was `str | list[str]`"),
    # Streams
    ("another last item", ("last: {type: end}", "last: {type: delta}"), "`v1.answers.create`: the last item of its stream is `{'type': 'delta'}`; it was `{'type': 'end'}`"),
    ("token counts", ("x-repeat: resumes", "x-repeat: resumes\n      x-usage: {model: text}"), "`v1.answers.create`: the model and its token counts are read from `text`"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "line"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_edit_is_listed_and_marked_when_it_breaks_callers(edit: tuple[str, str], line: str) -> None:
    report = changes(edit)
    assert f"- {line}" in report.splitlines()
    others = [text for text in report.splitlines() if text.startswith("- ") and text != f"- {line}"]
    assert len(others) <= 1, report


def test_new_required_argument_in_front_breaks_positional_calls() -> None:
    report = changes(
        ("required: [subject, parts]", "required: [topic, subject, parts]"),
        (SUBJECT, f"        topic: {{type: string}}\n{SUBJECT}"),
    )
    assert report.splitlines() == [
        "### Added",
        "",
        "- **Breaking:** `write`: required argument `topic`, `str`",
        "",
        "### Changed",
        "",
        "- **Breaking:** `write`: argument `subject` is number 2 now; it was number 1",
        "- **Breaking:** `write`: argument `parts` is number 3 now; it was number 2",
        "- **Breaking:** `write`: argument `hint` is number 4 now; it was number 3",
    ]


def test_argument_whose_items_the_reply_answers_is_listed() -> None:
    lines = [
        ("description: An answer.", "description: An answer.\n      x-items: lines"),
        ("        sure: {anyOf", "        lines: {type: array, items: {type: string}}\n        sure: {anyOf"),
    ]
    without = _interface(edited(*lines))
    counted = _interface(edited(*lines, ("x-repeat: resumes", "x-repeat: resumes\n      x-one-each: question")))
    for old, new, says in ((without, counted, "has"), (counted, without, "no longer has")):
        [line] = [text for text in markdown(compare(old, new)).splitlines() if text.startswith("- ")]
        assert line == f"- `v1.answers.create`: the reply {says} one item for each of `question`"


def test_added_or_removed_stream_is_listed() -> None:
    stream = "            text/event-stream: {schema: {$ref: '#/components/schemas/AnswerEvent'}}\n"
    report = changes(
        ("      x-stream: {last: {type: end}, collect: messages}\n", ""),
        (stream, ""),
    )
    for line in ("`v1.answers.create`: `stream=True`", "model `EndEvent`", "union `AnswerEvent`"):
        assert f"- **Breaking:** {line}" in report


OTHER_EVENT = """\
    OtherEvent:
      type: object
      description: An event of a newer server.
      required: [type]
      properties: {type: {type: string, description: Its name.}}
    PauseEvent:
      type: object
      description: A pause.
      required: [type]
      properties: {type: {const: pause, description: A pause.}}
"""
EVENTS = "anyOf: [{$ref: '#/components/schemas/DeltaEvent'}, {$ref: '#/components/schemas/EndEvent'}"
OTHER, PAUSE = (f"{{$ref: '#/components/schemas/{name}Event'}}" for name in ("Other", "Pause"))
LAST = "      properties: {type: {const: end, description: The last.}}\n"


def test_new_event_breaks_only_a_union_without_an_open_member() -> None:
    line = "union `AnswerEvent` is `DeltaEvent | EndEvent"
    closed = changes((EVENTS, f"{EVENTS}, {PAUSE}"), (LAST, f"{LAST}{OTHER_EVENT}"))
    assert f"- **Breaking:** {line} | PauseEvent`" in closed
    old = _interface(edited((EVENTS, f"{EVENTS}, {OTHER}"), (LAST, f"{LAST}{OTHER_EVENT}")))
    new = _interface(edited((EVENTS, f"{EVENTS}, {PAUSE}, {OTHER}"), (LAST, f"{LAST}{OTHER_EVENT}")))
    opened = markdown(compare(old, new)).splitlines()
    assert "**Breaking:**" not in "".join(opened)
    assert [text for text in opened if text.startswith(f"- {line} | PauseEvent | OtherEvent`; it was")]


def test_new_value_of_an_open_enumeration_breaks_nothing() -> None:
    field = "        sure: {anyOf: [{type: boolean}, {enum: [low, high]}]"
    opened = "        sure: {anyOf: [{type: boolean}, {type: string}, {enum: [%s]}]"
    old, new = (_interface(edited((field, opened % values))) for values in ("low, high", "low, high, none"))
    kinds = ["`bool | str | Literal['high', 'low', 'none']`", "`bool | str | Literal['high', 'low']`"]
    assert markdown(compare(old, new)).splitlines()[2:] == [f"- `Answer.sure` is {kinds[0]}; it was {kinds[1]}"]


def test_other_item_type_and_merging_are_listed() -> None:
    report = changes(
        (
            "application/x-ndjson: {schema: {$ref: '#/components/schemas/WritePart'}}",
            "application/x-ndjson: {schema: {$ref: '#/components/schemas/WriteReply'}}",
        ),
        ("failed: {status: broken}, ", ""),
    )
    assert "- **Breaking:** `write`: the items of its stream are `WriteReply`; they were `WritePart`" in report
    assert "`write`: how fields of its items are merged is `{}`" in report
    assert "`write`: the item of its stream that reports failure is `None`; it was `{'status': 'broken'}`" in report


def test_older_revision_can_be_compared(repository: Path) -> None:
    document = repository / "openapi" / "small.yaml"
    document.write_text(edited((QUESTION, f"{QUESTION}\n        tone: {{type: string}}")), encoding="utf-8")
    _git(repository, "commit", "--quiet", "--all", "--message=Add a tone")
    try:
        assert run("changes", "--document", document).printed == f"{NO_CHANGE}\n"
        assert "argument `tone`" in run("changes", "--document", document, "--against", "HEAD~1").printed
    finally:
        _git(repository, "reset", "--quiet", "--hard", "HEAD~1")


@pytest.mark.parametrize("revision", ["nowhere", "--help", "HEAD~7", ""])
def test_missing_revision_is_named(repository: Path, revision: str) -> None:
    document = repository / "openapi" / "small.yaml"
    outcome = run("changes", "--document", document, f"--against={revision}")
    assert (outcome.status, outcome.printed) == (1, "")
    assert outcome.complained == f"{revision}: no such revision of the git repository at {document.parent}\n"


def test_revision_without_the_document_is_named(repository: Path) -> None:
    document = repository / "openapi" / "new.yaml"
    document.write_text(edited(), encoding="utf-8")
    outcome = run("changes", "--document", document)
    document.unlink()
    assert outcome == (1, "", f"HEAD: there is no new.yaml at {document.parent} in that revision\n")


def test_invalid_document_is_named_with_its_line(repository: Path) -> None:
    document = repository / "openapi" / "small.yaml"
    document.write_text(edited(("x-repeat: resumes", "x-repeat: often")), encoding="utf-8")
    outcome = run("changes", "--document", document)
    assert outcome.status == 1
    assert outcome.complained.startswith(f"{document}:")
