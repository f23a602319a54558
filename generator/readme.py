"""Keeps the table of methods in README.md complete: a row for each method, the text of rows that are there already by hand."""

from __future__ import annotations

import re
from pathlib import Path

from .interface import Interface, Method

__all__ = ["update"]

_TABLE = re.compile(r"(?<=\| method \| endpoint \| returns \|\n\|---\|---\|---\|\n)(?:\| .*\n)*")


def update(readme: Path, interface: Interface, *, write: bool) -> list[str]:
    """The names of methods whose rows the table lacks or has too many of.

    Args:
        readme: The file.
        interface: The interface as the document describes it.
        write: Whether to add rows at the end of the table, and take away those of methods that are gone.
    """
    text = readme.read_text(encoding="utf-8")
    found = _TABLE.search(text)
    if found is None:
        return []
    rows = {match[1]: row for row in found[0].splitlines() if (match := re.match(r"\| `([\w.]+)\(", row))}
    methods = {method.dotted: method for method in interface.methods}
    wrong = sorted(rows.keys() ^ methods.keys())
    if write and wrong:
        kept = [row for name, row in rows.items() if name in methods]
        added = [_row(method) for name, method in methods.items() if name not in rows]
        table = "".join(f"{row}\n" for row in (*kept, *added))
        readme.write_text(f"{text[: found.start()]}{table}{text[found.end() :]}", encoding="utf-8", newline="\n")
    return wrong


def _row(method: Method) -> str:
    given = ", ".join(argument.name for argument in method.arguments if argument.positional)
    returns = " or ".join(f"`{part}`" for part in method.returns.split(" | "))
    if method.stream is not None:
        item = method.stream.item.read()
        returns += ", or a stream" if item == method.returns else f", or a stream of `{item}`"
    return f"| `{method.dotted}({given})` | {method.http} {method.server or ''}{method.url} | {returns} |"
