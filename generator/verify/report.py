"""Writes the findings, each once, as Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import define, field, frozen

from ollama_sdk.testing.recording import RecordedExchange

from .judge import MISSING, UNKNOWN, VIOLATION, Finding, Judge

__all__ = ["Verdict", "verify"]

_TITLES = {
    VIOLATION: "Against the document",
    UNKNOWN: "Fields that the document does not know",
    MISSING: "Routes that are not there",
}


@define
class _Seen:
    """How many exchanges have a finding, and the first of them."""

    first: str
    count: int = 0


@frozen
class Verdict:
    """The findings in some exchanges.

    Attributes:
        source: The folder or server.
        exchanges: The number of exchanges.
        found: The findings, in order.
        untried: Routes of the document that were not called.
        version: The server's version; ``""`` if it is not known.
    """

    source: str
    exchanges: int
    found: dict[Finding, _Seen] = field(factory=dict[Finding, _Seen])
    untried: tuple[str, ...] = ()
    version: str = ""

    def markdown(self) -> str:
        version = f" (Ollama {self.version})" if self.version else ""
        parts = [f"# {self.source}{version}: {self.exchanges} exchanges"]
        for kind, title in _TITLES.items():
            lines = [self._line(finding, seen) for finding, seen in self.found.items() if finding.kind == kind]
            parts += [f"## {title}: {len(lines)}", "\n".join(lines)] if lines else []
        if not self.found:
            parts.append("All is as the document says.")
        if self.untried:
            parts.append(f"Not tried: {', '.join(self.untried)}.")
        return "\n\n".join(parts)

    def _line(self, finding: Finding, seen: _Seen) -> str:
        place = f" `{finding.place}`" if finding.place else ""
        times = f", {seen.count} times" if seen.count > 1 else ""
        return f"- {finding.route}{place}: {finding.text} ({seen.first}{times})"

    def json(self) -> str:
        def row(finding: Finding, seen: _Seen) -> dict[str, Any]:
            return {
                "route": finding.route,
                "place": finding.place,
                "text": finding.text,
                "exchange": seen.first,
                "count": seen.count,
            }

        groups = {kind: [row(f, seen) for f, seen in self.found.items() if f.kind == kind] for kind in _TITLES}
        about = {"source": self.source, "version": self.version, "exchanges": self.exchanges}
        return json.dumps({**about, **groups, "untried": list(self.untried)}, indent=1)


def verify(judge: Judge, source: str, exchanges: Iterable[RecordedExchange], untried: Iterable[str] = ()) -> Verdict:
    """Compare exchanges with the document.

    Args:
        judge: Holds the document.
        source: The folder or server of the exchanges.
        exchanges: The exchanges.
        untried: Routes of the document that were not called.
    """
    found: dict[Finding, _Seen] = {}
    count, version = 0, ""
    for exchange in exchanges:
        count += 1
        version = version or exchange.server_version or ""
        for finding in dict.fromkeys(judge.findings(exchange)):
            found.setdefault(finding, _Seen(exchange.name)).count += 1
    return Verdict(source, count, found, tuple(untried), version)
