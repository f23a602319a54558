"""Lists what an edit of the document changes in the public interface, as Markdown for the changelog."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from .compare import ADDED, CHANGED, REMOVED, Change, compare
from .conventions import load
from .parse import interface_of

__all__ = ["RevisionError", "changes", "markdown"]


class RevisionError(Exception):
    """There is no document to compare with."""


def changes(document: Path, against: str) -> str:
    """The changes of the public interface since a revision, as Markdown.

    Args:
        document: The file as it is now.
        against: A git revision of the repository that holds it.

    Raises:
        RevisionError: There is no such revision, or no such file in it.
        DocumentError: One of the two documents is wrong.
    """
    text = _text_at(document, against)
    old = interface_of(load(Path(f"{against}:{document.name}"), text))
    return markdown(compare(old, interface_of(load(document))))


def markdown(found: Iterable[Change]) -> str:
    """Changes under one heading for each group, the breaking ones first and marked."""
    every = sorted(found, key=lambda change: not change.breaking)
    parts: list[str] = []
    for group in (ADDED, CHANGED, REMOVED):
        lines = [f"- {'**Breaking:** ' if c.breaking else ''}{c.text}" for c in every if c.group == group]
        parts += [f"### {group}\n\n" + "\n".join(lines)] if lines else []
    return "\n\n".join(parts) or "No change in the public interface."


def _text_at(document: Path, revision: str) -> str:
    folder = document.absolute().parent
    if _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        raise RevisionError(f"{revision}: no such revision of the git repository at {folder}")
    content = _git(folder, "cat-file", "blob", f"{revision}:./{document.name}")
    if content is None:
        raise RevisionError(f"{revision}: there is no {document.name} at {folder} in that revision")
    return content.decode(errors="replace")


def _git(folder: Path, *arguments: str) -> bytes | None:
    """The output of git; ``None`` if it fails."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
