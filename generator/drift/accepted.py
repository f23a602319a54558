"""Reads ``drift.toml``: the differences that are accepted, each with its reason, and the structs of each route."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from .shapes import SourceError

__all__ = ["Accepted", "Roots", "read_accepted"]


@frozen
class Roots:
    """The parts of one route that the source does not show directly.

    Attributes:
        request: The struct of its body.
        replies: The structs of its reply and of the items of its stream.
        events: The prefix of its event names, if these are string literals in the package of its reply.
    """

    request: str = ""
    replies: tuple[str, ...] = ()
    events: str = ""


@frozen
class Accepted:
    """The content of ``drift.toml``.

    Attributes:
        reasons: Why a difference is accepted, by a pattern of its key; ``*`` matches any text.
        roots: The structs of each route, by route, such as ``POST /api/chat``.
        fields: The struct of a free-form field, by field, such as ``api.ChatRequest.options``.
    """

    reasons: Mapping[str, str] = field(factory=dict[str, str])
    roots: Mapping[str, Roots] = field(factory=dict[str, Roots])
    fields: Mapping[str, str] = field(factory=dict[str, str])

    def pattern(self, key: str) -> str | None:
        """The pattern that accepts a difference."""
        return next(
            (pattern for pattern in self.reasons if fnmatch.fnmatchcase(key, pattern.replace("[", "[[]"))), None
        )


def read_accepted(path: Path) -> Accepted:
    """Read the file; a missing one accepts nothing.

    Raises:
        SourceError: It is not TOML of the form above.
    """
    if not path.exists():
        return Accepted()
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        unknown = data.keys() - {"accepted", "fields", "routes"}
        if unknown:
            raise SourceError(f"{path}: unknown table {min(unknown)!r}; there are accepted, fields and routes")
        reasons = data.get("accepted", {})
        if not all(isinstance(reason, str) and reason for reason in reasons.values()):
            raise SourceError(f"{path}: every accepted difference has its reason, a text")
        roots = {
            label: Roots(row.get("request", ""), tuple(row.get("replies", ())), row.get("events", ""))
            for label, row in data.get("routes", {}).items()
        }
    except (tomllib.TOMLDecodeError, AttributeError) as exc:
        raise SourceError(f"{path}: {exc}") from exc
    return Accepted(reasons, roots, data.get("fields", {}))
