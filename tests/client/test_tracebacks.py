"""A traceback shows the caller's line and ours, not the layers below: thirty lines at most."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import traceback

import nbclient
import nbformat
import pytest

from ollama_sdk import ConfigurationError, NoEndpointError, Ollama, OllamaError
from tests.support.library import library
from tests.support.loopback import PATIENCE, closed_port, replies, replies_and_closes, whole

USER = [{"role": "user", "content": "Hi"}]
MOST = 30


def printed(error):
    """The lines that Python prints, without those of the thread or task that a test's world adds."""
    return "".join(traceback.format_exception(error)).splitlines()


_CALLS = {
    "one piece": lambda client: client.chat("m", USER),
    "streamed": lambda client: list(client.chat("m", USER, stream=True)),
    "raw": lambda client: client.with_raw_response.chat("m", USER),
}
_ANSWERS = {
    "404": replies(whole(b'{"error":"model \'m\' not found"}', 404)),
    "a page": replies(whole(b"<html><title>502 Bad Gateway</title></html>", 502, "text/html")),
    "not JSON": replies(whole(b"Ollama is running")),
    "another form": replies(whole(b'{"model":4,"message":[]}')),
    "a failure": replies(whole(b'{"error":"boom"}', content_type="application/x-ndjson")),
    "nothing": replies_and_closes(b""),
    "half": replies_and_closes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-type: application/x-ndjson\r\n\r\n{"),
}
_BAD_ARGUMENTS = {
    "an option": {"messages": USER, "options": {"seed": object()}},
    "a kind": {"messages": "Hi"},
    "a file": {"messages": [{"role": "user", "content": "Hi", "images": [b"", pytest]}]},
    "a surrogate": {"messages": [{"role": "user", "content": "\ud800"}]},
    "a header": {"messages": USER, "extra_headers": {"x y": "z"}},
}


@pytest.mark.parametrize("call", _CALLS.values(), ids=_CALLS)
def test_the_traceback_of_a_refused_connection_is_short(sync_client, call):
    with pytest.raises(OllamaError) as caught:
        call(sync_client(f"127.0.0.1:{closed_port()}"))
    lines = printed(caught.value)
    assert len(lines) <= MOST
    assert "httpcore" not in "\n".join(lines)


@pytest.mark.parametrize("call", _CALLS.values(), ids=_CALLS)
@pytest.mark.parametrize("answer", _ANSWERS.values(), ids=_ANSWERS)
def test_the_traceback_of_a_failed_call_is_short(serve, sync_client, call, answer):
    with pytest.raises(OllamaError) as caught:
        call(sync_client(serve(answer).url))
    assert len(printed(caught.value)) <= MOST


@pytest.mark.parametrize("arguments", _BAD_ARGUMENTS.values(), ids=_BAD_ARGUMENTS)
@pytest.mark.parametrize("stream", [False, True])
def test_the_traceback_of_a_bad_argument_is_short(sync_client, arguments, stream):
    with pytest.raises(ConfigurationError) as caught:
        sync_client("127.0.0.1:9").chat("m", stream=stream, **arguments)
    assert len(printed(caught.value)) <= MOST


def test_async_calls_add_no_frames_of_the_layers_below(world, serve):
    for host in (f"127.0.0.1:{closed_port()}", serve(_ANSWERS["404"]).url):
        with world.client(host) as client, pytest.raises(OllamaError) as caught:
            client.chat("m", USER)
        frames = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
        ours = [name for name in frames if "ollama_sdk" in name]
        assert 0 < len(ours) <= 6
        assert not any("_transport" in name or "httpcore" in name for name in frames)


def test_a_fault_of_the_callers_transport_keeps_its_traceback():
    def broken(_):
        raise ZeroDivisionError("mine")

    with Ollama("127.0.0.1:9", transport=library.MockTransport(broken)) as client, pytest.raises(OllamaError) as caught:
        client.version()
    assert "in broken" in "\n".join(printed(caught.value))


def test_frames_of_the_package_can_be_hidden(sync_client):
    with pytest.raises(ConfigurationError) as caught:
        sync_client("127.0.0.1:9").chat("m", "Hi")
    shown = []
    step = caught.value.__traceback__
    while step is not None:
        if not step.tb_frame.f_locals.get("__tracebackhide__"):
            shown.append(step.tb_frame.f_code.co_name)
        step = step.tb_next
    assert shown == ["test_frames_of_the_package_can_be_hidden"]


def test_each_endpoint_of_a_group_adds_one_line(sync_client):
    hosts = [f"127.0.0.1:{closed_port()}" for _ in range(2)]
    from ollama_sdk import Failover

    with pytest.raises(NoEndpointError) as caught:
        sync_client(hosts, failover=Failover()).version()
    assert len(printed(caught.value)) <= MOST


_CELLS = {
    "refused": "Ollama('{closed}').chat('m', USER)",
    "refused, streamed": "Ollama('{closed}').chat('m', USER, stream=True)",
    "refused, async": "await AsyncOllama('{closed}').chat('m', USER)",
    "404": "Ollama('{missing}').chat('m', USER)",
    "404, v1": "Ollama('{missing}').v1.chat.completions.create('m', USER)",
    "bad option": "Ollama('{closed}').chat('m', USER, options={{'temperature': object()}})",
    "bad messages": "Ollama('{closed}').chat('m', 'Hi')",
    "bad policy": "Ollama('{closed}', retry=3)",
    "bad host": "Ollama('http://127.0.0.1:99999')",
    "hosts without failover": "Ollama(['{closed}', '{missing}'])",
}
_NOTEBOOK = """
import contextlib, io, json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
shell.run_cell("from ollama_sdk import *; USER = [{'role': 'user', 'content': 'Hi'}]")
shown = {}
for mode in ("Plain", "Context", "Verbose"):
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_line_magic("xmode", mode)
    for name, cell in json.loads(sys.argv[1]).items():
        with contextlib.redirect_stdout(io.StringIO()) as out:
            shell.run_cell(cell)
        shown[f"{name}, {mode}"] = out.getvalue()
print(json.dumps(shown))
"""


def test_a_kernel_prints_thirty_lines_at_most(serve, tmp_path, monkeypatch):
    """What a person sees below a cell: the kernel's own traceback, without the shell's settings of the test above."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    missing = serve(*[replies_and_closes(whole(b'{"error":"model \'m\' not found"}', 404))] * 9)
    names = {"closed": "http://127.0.0.1:9", "missing": missing.url}  # the kernel takes free ports itself
    setup = nbformat.v4.new_code_cell("from ollama_sdk import *; USER = [{'role': 'user', 'content': 'Hi'}]")
    cells = [nbformat.v4.new_code_cell(cell.format(**names)) for cell in _CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=[setup, *cells])
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", allow_errors=True).execute()
    lines = {}
    for name, cell in zip(_CELLS, cells, strict=True):
        (error,) = (output for output in cell.outputs if output.output_type == "error")
        lines[name] = len("\n".join(error.traceback).splitlines())
        assert error.ename.endswith("Error"), name
        assert error.evalue in error.traceback[-1], name
    assert {name: count for name, count in lines.items() if count > MOST} == {}


def test_a_notebook_shows_thirty_lines_at_most(serve, tmp_path):
    """IPython prints the source around each frame that is not hidden, so it shows far more than Python itself."""
    missing = serve(*[replies_and_closes(whole(b'{"error":"model \'m\' not found"}', 404))] * 9)
    names = {"closed": f"http://127.0.0.1:{closed_port()}", "missing": missing.url}
    cells = {name: cell.format(**names) for name, cell in _CELLS.items()}
    command = [sys.executable, "-c", _NOTEBOOK, json.dumps(cells)]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout.splitlines()[-1])
    assert {name: text for name, text in shown.items() if len(text.splitlines()) > MOST} == {}
    for name, text in shown.items():
        assert re.search(r"----> 1 |File .*, in <module>|Cell In\[", text), name
        assert "Error: " in text.strip().splitlines()[-1], name
