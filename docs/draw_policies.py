"""Draws the order of the policies, and the states of a circuit, an endpoint and a stream, into docs/*.svg.

``--check`` writes nothing and fails when a picture is not what this script draws.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

DOCS = Path(__file__).parent
BOX_WIDTH, BOX_HEIGHT, GAP, LINE = 130, 46, 150, 16

TIP = """\
<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0 8 4 0 8Z"/></marker>"""
STYLE = """
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
.name { font-weight: 600 }
.label { font-size: 11.5px; fill: #59636e }
rect { fill: #ffffff; stroke: #59636e }
path { fill: none; stroke: #59636e }
marker path { fill: #59636e; stroke: none }
svg { background: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .label { fill: #9198a1 } rect { fill: #151b23; stroke: #9198a1 } path { stroke: #9198a1 }
  marker path { fill: #9198a1 } svg { background: #0d1117 }
}
"""

# A picture: what it shows, its boxes from left to right, and the arrows between them with their labels.
PICTURES: dict[str, tuple[str, list[str], list[tuple[int, int, str]]]] = {
    "policy-order": (
        "The order in which a call passes the policies",
        ["Cache", "RateLimit", "Retry", "Failover", "CircuitBreaker", "transport"],
        [
            (0, 1, "not stored"),
            (1, 2, "has a permit"),
            (2, 3, "each attempt"),
            (3, 4, "chosen host"),
            (4, 5, "circuit closed"),
            (3, 2, "no host is left:\nwait, try again"),
        ],
    ),
    "circuit-states": (
        "The states of the circuit of one host",
        ["closed", "open", "half-open"],
        [
            (0, 1, "too many failures\nin the window"),
            (1, 2, "open_for is over"),
            (2, 0, "the probe succeeded"),
            (2, 1, "the probe failed"),
        ],
    ),
    "endpoint-states": (
        "The states of a host under failover",
        ["in use", "ejected"],
        [(0, 1, "failed three times\nin a row"), (1, 0, "eject_for is over,\nor a check succeeded")],
    ),
    "stream-states": (
        "The states of a stream",
        ["open", "paused", "ended"],
        [
            (0, 1, "pause()"),
            (1, 0, "resume()"),
            (0, 2, "last item, error,\ncancel(), close()"),
            (1, 2, "cancel(),\nclose()"),
        ],
    ),
}


def draw(title: str, boxes: list[str], arrows: list[tuple[int, int, str]]) -> str:
    """A row of boxes: arrows to the next box run straight, others in arcs, those to the left below."""
    width = len(boxes) * BOX_WIDTH + (len(boxes) - 1) * GAP + 40
    top = 20 + 75 * any(end - begin > 1 for begin, end, _ in arrows)
    height = top + BOX_HEIGHT + 20 + 85 * any(end < begin for begin, end, _ in arrows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        TIP,
    ]
    for number, name in enumerate(boxes):
        left = 20 + number * (BOX_WIDTH + GAP)
        parts += [
            f'<rect x="{left}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>',
            f'<text class="name" x="{left + BOX_WIDTH / 2}" y="{top + BOX_HEIGHT / 2 + 5}" text-anchor="middle">{name}</text>',
        ]
    for begin, end, label in arrows:
        parts += _arrow(begin, end, label.split("\n"), top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _arrow(begin: int, end: int, label: list[str], top: int) -> list[str]:
    left, right = (20 + each * (BOX_WIDTH + GAP) for each in sorted((begin, end)))
    if end == begin + 1:
        y = top + BOX_HEIGHT / 2
        path, middle = f"M{left + BOX_WIDTH} {y} H{right}", left + BOX_WIDTH + GAP / 2
        y -= 8 + LINE * (len(label) - 1)
    elif end > begin:
        x, x2 = left + BOX_WIDTH * 0.6, right + BOX_WIDTH * 0.4
        path, middle = f"M{x} {top} C{x} {top - 62} {x2} {top - 62} {x2} {top}", (x + x2) / 2
        y = top - 52 - LINE * (len(label) - 1)
    else:
        span = begin - end
        x, x2, low = right + BOX_WIDTH * (0.25 + 0.3 * span), left + BOX_WIDTH * 0.6, top + BOX_HEIGHT
        depth = 42 + 24 * (span - 1)
        path, middle = (
            f"M{x} {low} C{x} {low + depth} {x2} {low + depth} {x2} {low}",
            (x + span * x2) / (span + 1),
        )
        y = low + depth * 0.75 + (LINE if span > 1 or len(label) > 1 else -6)
    texts = [
        f'<text class="label" x="{middle}" y="{y + number * LINE}" text-anchor="middle">{escape(line)}</text>'
        for number, line in enumerate(label)
    ]
    return [f'<path d="{path}" marker-end="url(#tip)"/>', *texts]


def main() -> int:
    """Draw or check every picture."""
    for name, picture in PICTURES.items():
        path, drawn = DOCS / f"{name}.svg", draw(*picture)
        if "--check" not in sys.argv:
            path.write_text(drawn, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
            print(f"{path.name} is not what the script draws: run `make pictures`")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
