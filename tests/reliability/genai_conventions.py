"""What OpenTelemetry's conventions for generative AI say of a client's spans and metrics, reduced to names, types, units and levels.

    python -m tests.reliability.genai_conventions CHECKOUT

renews the file of facts from a checkout of open-telemetry/semantic-conventions-genai, whose pages have tables made from its registry.
A change of the file is a change of the conventions: the tests then say which attribute or metric of ours no longer follows them.

The facts were last compared with the pages of the commits 024a4f9 (inference, whose event has the attributes of the span), 88eccb1
(embeddings), 066d4a7 (tokens) and 004902b (duration of other operations): they are the same.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

FACTS = Path(__file__).with_suffix(".json")
PAGES = ("client-inference.md", "client-embeddings.md", "gen-ai-token-metrics.md", "gen-ai-metrics.md")
SPANS = ("gen_ai.client.inference", "gen_ai.client.embeddings")
METRICS = re.compile(r"gen_ai\.client\.(inference|embeddings|operation)\.")
_LEVELS = {
    "Required": "required",
    "Conditionally Required": "conditional",
    "Recommended": "recommended",
    "Opt-In": "opt-in",
}
_PART = re.compile(r"^#+ (Span|Metric): `([\w.]+)`$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^\| \[`([\w.]+)`\]\([^)]*\) \| [^|]* \| `([\w -]+)`[^|]* \| ([\w\[\]]+) \|", re.MULTILINE)
_INSTRUMENT = re.compile(r"^\| `[\w.]+` \| (\w+) \| `([^`]+)` \|", re.MULTILINE)
_BOUNDS = re.compile(r"\[ExplicitBucketBoundaries\] of \[([^\]]*)\]")


def load() -> dict[str, Any]:
    """The facts: of each span its attributes, of each metric its instrument, unit, bounds of buckets and attributes."""
    facts: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8"))
    return facts


def read(page: str) -> dict[str, Any]:
    """The facts on a page of the conventions."""
    facts: dict[str, Any] = {"spans": {}, "metrics": {}}
    _, *parts = _PART.split(page)
    for kind, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        attributes = {key: f"{of_type} {_LEVELS[level]}" for key, level, of_type in _ATTRIBUTE.findall(text)}
        if kind == "Span" and name in SPANS:
            facts["spans"][name] = attributes
        instrument = _INSTRUMENT.search(text)
        if kind == "Metric" and METRICS.match(name) and instrument is not None:  # else it stands on another page
            bounds = _BOUNDS.search(text)
            facts["metrics"][name] = {
                "instrument": instrument[1].lower(),
                "unit": instrument[2],
                "bounds": json.loads(f"[{bounds[1]}]") if bounds else [],
                "attributes": attributes,
            }
    return facts


def written(facts: dict[str, Any]) -> str:
    """The text of the file."""
    return json.dumps(facts, indent=2, sort_keys=True) + "\n"


def renew(checkout: Path) -> None:
    """Write the file from a checkout of the conventions."""
    facts: dict[str, Any] = {"spans": {}, "metrics": {}}
    for name in PAGES:
        found = read((checkout / "docs" / "gen-ai" / name).read_text(encoding="utf-8"))
        facts = {kind: facts[kind] | found[kind] for kind in facts}
    FACTS.write_text(written(facts), encoding="utf-8")


if __name__ == "__main__":
    renew(Path(sys.argv[1]))
