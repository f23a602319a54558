"""The generated package: its form, that it is the same everywhere, and that it is replaced as a whole."""

from __future__ import annotations

import ast
import inspect
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

import ollama_sdk
from generator import emit
from tests.generator.generator_kit import GOLDEN, ROOT, SMALL, build, contents, edited, run, run_apart

RENEW = "RENEW_GOLDEN"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "out"
    assert run("build", "--document", SMALL, "--output", output).status == 0
    return output


def test_output_for_the_small_document_is_the_reviewed_one(built: Path) -> None:
    """After a wanted change: ``RENEW_GOLDEN=1 python -m pytest tests/generator -k reviewed``, then read the diff."""
    fresh = {f"{name}.txt": content for name, content in contents(built).items()}
    if os.environ.get(RENEW):
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for name, content in fresh.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_bytes(content)
    golden = contents(GOLDEN)
    assert sorted(golden) == sorted(fresh)
    for name, content in fresh.items():
        assert content.decode() == golden[name].decode(), name


def test_output_does_not_depend_on_the_environment(built: Path, tmp_path: Path) -> None:
    worlds = (
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati", "PYTHONUTF8": "0"},
        {"PYTHONHASHSEED": "2", "LC_ALL": "tr_TR.UTF-8", "LANG": "de_DE", "TZ": "America/St_Johns"},
    )
    for number, world in enumerate(worlds):
        output = tmp_path / str(number)
        outcome = run_apart("build", "--document", SMALL, "--output", output, cwd=tmp_path, environment=world)
        assert outcome == (0, f"{output}: 9 methods and 12 types from small.yaml\n", "")
        assert contents(output) == contents(built)


def test_every_file_names_its_source_and_how_to_rebuild_it(built: Path) -> None:
    for name, content in contents(built).items():
        first = content.decode().splitlines()[0]
        assert first.startswith("# Generated from openapi/ollama.yaml. Do not edit"), name
        assert "make generate" in first


def test_generated_code_is_marked_for_code_review_tools() -> None:
    assert "ollama_sdk/_generated/** linguist-generated=true" in (ROOT / ".gitattributes").read_text().splitlines()


def test_every_field_and_argument_has_its_description(built: Path) -> None:
    note = (built / "models" / "note.py").read_text()
    assert "words: The words." in note
    client = (built / "sync_client.py").read_text()
    for text in ("Read a note.", "note: Its name; may hold slashes.", "``GET /api/notes/{note}``", "Deprecated:"):
        assert text in client


@pytest.mark.parametrize("kind", [ollama_sdk.Ollama, ollama_sdk.AsyncOllama])
def test_client_help_has_every_argument_and_no_private_name(kind: type) -> None:
    text = inspect.cleandoc(kind.__doc__ or "")
    for argument in inspect.signature(kind).parameters:
        assert re.search(rf"^    {argument}: \w", text, flags=re.MULTILINE), argument
    assert "Raises:\n    ConfigurationError: " in text
    assert not re.search(r"(?<!httpx\.)\b(SyncClient|AsyncClient)\b", text)
    assert ("event loop" in text) == (kind is ollama_sdk.AsyncOllama)
    assert ("``httpx.AsyncClient``" in text) == (kind is ollama_sdk.AsyncOllama)


def test_long_descriptions_are_wrapped_and_complete(built: Path) -> None:
    committed = contents(ROOT / "ollama_sdk" / "_generated")
    for name, content in {**contents(built), **committed}.items():
        assert max(map(len, content.decode().splitlines()), default=0) <= 120, name
    document = yaml.load((ROOT / "openapi" / "ollama.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    properties = document["components"]["schemas"]["ChatResponse"]["properties"]
    text = " ".join((ROOT / "ollama_sdk/_generated/models/chat_response.py").read_text(encoding="utf-8").split())
    for field, schema in properties.items():
        assert f"{field}: {' '.join(schema['description'].split())}" in text


# What keeps a frame out of tracebacks, and keys out of those that show local variables.
HIDING = {
    "__tracebackhide__ = True",
    "_options = CallOptions(extra_headers, extra_query, extra_body, timeout, others)",
    "del extra_headers, others",
}


@pytest.mark.parametrize("module", ["sync_client", "async_client"])
@pytest.mark.parametrize("folder", ["small", "committed"])
def test_generated_method_is_a_docstring_and_one_call(built: Path, folder: str, module: str) -> None:
    package = built if folder == "small" else ROOT / "ollama_sdk" / "_generated"
    tree = ast.parse((package / f"{module}.py").read_text(encoding="utf-8"))
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert len(methods) > 5
    for method in methods:
        overload = any(isinstance(d, ast.Name) and d.id == "overload" for d in method.decorator_list)
        body = [part for part in method.body if not isinstance(part, ast.ImportFrom)]
        body = [part for part in body if ast.unparse(part) not in HIDING]
        if overload:
            assert len(body) == 1, method.name
            continue
        docstring, call = body
        assert isinstance(docstring, ast.Expr), method.name
        assert isinstance(docstring.value, ast.Constant), method.name
        assert isinstance(call, ast.Return), method.name
        value = call.value.value if isinstance(call.value, ast.Await) else call.value
        assert isinstance(value, ast.Call), method.name


def test_document_without_models_or_methods_builds(tmp_path: Path) -> None:
    outcome = build("openapi: 3.1.0\ninfo: {title: Nothing, version: 0.0.0}\npaths: {}\n", tmp_path)
    assert outcome == (0, f"{tmp_path / 'out'}: 0 methods and 0 types from small.yaml\n", "")
    assert "class Ollama(SyncClient)" in (tmp_path / "out" / "sync_client.py").read_text()


def test_build_lists_the_files_that_it_changed(built: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(built, output)
    (output / "models" / "note.py").unlink()
    (output / "models" / "extra.py").touch()
    with (output / "params.py").open("a") as file:
        file.write("# by hand\n")
    headline = f"{output}: 9 methods and 12 types from small.yaml"
    outcome = run("build", "--document", SMALL, "--output", output)
    lines = [headline, "  new      models/note.py", "  changed  params.py", "  removed  models/extra.py"]
    assert (outcome.status, outcome.printed.splitlines()) == (0, lines)
    assert run("build", "--document", SMALL, "--output", output) == (0, f"{headline}; nothing changed\n", "")


# check


def test_check_passes_after_build(built: Path) -> None:
    assert run("check", "--document", SMALL, "--output", built) == (0, "", "")


def test_committed_package_is_up_to_date() -> None:
    assert run("check") == (0, "", "")


def test_check_names_files_that_were_edited_deleted_or_added(built: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(built, output)
    with (output / "params.py").open("a") as file:
        file.write("# by hand\n")
    (output / "models" / "note.py").unlink()
    (output / "models" / "extra.py").touch()
    (output / "notes.txt").touch()
    (output / "__pycache__").mkdir(exist_ok=True)
    (output / "__pycache__" / "params.pyc").touch()
    outcome = run("check", "--document", SMALL, "--output", output)
    stale = ("models/extra.py", "models/note.py", "notes.txt", "params.py")
    assert outcome.status == 1
    assert outcome.complained.splitlines() == [f"{output / name} is stale: run `make generate`" for name in stale]


def test_check_of_a_missing_folder_fails(tmp_path: Path) -> None:
    assert run("check", "--document", SMALL, "--output", tmp_path / "nowhere").status == 1


# All or nothing


def _state(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {name: (content, (folder / name).stat().st_mtime_ns) for name, content in contents(folder).items()}


@pytest.mark.parametrize("step", ["render", "_ruff"])
def test_failure_while_rendering_keeps_the_old_files(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise emit.OutputError("the disk is on fire")

    output = tmp_path / "out"
    shutil.copytree(built, output)
    before = _state(output)
    monkeypatch.setattr(emit, step, fail)
    assert run("build", "--document", SMALL, "--output", output) == (1, "", "the disk is on fire\n")
    assert _state(output) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_failure_while_moving_files_restores_the_old_ones(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError("no space left on device")
        return rename(self, target)

    output = tmp_path / "out"
    shutil.copytree(built, output)
    before = _state(output)
    monkeypatch.setattr(Path, "rename", fail)
    assert run("build", "--document", SMALL, "--output", output) == (1, "", "no space left on device\n")
    assert _state(output) == before


def test_build_removes_files_that_are_no_longer_generated(built: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(built, output)
    (output / "models" / "extra.py").touch()
    assert run("build", "--document", SMALL, "--output", output).status == 0
    assert contents(output) == contents(built)


@pytest.mark.parametrize("occupied", ["folder", "file"])
def test_folder_of_another_origin_is_not_replaced(tmp_path: Path, occupied: str) -> None:
    output = tmp_path / "out"
    keep = output
    if occupied == "folder":
        output.mkdir()
        keep = output / "thesis.txt"
    keep.write_text("years of work")
    outcome = run("build", "--document", SMALL, "--output", output)
    assert outcome.status == 1
    assert outcome.complained == f"{output}: was not written by this generator, so it will not be replaced\n"
    assert keep.read_text() == "years of work"


def test_output_with_a_missing_parent_is_named(tmp_path: Path) -> None:
    outcome = run("build", "--document", SMALL, "--output", tmp_path / "missing" / "out")
    assert outcome.status == 1
    assert outcome.complained.count("\n") == 1
    assert str(tmp_path / "missing") in outcome.complained


def test_reserved_name_is_changed_in_python_but_not_in_json(tmp_path: Path) -> None:
    text = edited(
        (
            "        question: {type: string, description: What is asked.}",
            "        self_: {type: string, description: Me.}",
        )
    )
    names = ("class", "field", "dict", "list", "self", "str", "from", "camelCase", "with-hyphen", "_private")
    fields = "".join(f"        {name}: {{type: string, description: One.}}\n" for name in names)
    text = text.replace("required: [question]", "required: [self_]")
    text = text.replace(
        "      properties: {type: {const: end, description: The last.}}\n",
        f"      properties:\n        type: {{const: end, description: The last.}}\n{fields}",
    )
    assert build(text, tmp_path).status == 0
    source = (tmp_path / "out" / "models" / "end_event.py").read_text()
    for name in names:
        assert f'metadata={{"wire": "{name}"}}' in source
    compile(source, "end_event.py", "exec")
