"""Writes the generated package, all or nothing, and finds stale committed files."""

from __future__ import annotations

import filecmp
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from .document import Document
from .render import render

__all__ = ["OutputError", "build", "stale"]

_PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
_MARK = b"# Generated from "


class OutputError(Exception):
    """The output cannot be written, or must not be."""


def build(document: Document, output: Path) -> str:
    """Write the generated package to ``output``; after an error, the folder is unchanged.

    Returns:
        A report with one line for each new, changed or removed file.

    Raises:
        DocumentError: The document cannot be expressed.
        OutputError: ``output`` is not a generated package, or the result cannot be formatted.
        OSError: The folder above ``output`` is missing, or cannot be written to.
    """
    output = output.absolute()
    if not _may_be_replaced(output):
        raise OutputError(f"{output}: was not written by this generator, so it will not be replaced")
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".generated-") as folder:
        fresh = Path(folder, "new")
        _write(render(document), fresh)
        report = _report(document, output, fresh)
        _replace(output, fresh, old=Path(folder, "old"))
    return report


def _report(document: Document, output: Path, fresh: Path) -> str:
    """The report of replacing the output."""
    new, old = set(_files(fresh)), set(_files(output))
    methods = sum("operationId" in node for _, _, _, node in document.operations())
    models = sum(name.startswith("models/") for name in new) - 1
    lines = [f"{output}: {methods} methods and {models} types from {document.path.name}"]
    lines += [f"  new      {name}" for name in sorted(new - old)] if old else []
    lines += [f"  changed  {name}" for name in sorted(new & old) if not _same(fresh / name, output / name)]
    lines += [f"  removed  {name}" for name in sorted(old - new)]
    return "\n".join(lines if len(lines) > 1 or not old else [f"{lines[0]}; nothing changed"])


def _may_be_replaced(output: Path) -> bool:
    """Whether the folder is missing, empty, or a generated package."""
    if not output.exists():
        return True
    if not output.is_dir():
        return False
    first = output / "__init__.py"
    return not any(output.iterdir()) or (first.is_file() and first.read_bytes().startswith(_MARK))


def _replace(output: Path, fresh: Path, *, old: Path) -> None:
    if output.exists():
        output.rename(old)
    try:
        fresh.rename(output)
    except OSError:
        if old.exists():
            old.rename(output)
        raise


def stale(document: Document, output: Path) -> list[str]:
    """The names of files below ``output`` that are missing, extra or different compared with a fresh build."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "new")
        _write(render(document), fresh)
        names = {*_files(fresh), *_files(output)}
        return sorted(n for n in names if not _same(fresh / n, output / n))


def _files(folder: Path) -> Iterator[str]:
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return (str(path) for path in paths if "__pycache__" not in path.parts)


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _write(files: Mapping[str, str], folder: Path) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    for arguments in (["check", "--fix-only", "--unfixable=ERA"], ["format"]):
        _ruff(arguments, folder)


def _ruff(arguments: list[str], folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "ruff",
        *arguments,
        "--no-cache",
        "--config",
        str(_PYPROJECT),
        str(folder),
    ]
    # ruff recognizes the project's own imports by its working directory.
    done = subprocess.run(command, cwd=_PYPROJECT.parent, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OutputError(f"the generated code cannot be formatted: {done.stderr.strip() or done.stdout.strip()}")
