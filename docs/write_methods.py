"""Writes the table of methods, docs/reference/methods.md, from the generated client.

``--check`` writes nothing and fails when the table is not what this script writes.
"""

from __future__ import annotations

import inspect
import sys
from operator import attrgetter
from pathlib import Path
from typing import Any

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk._call.operation import Operation
from ollama_sdk._generated import operations

PAGE = Path(__file__).parent / "reference" / "methods.md"
OPERATIONS: dict[str, Operation[Any, Any]] = {
    row.name: row for row in vars(operations).values() if isinstance(row, Operation)
}
ABOUT = """\
`Ollama` and `AsyncOllama` have one method for each endpoint, under the same name: `client.chat(...)` and `await client.chat(...)`. A
`Stream` is what a method returns with `stream=True`; from `AsyncOllama` it is an `AsyncStream`, and a `ByteStream` an `AsyncByteStream`.
Every method also takes `extra_headers`, `extra_query`, `extra_body` and `timeout`, and may raise what [Errors](errors.md) lists.
"""
BESIDE = "Beside them, a client has:"


def main(*, check: bool) -> int:
    """Write the table, or compare it; the exit status."""
    if not check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE} is stale: run `make generate`", file=sys.stderr)
    return 1


def page() -> str:
    """The page: the methods of the endpoints, then what else a client has."""
    client = Ollama("http://127.0.0.1:1")
    methods = [
        [
            f"`{name}`",
            _summary(attrgetter(name)(client)),
            f"`{row.method} {row.server or ''}{row.path}`",
            "<br>".join(results(row)),
        ]
        for name, row in OPERATIONS.items()
    ]
    beside = {name: _summary(getattr(kind, name)) for kind in (AsyncOllama, Ollama) for name in dir(kind)}
    groups = {name.partition(".")[0] for name in OPERATIONS}
    others = [
        [f"`{name}`" if hasattr(Ollama, name) else f"`{name}` (async)", said]
        for name, said in sorted(beside.items())
        if name[0] != "_" and name not in groups
    ]
    headings = ["method", "does", "route", "returns"]
    return "\n".join(
        ["# Methods", "", ABOUT, *table(headings, methods), "", BESIDE, "", *table(["name", "is"], others), ""]
    )


def results(row: Operation[Any, Any]) -> list[str]:
    """What a method returns, and what it returns as a stream, if it has one."""
    if row.reply == "bytes":
        return ["`ByteStream`"]
    kind = {"exists": "bool", "reachable": "bool", "digest": "str", "none": "None"}.get(row.reply, row.reply)
    return [f"`{kind}`".replace("|", "\\|"), *([f"`Stream[{row.streaming.item}]`"] if row.streaming else [])]


def table(heading: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table."""
    return [f"| {' | '.join(cells)} |" for cells in (heading, ["---"] * len(heading), *rows)]


def _summary(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0].replace("``", "`").removesuffix(".")


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
