"""Each program in examples/ runs as its first line says, against the emulator, and prints what it promises."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import select
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from ollama_sdk.testing import Emulator, Fault, Prompt, ScriptedToolCall
from tests.support.loopback import PATIENCE

EXAMPLES = Path(__file__).parent.parent / "examples"
PROGRAMS = sorted(EXAMPLES.glob("*.py"))


@pytest.fixture
def emulator():
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools"])
        server.models.add("llava", capabilities=["completion", "vision"])
        server.models.add("all-minilm", capabilities=["embedding"])
        yield server


def environment(server: Emulator) -> dict[str, str]:
    without_key = {name: value for name, value in os.environ.items() if name != "OLLAMA_API_KEY"}
    return {**without_key, "OLLAMA_HOST": server.url, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def run(server: Emulator, name: str, *arguments: object, given: str = "", status: int = 0) -> str:
    """What a program prints, on standard output and then on standard error."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    done = subprocess.run(
        command,
        env=environment(server),
        input=given,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


def test_chat_keeps_the_conversation(emulator: Emulator):
    emulator.reply("Mont", " Blanc", when="mountain")
    emulator.reply("4,806 m", when="high")
    shown = run(emulator, "chat", given="Name a mountain.\nHow high is it?\n")
    assert shown == "> Mont Blanc\n> 4,806 m\n> "
    asked = [message["content"] for message in emulator.requests[1].json["messages"]]
    assert asked[1:] == ["Name a mountain.", "Mont Blanc", "How high is it?"]


def test_chat_goes_on_after_an_error(emulator: Emulator):
    emulator.faults.add(Fault.runner_dies(after=1), path="/api/chat", times=1)
    emulator.reply("Mont", " Blanc")
    shown = run(emulator, "chat", given="Name a mountain.\nAgain!\n")
    assert re.fullmatch(r"> Mont\n\[.+\]\n> Mont Blanc\n> ", shown)
    assert [message["content"] for message in emulator.requests[1].json["messages"][1:]] == ["Again!"]


def accept_interrupts() -> None:
    """Undo an ignored SIGINT: shells start background jobs so, and child processes inherit it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupt_stops_an_answer_but_not_the_chat(emulator: Emulator):
    emulator.faults.add(Fault.stall(after=1), path="/api/chat", times=1)
    emulator.reply("Mont", " Blanc")
    command = [sys.executable, str(EXAMPLES / "chat.py")]
    with subprocess.Popen(
        command,
        preexec_fn=accept_interrupts,  # noqa: PLW1509 - it only sets a signal
        env=environment(emulator),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            process.stdin.write(b"Name a mountain.\n")
            shown = b""
            while b"Mont" not in shown:
                readable, _, _ = select.select([process.stdout], [], [], PATIENCE)
                piece = process.stdout.read(100) if readable else b""
                assert piece, f"the chat ended after {shown!r}"
                shown += piece
            process.send_signal(signal.SIGINT)
            assert emulator.requests[0].wait(PATIENCE)
            assert emulator.requests[0].hung_up
            rest, _ = process.communicate(b"Again!\n", timeout=PATIENCE)
        finally:
            process.kill()
    assert rest.decode() == "\n[stopped]\n> Mont Blanc\n> "
    assert process.returncode == 0


@pytest.fixture(params=["examples/service.py", "docs/howto/fastapi.md"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A program that serves FastAPI's application: the example, and the first block of the page."""
    source = EXAMPLES.parent / request.param
    if source.suffix == ".py":
        return source
    block = re.search(r"```python\n(.*?)```", source.read_text(encoding="utf-8"), re.DOTALL)[1]
    page = tmp_path / "page.py"
    page.write_text(f"{block}\nimport uvicorn\nuvicorn.run(app, host='127.0.0.1', port=0)\n", encoding="utf-8")
    return page


@contextmanager
def service(server: Emulator, program: Path):
    """A client of a program that serves on a free port."""
    command = [sys.executable, str(program), "0"]
    with subprocess.Popen(command, env=environment(server), stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:  # ends with the process, if it does not start
                if address := re.search(r"running on (http://\S+)", line):
                    break
            else:
                pytest.fail("the service did not start")
            with httpx.Client(base_url=address[1], timeout=PATIENCE, trust_env=False) as client:
                yield client
        finally:
            process.kill()


def test_service_streams_an_answer(emulator: Emulator, program: Path):
    emulator.reply("Blue", " light")
    with service(emulator, program) as client:
        answer = client.get("/ask", params={"question": "Why?"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", answer.text)
    assert "".join(json.loads(data) for name, data in events if name == "text") == "Blue light"
    assert events[-1] == ("end", '""')


def test_service_reports_an_error_as_an_event(emulator: Emulator, program: Path):
    emulator.faults.add(Fault.status(503, message="busy"), path="/api/chat")
    with service(emulator, program) as client:
        answer = client.get("/ask", params={"question": "Why?"})
    assert re.fullmatch(r'event: error\ndata: ".*503: busy.*"\n\n', answer.text)


@pytest.mark.parametrize("items", [None, 1])
def test_service_stops_when_its_client_leaves(emulator: Emulator, program: Path, items: int | None):
    emulator.faults.add(Fault.stall(after=items), path="/api/chat")
    with service(emulator, program) as client:
        with client.stream("GET", "/ask", params={"question": "Why?"}) as answer:
            lines = answer.iter_lines()  # kept: dropping it hangs up
            if items:
                assert next(lines) == "event: text"
            assert emulator.requests.wait(1, PATIENCE)
            assert not emulator.requests[0].hung_up
        assert emulator.requests[0].wait(PATIENCE)
        assert emulator.requests[0].hung_up


def test_rag_answers_from_the_closest_paragraph(emulator: Emulator, tmp_path: Path):
    (tmp_path / "animals.md").write_text("Cats sleep.\n\nDogs bark.\n", encoding="utf-8")
    (tmp_path / "sky.txt").write_text("The sky is blue.\n\nStars are far.\n", encoding="utf-8")
    (tmp_path / "code.py").write_text("not read", encoding="utf-8")
    emulator.reply("It is blue.", when="The sky is blue.\n\n")
    shown = run(emulator, "rag", tmp_path, "The sky is blue.").splitlines()
    assert shown[0] == "It is blue."
    assert shown[1] == "1.00  sky.txt"
    assert len(shown) == 4
    assert "not read" not in emulator.requests[-1].json["prompt"]


def test_rag_reads_the_docs_by_default(emulator: Emulator):
    emulator.reply("Many.")
    shown = run(emulator, "rag").splitlines()
    assert shown[0] == "Many."
    assert all((EXAMPLES.parent / "docs" / line.split()[1]).exists() for line in shown[1:])


def test_rag_needs_a_text(emulator: Emulator, tmp_path: Path):
    assert "no .md or .txt file" in run(emulator, "rag", tmp_path, status=1)


def test_tool_use_runs_tools_until_the_answer(emulator: Emulator):
    for name, arguments in (
        ("get_temperature", {"city": "Atlantis"}),
        ("get_temperature", {"city": "Oslo"}),
        ("convert", {"degrees": 4, "unit": "fahrenheit"}),
    ):
        emulator.reply(tool_calls=[ScriptedToolCall(name, arguments)], times=1)
    emulator.reply("It is 39.2 °F.")
    refused, found, converted, answer = run(emulator, "tool_use").splitlines()
    assert "Atlantis" in refused
    assert found.endswith(" -> 4.0")
    assert converted.endswith(" -> 39.2")
    assert answer == "It is 39.2 °F."
    assert [message["role"] for message in emulator.requests[-1].json["messages"]] == [
        "user",
        *["assistant", "tool"] * 3,
    ]


def test_tool_use_ends_after_some_rounds(emulator: Emulator):
    emulator.reply(tool_calls=[ScriptedToolCall("get_temperature", {"city": "Rome"})])
    assert "no answer after 5 rounds" in run(emulator, "tool_use", status=1)
    assert len(emulator.requests) == 5


def people(prompt: Prompt) -> str:
    text = prompt.messages[-1]["content"]
    if "no one" in text:
        return '[{"name": "Ada"}]'
    born = 1867 if "Marie" in text else None
    return json.dumps([{"name": "Marie Curie" if born else "Ada", "born": born, "field": "physics"}])


def test_extract_prints_a_table(emulator: Emulator):
    emulator.reply(people)
    assert run(emulator, "extract").splitlines() == [
        "name         born  field    source",
        "Marie Curie  1867  physics  (example)",
    ]
    assert emulator.requests[0].json["format"]["type"] == "array"


def test_extract_names_the_text_it_cannot_read(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for number, text in enumerate(("of no one", "of Marie", "of Ada")):
        Path(f"{number}.txt").write_text(text, encoding="utf-8")
    emulator.reply(people)
    assert run(emulator, "extract", "1.txt", "2.txt").splitlines()[1:] == [
        "Marie Curie  1867  physics  1.txt",
        "Ada          ?     physics  2.txt",
    ]
    assert run(emulator, "extract", "0.txt", "1.txt", status=1).splitlines()[1:] == [
        "Marie Curie  1867  physics  1.txt",
        """0.txt: the text is not a list at [0].born: Field required; it begins '[{"name": "Ada"}]'""",
    ]


def test_vision_describes_pictures_that_it_scales_down(emulator: Emulator, tmp_path: Path):
    file = tmp_path / "wide.png"
    Image.new("RGB", (4096, 1024)).save(file)
    emulator.reply("A black", " field.")
    assert run(emulator, "vision", file) == f"{file}, 1024 x 256: A black field.\n"
    [sent] = emulator.requests[-1].json["images"]
    assert Image.open(io.BytesIO(base64.b64decode(sent))).size == (1024, 256)


def test_vision_draws_a_picture_by_default(emulator: Emulator):
    emulator.reply("A red disc.")
    assert run(emulator, "vision") == "(a red disc), 256 x 256: A red disc.\n"


def test_vision_refuses_a_model_that_cannot_see(emulator: Emulator):
    emulator.models.add("llava", capabilities=["completion"])
    assert "llava cannot see: it has completion" in run(emulator, "vision", status=1)


QUESTIONS = ["Name a colour.", "Name a mountain.", "Name a river.", "Name an animal."]


def test_failover_asks_the_hosts_that_work(emulator: Emulator):
    emulator.reply("One.")
    with Emulator() as lost, Emulator() as broken:
        lost.down()
        broken.models.add("llama3.2")
        broken.faults.add(Fault.status(503, message="busy"), path="/api/chat")
        shown = run(emulator, "failover", lost.url, broken.url, emulator.url).splitlines()
        assert shown[0].startswith(f"{lost.url}  down: ")
        assert shown[1:3] == [f"{server.url}  Ollama {server.version}" for server in (broken, emulator)]
        assert sorted(shown[3:7]) == [f"{question} One." for question in QUESTIONS]
        assert f"{broken.url} failed (status 503), trying {emulator.url}" in shown[7:]


def test_failover_uses_ollama_host_by_default(emulator: Emulator):
    emulator.reply("One.")
    first, *answers = run(emulator, "failover").splitlines()
    assert first == f"{emulator.url}  Ollama {emulator.version}"
    assert sorted(answers) == [f"{question} One." for question in QUESTIONS]


def test_failover_reports_what_no_host_answered(emulator: Emulator):
    emulator.models.remove("llama3.2")
    first, *answers = run(emulator, "failover", status=1).splitlines()
    assert first.endswith(", without llama3.2")
    assert sorted(answer.partition(" Not answered: ")[0] for answer in answers) == QUESTIONS


def test_batch_embed_goes_on_where_it_stopped(emulator: Emulator, tmp_path: Path):
    source, target = tmp_path / "lines.txt", tmp_path / "vectors.jsonl"
    source.write_text("The sky is blue.\n\nGrass is green.\n", encoding="utf-8")
    assert run(emulator, "batch_embed", source, target) == "2 lines embedded, 0 failed, 0 were done before\n"
    first, second = map(json.loads, target.read_text("utf-8").splitlines())
    assert (first["line"], second["line"]) == (1, 3)
    assert first["text"] == "The sky is blue."
    assert len(first["embedding"]) == len(second["embedding"]) > 0

    with target.open("a", encoding="utf-8") as file:
        file.write('{"line": 4, "te')
    source.write_text(source.read_text("utf-8") + "Snow is white.\n", encoding="utf-8")
    assert run(emulator, "batch_embed", source, target) == "1 lines embedded, 0 failed, 2 were done before\n"
    assert [json.loads(line)["line"] for line in target.read_text("utf-8").splitlines()] == [1, 3, 4]
    assert emulator.requests[-1].json["input"] == ["Snow is white."]


def test_batch_embed_reports_a_line_that_fails(emulator: Emulator, tmp_path: Path):
    source, target = tmp_path / "lines.txt", tmp_path / "vectors.jsonl"
    source.write_text("The sky is blue.\n", encoding="utf-8")
    emulator.faults.add(Fault.status(400, message="too long"), path="/api/embed")
    assert "line 1: " in run(emulator, "batch_embed", source, target, status=1)
    assert target.read_text("utf-8") == ""


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_is_short_and_says_how_to_run_it(program: Path):
    text = program.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 80
    assert f"``python examples/{program.name}" in text.partition("\n")[0]
    assert f"def test_{program.stem}_" in Path(__file__).read_text(encoding="utf-8")
