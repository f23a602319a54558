"""What notebooks and terminals show of replies and streams."""

from __future__ import annotations

import asyncio
import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import nbclient
import nbformat
import pytest
from markdown_it import MarkdownIt

from ollama_sdk import AsyncOllama, IncompleteReplyError, Ollama, _display, types
from ollama_sdk.reliability import EndpointHealth
from ollama_sdk.testing import Emulator, ScriptedToolCall
from tests.support.loopback import chunked, replies_and_closes, whole

NOTEBOOK = Path(__file__).parent / "notebook.ipynb"
HOSTILE = "<script>alert(1)</script>"
USER = [{"role": "user", "content": "Hi"}]


class Tags(HTMLParser):
    """The tags and the text of some HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.tags += [
            f"{name}={value}"
            for name, value in attrs
            if name.startswith("on") or re.match(r"\s*\w*script:", value or "")
        ]

    def handle_data(self, data):
        self.text += data


def rendered(reply):
    return Tags(MarkdownIt("commonmark", {"html": True}).render(reply._repr_markdown_()))


def chat(content="", **fields):
    return types.ChatResponse.from_dict(
        {"model": "llama3.2", "message": {"role": "assistant", "content": content, **fields}, "done": True}
    )


def test_a_reply_is_its_text_thinking_calls_and_metrics():
    reply = types.ChatResponse.from_dict(
        {
            "model": "llama3.2",
            "message": {
                "role": "assistant",
                "content": "It is **blue**.",
                "thinking": "Light\n\nscatters.",
                "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}}],
            },
            "done": True,
            "done_reason": "length",
            "prompt_eval_count": 26,
            "eval_count": 12,
            "eval_duration": 300_000_000,
            "total_duration": 1_250_000_000,
        }
    )
    shown = rendered(reply)
    assert shown.tags == ["details", "summary", "pre", "p", "strong", "p", "code", "p", "small"]
    assert "Light\n\nscatters." in shown.text
    assert 'Calls get_weather(city="Zürich", days=2)' in shown.text
    facts = "llama3.2 · 12 tokens, 40 per second · prompt of 26 · 1.25 s in total · cut off at the token limit"
    assert facts in shown.text


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        f"# Title\n\n{HOSTILE}\n",
        f"```html\n{HOSTILE}\n```",
        f"```html\n{HOSTILE}",
        f"- a\n\n  ```\n{HOSTILE}\n  ```\n{HOSTILE}",
        f"    ```\n\n{HOSTILE}\n```\n{HOSTILE}",
        f"> ```\n{HOSTILE}",
        f"`a {HOSTILE} b` ``{HOSTILE}`` `{HOSTILE}",
        f"```\n</code></pre>{HOSTILE}\n```",
        f"$$\n```\n$$\n{HOSTILE}",
        "<img src=x onerror=alert(1)>",
        "<!-- --><script\n>alert(1)</script>",
        "[x](javascript:alert(1)) ![x]( JavaScript:alert(1)) [y]\n\n[y]: javascript:alert(1)",
        "[x](javascript\\:alert(1)) [x](&#106;avascript:alert(1)) <javascript:alert(1)>",
    ],
)
def test_text_from_a_server_is_never_markup(text: str):
    for reply in (chat(text), chat(thinking=text), chat(text, thinking=text)):
        shown = rendered(reply)
        assert not {"script", "img", "iframe"} & set(shown.tags), reply._repr_markdown_()
        assert not [tag for tag in shown.tags if "=" in tag], shown.tags
    arguments = {"city": text, text: 1}
    shown = rendered(chat(tool_calls=[{"function": {"name": text, "arguments": arguments}}]))
    assert set(shown.tags) <= {"p", "code", "small"}


def test_code_is_shown_as_it_was_written():
    text = (
        "Use `a<b && *c*`:\n\n1. so:\n\n   ```python\n   if a < b & c:\n\n       pass\n   ```\n2. done\n\n~~~\n<p>\n~~~"
    )
    shown = rendered(chat(text))
    assert "a<b && *c*" in shown.text
    assert "if a < b & c:\n\n    pass" in shown.text
    assert "<p>" in shown.text
    assert shown.tags.count("ol") == 1  # the code stays in its item


def test_every_reply_with_text_is_shown():
    messages = {"content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}], "model": "m"}
    response = {
        "model": "m",
        "output": [
            {"type": "reasoning", "id": "1", "summary": [{"type": "summary_text", "text": "t"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "x"}]},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a": 1}'},
        ],
    }
    for kind, data in {
        types.GenerateResponse: {"response": "x", "thinking": "t", "model": "m"},
        types.ChatCompletion: {"choices": [{"message": {"role": "assistant", "content": "x", "reasoning": "t"}}]},
        types.Completion: {"choices": [{"text": "x"}], "usage": {"completion_tokens": 3}},
        types.MessagesResponse: messages,
        types.ResponseObject: response,
        types.Message: {"role": "assistant", "content": "x", "thinking": "t"},
    }.items():
        shown = rendered(kind.from_dict(data)).text
        assert "x" in shown
        assert ("Thinking" in shown) == ("t" in str(data.get("thinking", "")) or kind is not types.Completion)
    assert "f(a=1)" in rendered(types.ResponseObject.from_dict(response)).text


def test_the_tables_name_classes_that_are_there():
    for name in (*_display._PARTS, *_display._TABLES, *_display._DELTAS):
        assert getattr(types, name)
    assert types.VersionResponse(version="1")._repr_html_() is None
    assert types.VersionResponse(version="1")._repr_markdown_() is None


def test_models_are_a_table():
    details = {"quantization_level": "Q4_K_M", "parameter_size": "3.2B"}
    listed = types.ModelList.from_dict(
        {
            "models": [
                {"name": HOSTILE, "size": 2_019_393_189, "details": details, "capabilities": ["completion", "tools"]},
                {"name": "b"},
            ]
        }
    )
    shown = Tags(listed._repr_html_())
    assert "script" not in shown.tags
    for text in (HOSTILE, "2.02 GB", "3.2B", "Q4_K_M", "completion, tools", "2 models"):
        assert text in shown.text
    assert "modified" not in shown.text  # no row has it
    running = types.RunningModelList(
        models=[
            types.RunningModel(
                name="a", size=100, size_vram=50, context_length=4096, expires_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
            ),
            types.RunningModel(name="b", expires_at=datetime(2318, 1, 1, tzinfo=UTC)),
        ]
    )
    text = Tags(running._repr_html_()).text
    for part in ("50%", "4096", "2026-01-02 03:04", "unloaded by hand", "2 loaded models"):
        assert part in text
    assert "0 models" in types.ModelList(models=[])._repr_html_()


def test_details_vectors_and_health_are_tables():
    show = types.ShowResponse.from_dict(
        {
            "details": {"family": "llama", "parameter_size": "3.2B"},
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
            "parameters": "stop    <eot>\nstop  x",
            "template": HOSTILE,
            "license": f"{HOSTILE}\nmore",
            "capabilities": ["tools"],
        }
    )
    shown = Tags(show._repr_html_())
    assert "script" not in shown.tags
    for text in ("131072", "stop <eot>; stop x", "Template", "3.2B"):
        assert text in shown.text
    vectors = types.EmbedResponse(embeddings=[[0.5] * 768] * 9, model="all-minilm")
    text = Tags(vectors._repr_html_()).text
    assert "9 vectors of 768 numbers by all-minilm; the first 5" in text
    assert text.count("0.5") == 30
    assert "0 vectors of 0 numbers" in types.EmbedResponse(embeddings=[])._repr_html_()
    rows = [EndpointHealth("http://a", 0.0, True, "0.40.12", 0.0031, frozenset("ab"), frozenset({HOSTILE}))]
    rows.append(EndpointHealth("http://b", 0.0, error=HOSTILE))
    shown = Tags(_display.health_html(rows))
    assert "script" not in shown.tags
    assert "3.1 ms" in shown.text


def test_a_health_check_is_a_tuple_with_a_table():
    with Emulator() as server, Ollama(server.url) as client:
        results = client.health.check()
    assert results == tuple(results)
    assert server.url in results._repr_html_()


@pytest.mark.parametrize("world", ["sync", "async"])
def test_a_terminal_gets_text_as_it_arrives(world: str, capsys: pytest.CaptureFixture[str]):
    with Emulator() as server:
        server.models.add("llama3.2", capabilities=["completion", "tools", "thinking"])
        server.reply("Hel", "lo", thinking="Hm", tool_calls=[ScriptedToolCall("add", {"a": 1})])
        if world == "sync":
            with Ollama(server.url) as client, client.chat("llama3.2", USER, stream=True, think=True) as stream:
                stream.display()
                reply = stream.collect()
        else:

            async def main():
                async with AsyncOllama(server.url) as client:
                    stream = await client.chat("llama3.2", USER, stream=True, think=True)
                    await stream.display()
                    return await stream.collect()

            reply = asyncio.run(main())
    assert capsys.readouterr().out == "Hm\n\nHello\nCalls add(a=1)\n"
    assert reply.message.content == "Hello"


def test_every_stream_of_text_is_displayed(capsys: pytest.CaptureFixture[str]):
    with Emulator() as server, Ollama(server.url) as client:
        server.models.add("llama3.2", capabilities=["completion"])
        server.reply("Hel", "lo", times=None)
        client.generate("llama3.2", "Hi", stream=True).display()
        client.v1.chat.completions.create("llama3.2", USER, stream=True).display()
        client.v1.completions.create("llama3.2", "Hi", stream=True).display()
        client.v1.messages.create("llama3.2", max_tokens=100, messages=USER, stream=True).display()
        client.v1.responses.create("llama3.2", "Hi", stream=True).display()
        assert capsys.readouterr().out == "Hello\n" * 5
        client.pull("mistral", stream=True).display()
        assert capsys.readouterr().out.endswith("success\n")


def test_a_displayed_stream_that_is_cut_closes_and_raises(serve, sync_client, capsys: pytest.CaptureFixture[str]):
    body = b'{"message":{"role":"assistant","content":"Hel"},"done":false}\n'
    server = serve(replies_and_closes(whole(body, content_type="application/x-ndjson")))
    stream = sync_client(server.url).chat("llama3.2", USER, stream=True)
    with pytest.raises(IncompleteReplyError):
        stream.display()
    assert capsys.readouterr().out == "Hel\n"


def test_an_interrupted_display_closes_the_connection(serve, sync_client, monkeypatch: pytest.MonkeyPatch):
    def script(connection):
        connection.request()
        item = b'{"message":{"role":"assistant","content":"Hel"},"done":false}\n'
        connection.send(chunked("application/x-ndjson", item))
        connection.watch()

    class Interrupted(io.StringIO):
        def write(self, text):
            if text == "Hel":
                raise KeyboardInterrupt
            return len(text)

    server = serve(script)
    stream = sync_client(server.url).chat("llama3.2", USER, stream=True)
    monkeypatch.setattr(sys, "stdout", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        stream.display()
    assert stream.state == "closed"
    assert server.hung_up()


def test_displaying_loads_nothing_before_it_is_asked_for():
    code = "import sys, ollama_sdk.types as t; t.ChatResponse; print('ollama_sdk._display' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout == "False\n"


def test_the_notebook_shows_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    if kept := os.environ.get("KEEP_NOTEBOOK"):  # to be looked at
        nbformat.write(notebook, kept)
    outputs = {cell.metadata["shows"]: cell.outputs for cell in notebook.cells if "shows" in cell.metadata}
    for shows, found in outputs.items():
        kind, _, pattern = shows.partition(": ")
        data = [str(each.get("data", {}).get(kind, "")) for each in found]
        assert any(re.search(pattern, text, re.DOTALL) for text in data), (shows, found)
