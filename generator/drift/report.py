"""Writes the differences as Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from .accepted import Accepted
from .differences import BEYOND, DIFFERS, LACKS, Difference
from .shapes import Source

__all__ = ["Report", "report_of"]

_TITLES = {
    LACKS: "Lacking",
    DIFFERS: "Different",
    BEYOND: "Beyond",
}


@frozen
class Report:
    """The differences between a document and a server.

    Attributes:
        document: The document, or the older source in its place.
        source: The source with which it was compared.
        found: The differences that are not accepted.
        accepted: The accepted differences, each with its reason.
        unused: Patterns of ``drift.toml`` that match no difference; only for a comparison with the source.
    """

    document: Path
    source: Source
    found: tuple[Difference, ...]
    accepted: tuple[tuple[Difference, str], ...]
    unused: tuple[str, ...]

    @property
    def lacks(self) -> bool:
        """Whether the document lacks a part, and the difference is not accepted."""
        return any(difference.kind == LACKS for difference in self.found)

    def markdown(self) -> str:
        version = f" ({self.source.version})" if self.source.version else ""
        parts = [f"# {self.document}, compared with {self.source.path}{version}"]
        for kind, title in _TITLES.items():
            lines = [f"- {difference.text}" for difference in self.found if difference.kind == kind]
            parts += [f"## {title}: {len(lines)}", "\n".join(lines)] if lines else []
        if len(parts) == 1:
            parts.append("No difference.")
        if self.accepted:
            parts.append(f"{len(self.accepted)} differences are accepted by drift.toml.")
        parts += [f"drift.toml: nothing matches {pattern!r} any more." for pattern in self.unused]
        return "\n\n".join(parts)

    def json(self) -> str:
        def row(difference: Difference) -> dict[str, str]:
            return {
                "key": difference.key,
                "text": difference.text,
                "route": difference.route,
                "schema": difference.where,
            }

        groups = {kind: [row(each) for each in self.found if each.kind == kind] for kind in _TITLES}
        said = {
            "document": str(self.document),
            "against": str(self.source.path),
            "version": self.source.version,
            **groups,
            "accepted": [{**row(each), "kind": each.kind, "reason": reason} for each, reason in self.accepted],
            "unused": list(self.unused),
        }
        return json.dumps(said, indent=1)


def report_of(document: Path, source: Source, found: Iterable[Difference], accepted: Accepted) -> Report:
    """Separate the accepted differences from the others."""
    rest: list[Difference] = []
    aside: list[tuple[Difference, str]] = []
    used: set[str] = set()
    for difference in found:
        pattern = accepted.pattern(difference.key)
        if pattern is None:
            rest.append(difference)
        else:
            used.add(pattern)
            aside.append((difference, accepted.reasons[pattern]))
    whole = source.path.is_dir() and not document.is_dir()
    unused = tuple(p for p in accepted.reasons if p not in used) if whole else ()
    return Report(document, source, tuple(rest), tuple(aside), unused)
