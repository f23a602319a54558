"""A new endpoint is an edit of the document and nothing else."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.generator.generator_kit import ROOT, edited, run
from tests.support.loopback import END, Loopback, chunk, chunked, replies, whole

PATHS = """\
  /api/shelves/{shelf}/sort:
    post:
      operationId: sort_shelf
      summary: Sort what stands on a shelf.
      tags: [models]
      x-repeat: safe
      x-stream: {last: {finished: true}, collect: merge}
      parameters:
        - {name: shelf, in: path, required: true, description: The shelf., schema: {type: string}}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/SortRequest'}}}
      responses:
        "200":
          description: The books in order.
          content:
            application/json: {schema: {$ref: '#/components/schemas/SortReply'}}
            application/x-ndjson: {schema: {$ref: '#/components/schemas/SortStep'}}
  /v1/library/search:
    post:
      operationId: v1.library.books.search
      summary: Search the books.
      tags: [models]
      x-repeat: safe
      x-stream: {last: {data: '[DONE]'}, collect: merge}
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/BookQuery'}}}
      responses:
        "200":
          description: What was found.
          content:
            application/json: {schema: {$ref: '#/components/schemas/BookResult'}}
            text/event-stream: {schema: {$ref: '#/components/schemas/BookResult'}}

"""
SCHEMAS = """\
    SortRequest:
      type: object
      description: How to sort.
      required: [by]
      properties:
        by: {anyOf: [{enum: [title, size]}, {type: array, items: {type: string}}], description: The order.}
        rows: {type: array, items: {type: array, items: {$ref: '#/components/schemas/Book'}}, description: The books.}
        extras: {type: object, additionalProperties: true, description: Free-form.}
        stream: {type: boolean, description: Whether to stream.}
    Book:
      type: object
      description: A book.
      required: [title]
      properties:
        title: {type: string, description: Its title.}
        pages: {type: integer, description: How many it has.}
    SortReply:
      type: object
      description: The books in order.
      required: [finished]
      properties:
        finished: {type: boolean, description: Whether the shelf is sorted.}
        log: {type: string, description: What was done.}
        rows: {type: array, items: {type: array, items: {$ref: '#/components/schemas/Book'}}, description: The books.}
    SortStep:
      type: object
      description: One step of sorting.
      properties:
        finished: {type: boolean, description: Whether this is the last step.}
        log: {type: string, x-merge: concat, description: What was done.}
    BookQuery:
      type: object
      description: What to look for.
      required: [words]
      properties:
        words: {type: string, description: What to look for.}
        stream: {type: boolean, description: Whether to stream.}
    BookResult:
      type: object
      description: Books that were found.
      required: [text]
      properties:
        text: {type: string, x-merge: concat, description: What they say.}
"""

SHELF = "hf.co/org/shelf:Q4 é"
REPLY = {"finished": True, "rows": [[{"title": "A", "pages": 3, "cover": "blue"}]]}
STEPS = ({"log": "one "}, {"log": "two"}, {"finished": True})
FOUND = ({"text": "It was "}, {"text": "a book."})


def _ndjson() -> bytes:
    return chunked("application/x-ndjson", *(json.dumps(step).encode() + b"\n" for step in STEPS)) + END


def _sse() -> bytes:
    events = (b"data: " + json.dumps(item).encode() + b"\n\n" for item in FOUND)
    return chunked("text/event-stream", *events) + chunk(b"data: [DONE]\n\n") + END


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the document with the new endpoints was built, as the package ``fresh_client``."""
    folder = tmp_path_factory.mktemp("endpoint")
    text = (ROOT / "openapi" / "ollama.yaml").read_text(encoding="utf-8")
    text = edited(
        ("\ncomponents:\n", f"\n{PATHS}components:\n"), ("\n  schemas:\n", f"\n  schemas:\n{SCHEMAS}"), text=text
    )
    document = folder / "edited.yaml"
    document.write_text(text, encoding="utf-8")
    assert run("build", "--document", document, "--output", folder / "fresh_client").status == 0
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.partition(".")[0] == "fresh_client"]:
        del sys.modules[name]


@pytest.fixture
def models(folder: Path) -> ModuleType:
    return importlib.import_module("fresh_client.models")


def _sync(folder: Path, url: str) -> Any:
    return importlib.import_module("fresh_client.sync_client").Ollama(url)


def _async(folder: Path, url: str) -> Any:
    return importlib.import_module("fresh_client.async_client").AsyncOllama(url)


def _arguments(models: ModuleType) -> dict[str, Any]:
    rows = [[models.Book(title="A", pages=3), {"title": "B"}], []]
    return {"by": ["title", "pages"], "rows": rows, "extras": {"deep": [{"x": None}]}}


def _check_request(server: Loopback, *, stream: bool) -> None:
    (request,) = server.requests
    assert request.line == "POST /api/shelves/hf.co%2Forg%2Fshelf:Q4%20%C3%A9/sort HTTP/1.1"
    assert json.loads(request.body) == {
        "by": ["title", "pages"],
        "rows": [[{"title": "A", "pages": 3}, {"title": "B"}], []],
        "extras": {"deep": [{"x": None}]},
        "stream": stream,
    }


def _check_reply(reply: Any, models: ModuleType) -> None:
    assert reply == models.SortReply.from_dict(REPLY)
    assert reply.rows[0][0].pages == 3
    assert reply.rows[0][0].additional_properties == {"cover": "blue"}
    assert reply.log is None


def test_new_method_returns_a_new_model(folder: Path, models: ModuleType) -> None:
    with Loopback(replies(whole(json.dumps(REPLY).encode()))) as server, _sync(folder, server.url) as client:
        _check_reply(client.sort_shelf(SHELF, **_arguments(models)), models)
        _check_request(server, stream=False)


@pytest.mark.anyio
async def test_new_async_method_returns_a_new_model(folder: Path, models: ModuleType) -> None:
    with Loopback(replies(whole(json.dumps(REPLY).encode()))) as server:
        async with _async(folder, server.url) as client:
            _check_reply(await client.sort_shelf(SHELF, **_arguments(models)), models)
        _check_request(server, stream=False)


def test_new_stream_yields_and_collects_items(folder: Path, models: ModuleType) -> None:
    with Loopback(replies(_ndjson(), _ndjson())) as server, _sync(folder, server.url) as client:
        with client.sort_shelf(SHELF, **_arguments(models), stream=True) as stream:
            assert list(stream) == [models.SortStep.from_dict(step) for step in STEPS]
        _check_request(server, stream=True)
        whole_reply = client.sort_shelf(SHELF, "title", stream=True).collect()
        assert whole_reply == models.SortReply(finished=True, log="one two")


@pytest.mark.anyio
async def test_new_async_stream_yields_and_collects_items(folder: Path, models: ModuleType) -> None:
    with Loopback(replies(_ndjson(), _ndjson())) as server:
        async with _async(folder, server.url) as client:
            async with await client.sort_shelf(SHELF, **_arguments(models), stream=True) as stream:
                assert [item async for item in stream] == [models.SortStep.from_dict(step) for step in STEPS]
            _check_request(server, stream=True)
            whole_reply = await (await client.sort_shelf(SHELF, "title", stream=True)).collect()
            assert whole_reply == models.SortReply(finished=True, log="one two")


def test_new_event_stream_two_groups_deep_works(folder: Path, models: ModuleType) -> None:
    with Loopback(replies(_sse(), _sse())) as server, _sync(folder, server.url) as client:
        search = client.v1.library.books.search
        assert [item.text for item in search("book", stream=True)] == ["It was ", "a book."]
        assert search("book", stream=True).collect() == models.BookResult(text="It was a book.")
        assert server.requests[0].line == "POST /v1/library/search HTTP/1.1"


@pytest.mark.anyio
async def test_new_async_event_stream_two_groups_deep_works(folder: Path, models: ModuleType) -> None:
    with Loopback(replies(_sse(), _sse())) as server:
        async with _async(folder, server.url) as client:
            search = client.v1.library.books.search
            assert [item.text async for item in await search("book", stream=True)] == ["It was ", "a book."]
            assert await (await search("book", stream=True)).collect() == models.BookResult(text="It was a book.")


def test_new_method_has_a_raw_response(folder: Path, models: ModuleType) -> None:
    with (
        Loopback(replies(whole(json.dumps(REPLY).encode(), x_shelf="7"))) as server,
        _sync(folder, server.url) as client,
    ):
        raw = client.with_raw_response.sort_shelf(SHELF, "title")
        assert (raw.status_code, raw.headers["x-shelf"]) == (200, "7")
        _check_reply(raw.parsed, models)


@pytest.mark.anyio
async def test_new_async_method_has_a_raw_response(folder: Path) -> None:
    with Loopback(replies(whole(json.dumps(FOUND[0]).encode(), x_shelf="7"))) as server:
        async with _async(folder, server.url) as client:
            raw = await client.with_raw_response.v1.library.books.search("book")
            assert (raw.status_code, raw.headers["x-shelf"], raw.parsed.text) == (200, "7", "It was ")


def test_new_code_and_its_calls_pass_strict_type_checking(folder: Path) -> None:
    use = folder / "use.py"
    use.write_text(
        "from typing import assert_type\n"
        "from fresh_client.models import BookResult, SortReply, SortStep\n"
        "from fresh_client.sync_client import Ollama\n"
        "from ollama_sdk.streaming import Stream\n"
        "client = Ollama()\n"
        "rows = [[{'title': 'A'}]]\n"
        "assert_type(client.sort_shelf('a', 'title', extras={'x': 1}), SortReply)\n"
        "assert_type(client.sort_shelf('a', ['title'], stream=True), Stream[SortStep, SortReply])\n"
        "assert_type(client.v1.library.books.search('a', stream=True), Stream[BookResult])\n"
        "client.sort_shelf('a', 5)  # type: ignore[call-overload]\n"
        "client.sort_shelf('a')  # type: ignore[call-overload]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file=", f"--cache-dir={ROOT / '.mypy_cache'}",
         "fresh_client", "use.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
