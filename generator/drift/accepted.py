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
    """What the source shows only in roundabout ways of one route.

    Attributes:
        request: The struct of its body.
        replies: The structs of its reply and of the items of its stream.
        events: The beginning of the names of its events, where these are written as text in the package of its reply.
    """

    request: str = ""
    replies: tuple[str, ...] = ()
    events: str = ""


@frozen
class Accepted:
    """What ``drift.toml`` holds.

    Attributes:
        reasons: Why a difference is accepted, by a pattern of its key; ``*`` stands for anything.
        roots: The structs of each route, as ``POST /api/chat``.
        fields: The struct that a free-form field is read into, as ``api.ChatRequest.options``.
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
