"""The README is true: its code runs as written, its commands exist, its tables are complete."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

from ollama_sdk import AsyncOllama, Ollama, errors
from ollama_sdk._call.operation import Operation
from ollama_sdk._generated import operations
from ollama_sdk.testing import Emulator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = {row.name: row for row in vars(operations).values() if isinstance(row, Operation)}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", README, flags=re.MULTILINE)[1:]}
CODE = {title: blocks(text, "python") for title, text in SECTIONS.items()}
RUN_BY_A_TEST_OF_ITS_OWN = {"Regenerating", "Testing with the emulator"}


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch):
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools"])
        server.models.add("llava", capabilities=["completion", "vision"])
        server.models.add("all-minilm", capabilities=["embedding"])
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
        yield server


def tables(title: str) -> list[list[str]]:
    rows = re.findall(r"^\| (.+) \|$", SECTIONS[title], flags=re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in rows[1:]]


@pytest.mark.parametrize("title", [title for title in CODE if CODE[title] and title not in RUN_BY_A_TEST_OF_ITS_OWN])
def test_the_code_of_a_section_runs_from_top_to_bottom(
    emulator: Emulator, title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(b"\x89PNG")
    names: dict[str, object] = {"__name__": "__main__"}
    for code in CODE[title]:
        exec(compile(code, f"README.md, {title}", "exec"), names)
    assert len(emulator.requests) > 0
    assert capsys.readouterr().out or title == "Typing"


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_the_code_passes_the_type_checkers(checker: str, tmp_path: Path):
    (tmp_path / "code").mkdir()
    for number, title in enumerate(CODE):
        (tmp_path / "code" / f"section_{number}.py").write_text("\n".join(CODE[title]), encoding="utf-8")
    strict = {"typeCheckingMode": "strict", "include": ["code"], "venvPath": str(ROOT), "venv": ".venv"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(strict), encoding="utf-8")
    arguments = {"mypy": ["--strict", "code"], "pyright": ["-p", "."]}[checker]
    command = [sys.executable, "-m", checker, *arguments]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout


def test_the_cache_of_the_readme_answers_the_second_time(emulator: Emulator):
    exec(CODE["Reliability policies"][0], {})
    assert [request.path for request in emulator.requests] == ["/api/embed"]


def test_the_test_in_the_readme_passes(tmp_path: Path):
    [code] = CODE["Testing with the emulator"]
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    plain = [f"-pno:{plugin}" for plugin in ("cacheprovider", "hypothesispytest", "schemathesis")]
    command = [sys.executable, "-m", "pytest", "-q", *plain, str(tmp_path)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert "1 passed" in run.stdout, run.stdout


def test_the_example_of_regenerating_gives_the_field(tmp_path: Path):
    for folder in ("generator", "openapi", "ollama_sdk"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    document = tmp_path / "openapi" / "ollama.yaml"
    [field] = blocks(SECTIONS["Regenerating"], "yaml")
    [code] = CODE["Regenerating"]
    head, found, tail = document.read_text(encoding="utf-8").partition("\n    ChatResponse:\n")
    schema, properties, rest = tail.partition("\n      properties:\n")
    document.write_text(f"{head}{found}{schema}{properties}{field}{rest}", encoding="utf-8")

    [recipe] = re.findall(
        r"^generate:.*\n\t\$\(BIN\)/python (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE
    )
    for command in (recipe.split(), ["-c", code]):
        run = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "str | None"


@pytest.mark.parametrize("command", "".join(blocks(README, "console")).splitlines())
def test_a_command_exists(command: str):
    assert command.startswith("$ ")
    program, *arguments = command.removeprefix("$ ").split()
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert set(arguments) <= set(targets)
        return
    assert program == "python"
    run = subprocess.run(
        [sys.executable, *arguments, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_table_of_methods_is_complete_and_right():
    rows = {
        re.match(r"`([\w.]+)\(", call)[1]: (call, endpoint, returns) for call, endpoint, returns in tables("Methods")
    }
    assert set(rows) == set(OPERATIONS)
    for name, (call, endpoint, returns) in rows.items():
        operation = OPERATIONS[name]
        assert endpoint == f"{operation.method} {operation.server or ''}{operation.path}"
        assert ("stream" in returns) is (operation.streaming is not None)
        given = re.findall(r"\w+", call.partition("(")[2])
        for kind in (Ollama, AsyncOllama):
            with_self = inspect.signature(attrgetter(name)(_bare(kind))).parameters.values()
            positional = [p.name for p in with_self if p.kind is p.POSITIONAL_OR_KEYWORD]
            assert given == positional


def _bare(kind: type) -> object:
    return kind("http://127.0.0.1:1")


def test_the_table_of_errors_names_what_exists():
    named = set(re.findall(r"`(\w+Error)`", SECTIONS["Errors"]))
    assert {name for name in named if hasattr(errors, name)} >= named - {
        "ConnectionError",
        "TimeoutError",
        "ValueError",
    }
    assert {row[0] for row in tables("Errors")} >= {"`ConfigurationError`", "`DecodeError`"}


def test_the_default_timeout_is_as_documented():
    from ollama_sdk import Timeout

    documented = re.search(r"`(Timeout\([^)]*\))` is the default", README)[1]
    assert eval(documented, {"Timeout": Timeout}) == Timeout()
