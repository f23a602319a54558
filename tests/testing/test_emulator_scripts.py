"""An emulator is set up from outside Python: by scripts, by the command line and by its control routes."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from ollama_sdk import Ollama
from ollama_sdk.testing import Emulator, read_recordings
from ollama_sdk.testing.__main__ import main
from tests.support.loopback import PATIENCE

from .emulator_requests import CHAT

SCRIPT = """\
models:
  - llama3.2:tools,vision
  - name: qwen3
    capabilities: [thinking]
    context_length: 8192
    parameters: {temperature: 0}
  - all-minilm:embedding
replies:
  - Hello there
  - {text: It rains., when: weather, to: llama3.2, times: 1}
  - {pieces: [a, b], pattern: "colou?r"}
  - {text: four, thinking: two and two, to: qwen3}
  - tool_calls:
      - {name: get_weather, arguments: {city: Oslo}}
    calls_on_last_item: true
faults:
  - 503@/api/tags*1
  - {kind: status, code: 429, retry_after: 7, path: /api/ps, skip: 1, share: 1}
speed: 100000
"""
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def _ask(server, text, model="llama3.2", **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": False, **more}
    return httpx.post(f"{server.url}/api/chat", json=body, timeout=PATIENCE).json()["message"]


@pytest.fixture
def scripted(tmp_path):
    path = tmp_path / "emulator.yaml"
    path.write_text(SCRIPT)
    with Emulator(script=path) as server:
        yield server


def test_script_adds_models(scripted):
    listed = {model.name.short: model.capabilities for model in scripted.models}
    assert listed == {
        "llama3.2:latest": ("completion", "tools", "vision"),
        "qwen3:latest": ("completion", "thinking"),
        "all-minilm:latest": ("embedding",),
    }
    assert scripted.models.get("qwen3").context_length == 8192


def test_script_chooses_replies(scripted):
    assert [_ask(scripted, "the weather?")["content"] for _ in range(2)] == ["It rains.", "Hello there"]
    assert _ask(scripted, "which color?")["content"] == "ab"
    assert _ask(scripted, "2 + 2?", "qwen3") == {"role": "assistant", "content": "four", "thinking": "two and two"}


def test_scripted_tool_call_is_made_once_and_then_answered(scripted):
    called = _ask(scripted, "?", tools=[TOOL])
    assert [call["function"]["arguments"] for call in called["tool_calls"]] == [{"city": "Oslo"}]
    messages = [{"role": "user", "content": "?"}, called, {"role": "tool", "content": "11", "tool_name": "get_weather"}]
    body = {"model": "llama3.2", "messages": messages, "tools": [TOOL], "stream": False}
    assert httpx.post(f"{scripted.url}/api/chat", json=body).json()["message"]["content"] == "Hello there"
    assert _ask(scripted, "?")["content"] == "Hello there"  # no tool is offered


def test_script_injects_faults(scripted):
    assert [httpx.get(f"{scripted.url}/api/tags").status_code for _ in range(2)] == [503, 200]
    assert httpx.get(f"{scripted.url}/api/ps").status_code == 200
    answer = httpx.get(f"{scripted.url}/api/ps")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_script_sets_the_speed(scripted):
    assert scripted.speed.tokens_per_second == 100000


def test_reset_returns_to_the_script(scripted):
    scripted.models.clear()
    scripted.reply("other")
    assert _ask_status(scripted) == 404
    scripted.reset()
    assert _ask(scripted, "?")["content"] == "Hello there"


def _ask_status(server):
    return httpx.post(f"{server.url}/api/chat", json=CHAT).status_code


def test_script_may_be_a_mapping_or_several():
    with Emulator(script=[{"models": "m"}, {"replies": "one"}]) as server:
        assert _ask(server, "?", "m")["content"] == "one"


def test_script_may_be_json(tmp_path):
    path = tmp_path / "emulator.json"
    path.write_text('{\n\t"models": ["m"],\n\t"replies": ["\\ud83c\\udf0d"]\n}')
    with Emulator(script=path) as server:
        assert _ask(server, "?", "m")["content"] == "🌍"


def test_call_without_arguments_fits_the_schema():
    with Emulator(script={"models": "m", "replies": {"tool_calls": "get_weather"}}) as server:
        call = _ask(server, "?", "m", tools=[TOOL])["tool_calls"][0]["function"]
    assert call["arguments"] == {"city": "alpha"}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("models: [a]\nreplis: [b]", "2: replis: there is no such name here; give some of models, replies, faults, speed"),
        ("models:\n  - name: a\n    size: 1", "3: models[0].size: there is no such name here"),
        ("models:\n  - a\n  - b:tools,flying", "3: models[1]: 'flying' is no capability; give some of completion"),
        ("models:\n  - {name: 'a b'}", "2: models[0]: 'a b' is no model name"),
        ("models:\n  - {name: a, context_length: long}", "2: models[0].context_length: 'long' is not a whole number"),
        ("replies:\n  - text: a\n    times: 0", "3: replies[0].times: 0 is below 1"),
        ("replies:\n  - text: a\n    finished: maybe", "3: replies[0].finished: 'maybe' is not true or false"),
        ("replies:\n  - pattern: '('", "2: replies[0].pattern: '(' is no regular expression"),
        ("replies:\n  - [a]", "2: replies[0]: ['a'] is no object"),
        ("replies:\n  - tool_calls: [{arguments: {}}]", "2: replies[0].tool_calls[0]: a tool call needs a name"),
        ("replies:\n  - tool_calls: ['f={']", "2: replies[0].tool_calls[0]: the arguments '{' are not JSON"),
        ("replies:\n  - tool_calls: ['f=1']", "2: replies[0].tool_calls[0]: the arguments '1' are not a JSON object"),
        ("faults:\n  - 50@x", "2: faults[0]: '50@x' is no fault; give KIND[=VALUE][@PATH][*TIMES]"),
        ("faults:\n  - explode", "2: faults[0]: 'explode' is no fault; give a status such as 503, or one of status, delay"),
        ("faults:\n  - 503@api", "2: faults[0]: path='api'; paths begin with a slash"),
        ("faults:\n  - 503=1", "2: faults[0]: '503=1' is no fault; a status takes no value"),
        ("faults:\n  - delay", "2: faults[0]: delay needs seconds"),
        ("faults:\n  - delay=long", "2: faults[0]: seconds is 'long'; give float"),
        ("faults:\n  - refuse=1", "2: faults[0]: refuse takes no value"),
        ("faults:\n  - refuse@/x", "2: faults[0]: 'refuse' applies before there is a request"),
        ("faults:\n  - {code: 503}", "2: faults[0]: a fault needs a kind"),
        ("faults:\n  - {kind: stall, befor: 1}", "2: faults[0]: stall takes no befor; it takes after"),
        ("faults:\n  - {kind: stall, share: 2}", "2: faults[0]: share=2; give a number between 0 and 1"),
        ("speed: -1", "1: speed: tokens_per_second=-1; give items per second above 0"),
        ("speed:\n  fast: 1", "2: speed.fast: there is no such name here"),
        ("- a", "1: ['a'] is no object; give some of models"),
        ("models: [a\nreplies: b", "2: not YAML: "),
        ("models: a\nmodels: b", "2: models stands here twice"),
        ("models: [\x07]", ": not YAML: "),
    ],
)  # fmt: skip
def test_error_in_a_script_names_file_line_and_value(tmp_path, script, message):
    path = tmp_path / "emulator.yaml"
    path.write_text(script)
    with pytest.raises(ValueError, match="yaml") as caught:
        Emulator(script=path)
    assert str(caught.value).startswith(f"{path}:{message}" if message[0] != ":" else f"{path}{message}")


def test_wrong_script_has_no_effect_at_all():
    with Emulator(control=True) as server:
        refused = httpx.post(f"{server.url}/_emulator/script", content="models: [m]\nfaults: [nothing]")
        assert len(server.models) == 0
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("script:2: faults[0]: 'nothing' is no fault")


@pytest.fixture
def controlled():
    with Emulator(control=True) as server, httpx.Client(base_url=f"{server.url}/_emulator", timeout=PATIENCE) as client:
        yield server, client


def test_control_routes_set_up_faults_and_replies(controlled):
    server, control = controlled
    assert control.post("/script", json={"models": ["m"], "replies": ["one"]}).json() == {"status": "ok"}
    assert _ask(server, "?", "m")["content"] == "one"
    for faults in ('"503@/api/tags*1"', '["429@/api/tags*1"]', '{"kind": "status", "code": 418, "times": 1}'):
        assert control.post("/faults", content=faults).status_code == 200
    assert [httpx.get(f"{server.url}/api/tags").status_code for _ in range(4)] == [503, 429, 418, 200]
    control.post("/faults", json="503")
    control.delete("/faults")
    control.delete("/script")
    assert _ask(server, "?", "m")["content"] == "This is m. You said: ?"


def test_wrong_fault_is_refused_by_its_place(controlled):
    _, control = controlled
    answer = control.post("/faults", json=["503", {"kind": "stall", "after": "x"}])
    assert (answer.status_code, answer.json()["error"]) == (400, "faults: faults[1]: after is 'x'; give int")


def test_journal_holds_requests_and_no_control_requests(controlled):
    server, control = controlled
    control.post("/script", json={"models": ["m"]})
    _ask(server, "?", "m")
    httpx.post(f"{server.url}/api/chat", content=b"{")
    httpx.post(f"{server.url}/api/blobs/sha256:0", content=b"\xff")
    entries = control.get("/journal", params={"count": 3, "timeout": PATIENCE}).json()
    assert [(entry["path"], entry["status"]) for entry in entries[:2]] == [("/api/chat", 200), ("/api/chat", 400)]
    assert entries[0]["json"]["messages"][0]["content"] == "?"
    assert (entries[0]["model"], entries[0]["finished"], entries[0]["hung_up"]) == ("m", True, False)
    assert (entries[1]["text"], entries[2]["base64"]) == ("{", "/w==")
    control.delete("/journal")
    assert control.get("/journal").json() == []


def test_journal_waits_for_a_client_that_hangs_up(controlled):
    server, control = controlled
    control.post("/script", json={"models": ["m"], "faults": ["stall=1"], "replies": ["a b c"]})
    with Ollama(server.url) as client, client.chat("m", CHAT["messages"], stream=True) as stream:
        next(stream)
        assert control.get("/journal", params={"timeout": 0}).json()[0]["finished"] is False
    (entry,) = control.get("/journal", params={"count": 1, "timeout": PATIENCE}).json()
    assert entry["hung_up"] is True


def test_reset_from_outside_returns_to_the_start():
    with Emulator(control=True, script={"models": "m", "replies": "one"}) as server:
        httpx.post(
            f"{server.url}/_emulator/script", json={"models": "n", "replies": "two", "faults": "503", "speed": 1}
        )
        assert httpx.post(f"{server.url}/_emulator/reset").status_code == 200
        assert _ask(server, "?", "m")["content"] == "one"
        assert [model.name.short for model in server.models] == ["m:latest"]
        assert server.speed.tokens_per_second is None
        assert len(server.requests) == 1


def test_control_routes_are_listed_and_refuse_what_is_unknown(controlled):
    server, control = controlled
    described = control.get("").json()
    assert "POST /_emulator/faults" in described["routes"]
    assert described["version"] == server.version
    assert control.get("/nothing").json()["error"].startswith("there is no /_emulator/nothing; GET /_emulator lists")
    assert control.put("/faults").json()["error"] == "/_emulator/faults takes POST and DELETE"
    assert control.get("/journal", params={"count": "many"}).status_code == 400


def test_control_routes_are_off_unless_asked_for():
    with Emulator() as server:
        assert httpx.get(f"{server.url}/_emulator").status_code == 404


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_control_routes_refuse_web_pages(controlled, headers):
    _, control = controlled
    assert control.post("/reset", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("client", "status"), [("10.0.0.7", 403), ("::ffff:127.0.0.1", 200), ("::1", 200), (None, 403)]
)
@pytest.mark.anyio
async def test_control_routes_serve_only_this_machine(client, status):
    from ollama_sdk.testing import Faults, Requests
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing._setup.control import Control

    control = Control(None, Backend(), Faults(), Requests(), lambda: None)
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/_emulator/reset", "query_string": b"", "client": client and (client, 9),
        "headers": [(b"host", b"localhost")],
    }  # fmt: skip
    await control(scope, None, send)
    assert sent[0]["status"] == status


@contextmanager
def _running(*arguments):
    """Run the command line; yield the process and the line that it prints first."""
    command = [sys.executable, "-m", "ollama_sdk.testing", *arguments]
    # A shell starts background jobs with SIGINT ignored, and child processes inherit that.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path.cwd(), preexec_fn=listening) as process:  # noqa: PLW1509 - it only sets a signal
        try:
            yield process, process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)


def test_command_line_sets_an_emulator_up(tmp_path):
    path = tmp_path / "emulator.yaml"
    path.write_text("models: [scripted]")
    options = [
        "--model", "llama3.2:tools,vision", "--reply", "One", "--reply", "Hello", "--tool-call", "get_weather",
        "--fault", "503@/api/tags*1", "--speed", "100000", "--version", "0.40.12", "--script", str(path), "--control",
    ]  # fmt: skip
    with _running("--port", "0", *options) as (process, first):
        url = first.split()[0]
        assert "scripted:latest" in first
        assert first.endswith(" as Ollama 0.40.12\n")
        with Ollama(url) as client:
            assert [client.chat("llama3.2", CHAT["messages"]).message.content for _ in range(3)] == [
                "One",
                "Hello",
                "Hello",
            ]
            called = client.chat("llama3.2", CHAT["messages"], tools=[TOOL]).message
            assert [call.function.arguments for call in called.tool_calls] == [{"city": "alpha"}]
            assert client.version().version == "0.40.12"
            capabilities = client.show("llama3.2").capabilities
        assert set(capabilities) == {"completion", "tools", "vision"}
        assert [httpx.get(f"{url}/api/tags").status_code for _ in range(2)] == [503, 200]
        assert httpx.post(f"{url}/_emulator/reset").status_code == 200
        assert httpx.get(f"{url}/api/tags").status_code == 503
        assert process.stdout.readline().startswith("POST /api/chat llama3.2: 200, ")


def test_command_line_records_and_replays(server, tmp_path):
    with _running("record", "--upstream", server.url, "--to", str(tmp_path)) as (process, first):
        recorded = httpx.get(f"{first.split()[0]}/api/tags").content
        assert f"records {server.url} to {tmp_path}" in first
        assert process.stdout.readline().startswith("GET /api/tags: 200, ")
    assert [exchange.path for exchange in read_recordings(tmp_path)] == ["/api/tags"]
    with _running("replay", str(tmp_path), "--timing", "--once") as (process, first):
        url = first.split()[0]
        assert "replays 1 recordings" in first
        assert httpx.get(f"{url}/api/tags").content == recorded
        assert httpx.get(f"{url}/api/tags").status_code == 501
        lines = [process.stdout.readline() for _ in range(3)]
    assert any("no recording answers GET /api/tags again: it was recorded once" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "x"], "command line: faults[0]: 'x' is no fault"),
        (["--model", "a:tools,x"], "command line: models[4]: 'x' is no capability"),
        (["--script", "/nothing.yaml"], "No such file or directory: '/nothing.yaml'"),
        (["--speed", "0"], "tokens_per_second=0.0"),
        (["replay", "/nothing"], "/nothing is not a folder"),
        (["record", "--upstream", "ftp://x", "--to", "/tmp"], "use http:// or https://"),
        (["record", "--to", "/tmp"], "--upstream"),
    ],
)  # fmt: skip
def test_command_line_says_what_is_wrong(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["record"], ["replay"]])
def test_help_says_it_all(capsys, command):
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    text = capsys.readouterr().out
    options = {"record": ["--upstream", "--to"], "replay": ["--timing", "--once"]}
    promised = (
        options[command[0]] if command else ["503@/api/chat*2", "--control", "/_emulator/journal", "record", "replay"]
    )
    assert [word for word in promised if word not in text] == []


def test_help_shows_a_script_that_works(capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = capsys.readouterr().out.split("script (YAML", 1)[1].splitlines()
    shown = [
        line for line in lines[1:] if line.startswith(("  models:", "  replies:", "    - ", "  faults:", "  speed:"))
    ]
    path = tmp_path / "shown.yaml"
    path.write_text("\n".join(shown))
    with Emulator(script=path) as server:
        assert {model.name.short for model in server.models} == {"llama3.2:latest", "qwen3:latest"}
        server.faults.clear()
        assert _ask(server, "hm")["content"] == "Hello"
        assert server.speed.tokens_per_second == 50
