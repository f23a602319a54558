"""README and docs are true: their code runs as written, their commands exist, their tables are complete."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import attrs
import httpx
import ollama
import pytest

from ollama_sdk import Cache, Ollama, Timeout, batch, errors
from ollama_sdk._call.operation import Operation
from ollama_sdk._generated import operations
from ollama_sdk.testing import Emulator, Fault, RecordedRequest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = {row.name: row for row in vars(operations).values() if isinstance(row, Operation)}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    return {part.partition("\n")[0]: part for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}


DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text(encoding="utf-8") for path in sorted(DOCS.rglob("*.md"))}
SECTIONS = sections(README)
RUN_BY_A_TEST_OF_ITS_OWN = {"Regenerating"}
# What runs by itself: a section of the README, a page of the docs from top to bottom.
CODE = {
    f"README, {title}": blocks(text, "python")
    for title, text in SECTIONS.items()
    if title not in RUN_BY_A_TEST_OF_ITS_OWN
}
CODE |= {page: blocks(text, "python") for page, text in PAGES.items()}
CODE = {place: code for place, code in CODE.items() if code}
# What is scripted in the block itself, or only shows how a client is made.
ASKS_NO_SERVER = {
    "README, Several hosts",
    "README, Testing with the emulator",
    "howto/testing.md",
    "howto/recording.md",
}


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch):
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools", "thinking"])
        server.models.add("llava", capabilities=["completion", "vision"])
        server.models.add("all-minilm", capabilities=["embedding"])
        server.models.add("nimble", capabilities=["decision"])
        server.models.add("phonon")
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        monkeypatch.setenv("GPU_HOSTS", server.url)
        monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
        yield server


@pytest.mark.parametrize("place", CODE)
def test_the_code_runs_from_top_to_bottom(
    emulator: Emulator, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(b"\x89PNG")
    # A module of its own: what is defined in it can be sent to other processes.
    module = types.ModuleType("__page__")
    monkeypatch.setitem(sys.modules, "__page__", module)
    for code in CODE[place]:
        exec(compile(code, place, "exec", dont_inherit=True), vars(module))
    assert place in ASKS_NO_SERVER or len(emulator.requests) > 0


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_the_code_passes_the_type_checkers(checker: str, tmp_path: Path):
    (tmp_path / "code").mkdir()
    for number, place in enumerate(CODE):
        code = f"# {place}\n" + "\n".join(CODE[place])
        (tmp_path / "code" / f"page_{number}.py").write_text(code, encoding="utf-8")
    strict = {"typeCheckingMode": "strict", "include": ["code"], "venvPath": str(ROOT), "venv": ".venv"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(strict), encoding="utf-8")
    arguments = {"mypy": ["--strict", "code"], "pyright": ["-p", "."]}[checker]
    command = [sys.executable, "-m", checker, *arguments]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout


def test_the_cache_of_the_docs_answers_the_second_time(emulator: Emulator):
    exec(CODE["reliability.md"][0], {})
    assert [request.path for request in emulator.requests] == ["/api/embed"]


def test_prometheus_reads_the_metrics_as_documented(emulator: Emulator, capsys: pytest.CaptureFixture[str]):
    page = PAGES["howto/telemetry.md"]
    exec("\n".join(blocks(page, "python")), {})
    port = emulator.url.rpartition(":")[2]
    ours = [line for line in capsys.readouterr().out.splitlines() if f'server_port="{port}"' in line]
    samples: dict[str, set[str]] = {}
    for line in ours:
        name, attributes = line.split("{", 1)
        samples.setdefault(name, set()).update(re.findall(r'\w+="[^"]*"', attributes))
    common = {'gen_ai_provider_name="ollama"', 'gen_ai_request_model="llama3.2"', 'gen_ai_response_model="llama3.2"'}
    both = {'gen_ai_operation_name="chat"', 'gen_ai_operation_name="text_completion"'}
    expected = {
        "duration_seconds_count": both,
        "time_to_first_chunk_seconds_count": {'gen_ai_operation_name="text_completion"'},
        "usage_input_tokens_total": {*both, 'gen_ai_token_modality="unknown"'},
        "usage_output_tokens_total": {*both, 'gen_ai_token_modality="text"'},
    }
    for name, attributes in expected.items():
        assert common | attributes <= samples[f"gen_ai_client_inference_{name}"]
    assert 'gen_ai_operation_name="chat"' not in samples["gen_ai_client_inference_time_to_first_chunk_seconds_count"]
    [queries] = blocks(page, "text")
    assert set(re.findall(r"gen_ai_client\w+", queries)) <= set(samples)


def test_the_tests_in_the_docs_pass(emulator: Emulator, tmp_path: Path):
    for number, code in enumerate([*CODE["README, Testing with the emulator"], *CODE["howto/recording.md"]]):
        (tmp_path / f"test_{number}.py").write_text(code, encoding="utf-8")
    plain = [f"-pno:{plugin}" for plugin in ("cacheprovider", "hypothesispytest", "schemathesis")]
    command = [sys.executable, "-m", "pytest", "-q", *plain, str(tmp_path)]
    for options in (["--ollama-record=once", f"--ollama-upstream={emulator.url}"], []):
        run = subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
        )
        assert "2 passed" in run.stdout, run.stdout
    assert [request.path for request in emulator.requests if request.path != "/api/version"] == ["/api/generate"]


def test_the_example_of_regenerating_gives_the_field(tmp_path: Path):
    for folder in ("generator", "openapi", "ollama_sdk"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    document = tmp_path / "openapi" / "ollama.yaml"
    *places, field = blocks(SECTIONS["Regenerating"], "yaml")[0].splitlines(keepends=True)
    [code] = blocks(SECTIONS["Regenerating"], "python")
    text = document.read_text(encoding="utf-8").replace(field, "")  # where the example was followed already
    at = 0
    for place in places:
        at = text.index(f"\n{place}", at) + len(place)
    document.write_text(f"{text[: at + 1]}{field}{text[at + 1 :]}", encoding="utf-8")

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


COMMANDS = [
    command for text in (README, *PAGES.values()) for block in blocks(text, "console") for command in block.splitlines()
]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.split()[1] in {"make", "python"}])
def test_a_command_exists(command: str):
    assert command.startswith("$ ")
    program, *arguments = shlex.split(command.removeprefix("$ "), comments=True)
    if program == "make":
        targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert set(arguments) <= set(targets)
        return
    assert program == "python"
    run = subprocess.run(
        [sys.executable, *arguments, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert run.returncode == 0, run.stderr


def test_every_target_is_phony_and_those_of_tests_are_described():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", text, flags=re.MULTILINE))
    assert targets == set(
        re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", text, flags=re.MULTILINE)[1].replace("\\", "").split()
    )
    described = set(re.findall(r"`make ([a-z0-9-]+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert {target for target in targets if target.startswith("test")} <= described <= targets


def test_the_table_of_errors_names_every_class():
    named = set(re.findall(r"`(\w+Error)`", PAGES["reference/errors.md"]))
    ours = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.OllamaError)
    }
    assert named - {"ConnectionError", "OSError", "TimeoutError", "TypeError", "ValueError"} == ours


def test_the_default_timeout_is_as_documented():
    documented = re.search(r"`(Timeout\([^)]*\))` is the default", PAGES["howto/timeouts.md"])[1]
    assert eval(documented, {"Timeout": Timeout}) == Timeout()


def test_the_reference_describes_every_method(tmp_path: Path):
    subprocess.run([sys.executable, DOCS / "write_site.py", tmp_path / "source"], check=True, timeout=600)
    text = (tmp_path / "source" / "reference" / "methods.md").read_text(encoding="utf-8")
    described = {title.strip("`"): part for title, part in sections(text).items()}
    assert set(described) == set(OPERATIONS)
    client = Ollama("http://127.0.0.1:1")
    for name, part in described.items():
        operation, method = OPERATIONS[name], attrgetter(name)(client)
        assert f"`{operation.method} {operation.server or ''}{operation.path}`" in part
        [example] = blocks(part, "python")
        call = next(node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Call))
        given = {keyword.arg: 0 for keyword in call.keywords}
        inspect.signature(method).bind(*call.args, **given)
        for argument in operation.arguments:
            assert f"`{argument.name}`" in part


def test_the_table_of_methods_is_committed_as_it_is_written(tmp_path: Path):
    rows = re.findall(r"^\| `([\w.]+)` \| .+ \| `([A-Z]+) (\S+)` \|", PAGES["reference/methods.md"], flags=re.MULTILINE)
    assert rows == [(row.name, row.method, f"{row.server or ''}{row.path}") for row in OPERATIONS.values()]
    shutil.copytree(DOCS, tmp_path / "docs")
    command = [sys.executable, tmp_path / "docs" / "write_methods.py", "--check"]
    assert subprocess.run(command, check=False, timeout=600).returncode == 0
    with (tmp_path / "docs" / "reference" / "methods.md").open("a", encoding="utf-8") as page:
        page.write("by hand\n")
    assert subprocess.run(command, check=False, timeout=600).returncode == 1


def test_the_reference_of_batch_describes_all_of_it(tmp_path: Path):
    subprocess.run([sys.executable, DOCS / "write_site.py", tmp_path / "source"], check=True, timeout=600)
    described = sections((tmp_path / "source" / "reference" / "batch.md").read_text(encoding="utf-8"))
    assert {title.strip("`") for title in described} == set(batch.__all__) - {"Row", "Result"}  # names of types
    for title, part in described.items():
        thing = getattr(batch, title.strip("`"))
        if title != "`RowError`":
            inherited = set(attrs.fields_dict(batch.Step)) if title != "`Step`" else set()
            names = attrs.fields_dict(thing) if isinstance(thing, type) else inspect.signature(thing).parameters
            assert all(f"| `{name}` |" in part for name in set(names) - inherited)


def shown_calls() -> Iterator[tuple[str, ast.Call]]:
    """The calls of a client in the text of pages and docstrings; of tables of migration only those in the last column."""
    texts = [
        re.sub(r"^\|.*\|(.*)\|$", r"\1", text, flags=re.MULTILINE) if page.startswith("migration/") else text
        for page, text in PAGES.items()
    ]
    for path in (ROOT / "ollama_sdk").rglob("*.py"):
        if "_generated" not in path.parts:
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            texts += [ast.get_docstring(node) or "" for node in nodes if isinstance(node, kinds)]
    for span in re.findall(r"`+([^`\n]*client\.[^`\n]*)`+", "\n".join(texts)):
        code = re.sub(r"^(async for .* in|async with)? ?(await )?", "", span).partition(" as ")[0]
        for node in ast.walk(ast.parse(code.replace("…", "..."))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("client."):
                yield span, node


def fits(call: ast.Call, method: Any) -> bool:
    """Whether the method, or one of its overloads, takes such arguments; ``...`` stands for any."""
    if any(isinstance(argument, ast.Constant) and argument.value is ... for argument in call.args):
        return True
    given = [*call.args], {keyword.arg: keyword.value for keyword in call.keywords}
    for form in [overload.__get__(object()) for overload in typing.get_overloads(method)] or [method]:
        with contextlib.suppress(TypeError):
            inspect.signature(form).bind(*given[0], **given[1])
            return True
    return False


def test_calls_in_text_fit_their_methods():
    calls = list(shown_calls())
    assert len(calls) > 25
    client = Ollama("http://127.0.0.1:1", cache=Cache())
    methods = [attrgetter(ast.unparse(call.func).removeprefix("client."))(client) for _, call in calls]
    assert [span for (span, call), method in zip(calls, methods, strict=True) if not fits(call, method)] == []


def test_the_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- .+(?:\n  .+)*", text, flags=re.MULTILINE)
    assert len(entries) == len(set(entries)) > 0
    kinds = re.findall(r"^### (.+)$", text, flags=re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for release in re.findall(r"^## (.+)$", text, flags=re.MULTILINE):
        assert re.fullmatch(r"Unreleased|\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", release)


def test_every_page_is_reachable():
    listed = re.findall(r"^[a-z/-]+$", PAGES["index.md"], flags=re.MULTILINE)
    made = {"contributing", "security", "changelog"} | {
        f"reference/{page}" for page in ("methods", "models", "policies", "batch")
    }
    assert set(listed) == {page.removesuffix(".md") for page in PAGES} - {"index"} | made


def run_program(code: str, emulator: Emulator) -> tuple[str, list[RecordedRequest]]:
    """What a program prints, and what it asks of the server."""
    start = len(emulator.requests)
    run = subprocess.run(
        [sys.executable, "-c", code.replace("http://localhost:11434", emulator.url)],
        env={**os.environ, "OLLAMA_HOST": emulator.url},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, list(emulator.requests[start:])


def is_part(part: Any, whole: Any) -> bool:
    """Whether JSON holds all of another, whatever it holds beside that."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_part(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_part, part, whole))
    return part == whole


@pytest.mark.parametrize("page", ["migration/ollama.md", "migration/openai.md"])
def test_migrated_programs_do_what_the_originals_do(emulator: Emulator, page: str):
    before, after = blocks(PAGES[page], "py"), blocks(PAGES[page], "python")
    assert len(before) == len(after)
    printed, requests = run_program("\n".join(before), emulator)
    printed_here, requests_here = run_program("\n".join(after), emulator)
    assert printed == printed_here != ""
    assert [(each.method, each.path) for each in requests] == [(each.method, each.path) for each in requests_here]
    for theirs, ours in zip(requests, requests_here, strict=True):
        if theirs.method == "POST":
            # The published client sends an empty list of tools where there are none.
            asked = {name: value for name, value in theirs.json.items() if (name, value) != ("tools", [])}
            assert is_part(asked, ours.json)


def test_ollama_package_differs_from_this_one_as_documented(emulator: Emulator):
    question = [{"role": "user", "content": "Hi"}]
    with ollama.Client(emulator.url) as original, Ollama(emulator.url) as client:
        unread = original.chat("llama3.2", question, stream=True)
        assert len(emulator.requests) == 0
        with client.chat("llama3.2", question, stream=True):
            assert len(emulator.requests) == 1
        unread.close()

        emulator.faults.add(Fault.cut(after=1), path="/api/chat", times=2)
        assert [part.done for part in original.chat("llama3.2", question, stream=True)] == [False]
        with pytest.raises(errors.IncompleteReplyError):
            list(client.chat("llama3.2", question, stream=True))

        assert original._client.timeout == httpx.Timeout(None)


def test_the_table_of_sizes_is_that_of_the_simulation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    simulation = importlib.import_module("simulate_batch")
    rows = re.findall(
        r"^\| (\d+)[^|]* \| (\d+) % \| (\d+) % \| ([\d.]+) s \|$", PAGES["howto/engines.md"], flags=re.MULTILINE
    )
    assert len(rows) == 4
    for in_flight, *shares, slowest in rows:
        scene = simulation.Scene(hosts=3, workers=4, ends_at=60, in_flight=int(in_flight) // 4)
        outcomes = [
            simulation.simulate(simulation.Plan(strategy="least_busy"), attrs.evolve(scene, batch=batch))
            for batch in (8, 32)
        ]
        assert [f"{outcome.share:.0%}" for outcome in outcomes] == [f"{share}%" for share in shares]
        assert f"{outcomes[1].slowest:.1f}" == slowest


def test_programs_on_pages_are_those_that_run_on_the_engines():
    shown = blocks(PAGES["howto/engines.md"], "py")
    engines = ROOT / "tests" / "engines"
    programs = [program for kind in ("with", "resume", "limit") for program in engines.glob(f"{kind}_*.py")]
    assert sorted(shown) == sorted(program.read_text(encoding="utf-8") for program in programs)


def test_lines_of_the_texts_of_a_project_are_short():
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if len(line) > 140 and not line.startswith("|")] == []


@pytest.mark.parametrize(
    "words", ["this is not Ollama's answer", "it redirects to", "Host or Origin", "its certificate is not trusted"]
)
def test_troubleshooting_has_the_words_of_errors(words: str):
    package = [path.read_text(encoding="utf-8") for path in (ROOT / "ollama_sdk" / "_call").glob("*.py")]
    assert any(words in text for text in package)
    assert re.search(rf"^\| `[^|]*{words}", PAGES["troubleshooting.md"], flags=re.MULTILINE)


def test_the_reference_of_errors_names_their_attributes():
    row = re.search(r"^\| `APIStatusError` .*", PAGES["reference/errors.md"], flags=re.MULTILINE)
    assert row is not None
    assert all(f"`.{name}`" in row[0] for name in ("status_code", "message", "retry_after", "request_id"))
