"""Shared by the tests of the generator: a small document, edits of it, and the command line."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from generator.__main__ import main

ROOT = Path(__file__).parents[2]
SMALL = Path(__file__).with_name("small.yaml")
GOLDEN = Path(__file__).with_name("golden")


class Outcome(NamedTuple):
    """How a command ended."""

    status: int
    printed: str
    complained: str


def run(*arguments: str | Path) -> Outcome:
    """Run a command of the generator in this process."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(io.StringIO()) as complained:
        status = main([str(argument) for argument in arguments])
    return Outcome(status, printed.getvalue(), complained.getvalue())


def run_apart(*arguments: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a command of the generator in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "generator", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def build(text: str, folder: Path) -> Outcome:
    """Write a document to a folder and build it there, below ``out``."""
    document = folder / "small.yaml"
    document.write_text(text, encoding="utf-8")
    return run("build", "--document", document, "--output", folder / "out")


def edited(*edits: tuple[str, str], text: str | None = None) -> str:
    """The small document with pieces of text replaced, each of which must be there exactly once."""
    text = SMALL.read_text(encoding="utf-8") if text is None else text
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the document"
        text = text.replace(old, new)
    return text


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but for what Python leaves there."""
    return dict(_files(folder))


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.read_bytes()
