"""Every method has the types that the document gives it, for mypy and for pyright: sync, async, streamed and raw."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ollama_sdk._call.operation import Operation
from ollama_sdk._generated.operations import OPERATIONS
from tests.support.document_values import arguments_of, content_of

ROOT = Path(__file__).parents[2]
EMPTY = {"none": "None", "exists": "bool", "reachable": "bool", "digest": "str"}
CHECKERS = {
    "mypy": ("mypy", "--strict", "--no-error-summary", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache'}"),
    "pyright": ("pyright", "--warnings"),
}
HEAD = """\
from typing import assert_type
from ollama_sdk import AsyncByteStream, AsyncOllama, AsyncStream, ByteStream, Ollama, RawResponse, Stream, types as t

async def every_method(sync: Ollama, client: AsyncOllama, stream: bool) -> None:
    raw, async_raw = sync.with_raw_response, client.with_raw_response
"""


def _type(schema: dict[str, Any]) -> str:
    return f"t.{schema['$ref'].rpartition('/')[2]}" if "$ref" in schema else {"string": "str"}[schema["type"]]


def _calls(row: Operation[Any, Any]) -> Iterator[tuple[str, str, str]]:
    """Each way of calling a method: the further argument, and what comes back sync and async."""
    content = {kind: _type(each["schema"]) for kind, each in content_of(row).items()}
    items = next((content.pop(kind) for kind in ("application/x-ndjson", "text/event-stream") if kind in content), None)
    if row.reply == "bytes":
        yield "", "ByteStream", "AsyncByteStream"
        return
    whole = " | ".join(content.values()) or EMPTY[row.reply]
    yield "", whole, whole
    if items:
        streams = f"Stream[{items}, {whole}]", f"AsyncStream[{items}, {whole}]"
        yield "stream=False", whole, whole
        yield "stream=True", *streams
        yield "stream=stream", f"{whole} | {streams[0]}", f"{whole} | {streams[1]}"


def _lines(row: Operation[Any, Any]) -> Iterator[str]:
    given = [f"{name}={value!r}" for name, value in arguments_of(row).items() if name != "stream"]
    for further, sync, other in _calls(row):
        call = f"{row.name}({', '.join([*given, further] if further else given)})"
        yield f"assert_type(raw.{call}, RawResponse[{sync}])"
        yield f"assert_type(await async_raw.{call}, RawResponse[{other}])"
        # Checkers do not want the value of a call that has none.
        yield f"sync.{call}" if sync == "None" else f"assert_type(sync.{call}, {sync})"
        yield f"await client.{call}" if sync == "None" else f"assert_type(await client.{call}, {other})"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a module calls every method in every way."""
    folder = tmp_path_factory.mktemp("calls")
    lines = (f"    {line}\n" for row in OPERATIONS.values() for line in _lines(row))
    (folder / "calls.py").write_text(HEAD + "".join(lines), encoding="utf-8")
    settings = {"typeCheckingMode": "strict", "extraPaths": [str(ROOT)], "include": ["calls.py"]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


@pytest.mark.parametrize("checker", CHECKERS)
def test_methods_have_the_types_of_the_document(checker: str, folder: Path) -> None:
    files = ["calls.py"] if checker == "mypy" else []
    done = subprocess.run(
        [sys.executable, "-m", *CHECKERS[checker], *files],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
