"""Draws the rooms of the package and the imports between them into docs/architecture.svg, and lists them in architecture.md.

Rows come from the import contract in pyproject.toml, arrows and table from the imports themselves, captions from the first
sentence of each room. ``--check`` writes nothing and fails when a file is not what the code says.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
import tomllib
from html import escape
from pathlib import Path

import grimp

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PACKAGE = "ollama_sdk"
PICTURE, PAGE = DOCS / "architecture.svg", DOCS / "architecture.md"
BEGIN, END = "<!-- rooms: drawn by docs/draw_architecture.py -->", "<!-- /rooms -->"
LABEL = "The rooms of ollama_sdk, from top to bottom, and the imports between them"
WIDTH, GAP, BOX, ROW, BEND = 1060, 14, 62, 112, 30

STYLE = """
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
.name { font: 600 14px ui-monospace, monospace }
.caption { font-size: 11px; fill: #59636e }
rect { fill: #ffffff; stroke: #59636e }
path { fill: none; stroke: #8c959f }
marker path { fill: #8c959f; stroke: none }
svg { background: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .caption { fill: #9198a1 } rect { fill: #151b23; stroke: #9198a1 } svg { background: #0d1117 }
}
"""


def layers() -> list[list[str]]:
    """The rooms from top to bottom, as the contract names them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [contract] = [each for each in contracts if each["type"] == "layers" and each.get("containers") == [PACKAGE]]
    rows = [[name.strip() for name in re.split(r"[|:]", layer)] for layer in contract["layers"]]
    return [row for row in rows if row != ["_version"]]  # which every room may read


def imports(rooms: list[str]) -> dict[str, set[str]]:
    """Which rooms each room imports, type-checking aside."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for module in sorted(graph.modules):
        for other in graph.find_modules_directly_imported_by(module):
            ends = [name.split(".")[1] if "." in name else "" for name in (module, other)]
            if ends[0] != ends[1] and set(ends) <= set(rooms):
                found[ends[0]].add(ends[1])
    return found


def reduced(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The imports that no chain of other imports implies: enough to see the order."""
    below: dict[str, set[str]] = {}
    for room in reversed(edges):  # from the bottom up
        below[room] = edges[room].union(*(below.get(other, set()) for other in edges[room]))
    return {
        room: {other for other in others if not any(other in below[third] for third in others - {other})}
        for room, others in edges.items()
    }


def caption(room: str) -> str:
    """The first sentence of a room."""
    path = ROOT / PACKAGE / room
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text())) or ""
    sentence = re.split(r"(?<=\.)\s", " ".join(text.split("\n\n")[0].split()))[0]
    return sentence.replace("``", "")


def lane(x: float, row: list[tuple[float, float, float]], taken: set[float]) -> float:
    """Where an arrow that goes for ``x`` passes a row: beside its boxes, and beside the arrows that pass there."""
    steps = {x: 5, **{left - GAP: -5 for left, _, _ in row}, **{left + width + GAP: 5 for left, _, width in row}}
    free = [g for g in steps if all(not left - GAP / 2 < g < left + width + GAP / 2 for left, _, width in row)]
    best = min(free, key=lambda g: (abs(g - x), g))
    step = steps[best]
    while best in taken:
        best += step
    taken.add(best)
    return best


def arrow(start: tuple[float, float], end: tuple[float, float], between: list[tuple[float, float]]) -> str:
    """A path from box to box that passes the rows between them upright."""
    path, (x, y) = f"M{start[0]:.0f} {start[1]:.0f}", start
    for next_x, top in [*between, end]:
        path += f"C{x:.0f} {y + BEND} {next_x:.0f} {top - BEND:.0f} {next_x:.0f} {top:.0f}"
        x, y = next_x, top
        if (next_x, top) != end:
            y = top + BOX
            path += f"V{y:.0f}"
    return f'<path marker-end="url(#to)" d="{path}"/>'


def picture(rows: list[list[str]], edges: dict[str, set[str]]) -> str:
    """The rooms as boxes, the reduced imports as arrows, as SVG."""
    boxes: dict[str, tuple[float, float, float]] = {}
    for number, row in enumerate(rows):
        width = min(280.0, WIDTH / len(row) - 4 * GAP)
        left = (WIDTH - (width + 4 * GAP) * len(row) + 4 * GAP) / 2
        for place, room in enumerate(row):
            boxes[room] = left + place * (width + 4 * GAP), 20 + number * ROW, width
    height = 20 + len(rows) * ROW
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{LABEL}">',
        f"<style>{STYLE}</style>",
        '<marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0 0 8 4 0 8z"/></marker>',
    ]
    at = {room: number for number, row in enumerate(rows) for room in row}
    taken: list[set[float]] = [set() for _ in rows]
    arriving = {room: sorted((o for o in edges if room in edges[o]), key=lambda o: boxes[o]) for room in boxes}
    for room, others in edges.items():
        leaving = sorted(others, key=lambda other: boxes[other])
        for other in leaving:
            (x, y, w), (x2, y2, w2) = boxes[room], boxes[other]
            start = x + w * (leaving.index(other) + 1) / (len(leaving) + 1)
            end = x2 + w2 * (arriving[other].index(room) + 1) / (len(arriving[other]) + 1)
            between = []
            for number in range(at[room] + 1, at[other]):
                row = [boxes[each] for each in rows[number]]
                between.append((lane(between[-1][0] if between else start, row, taken[number]), row[0][1]))
            lines.append(arrow((start, y + BOX), (end, y2), between))
    for room, (x, y, w) in boxes.items():
        middle = x + w / 2
        lines.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{BOX}" rx="6"/>')
        lines.append(f'<text class="name" x="{middle:.0f}" y="{y + 20:.0f}" text-anchor="middle">{escape(room)}</text>')
        for number, words in enumerate(textwrap.wrap(caption(room), int(w / 5.9), max_lines=2, placeholder=" …")):
            lines.append(
                f'<text class="caption" x="{middle:.0f}" y="{y + 36 + 14 * number:.0f}" text-anchor="middle">'
                f"{escape(words)}</text>"
            )
    return "\n".join([*lines, "</svg>", ""])


def table(rows: list[list[str]], edges: dict[str, set[str]]) -> str:
    """Every room, what it is for, and all that it imports, as Markdown."""
    order = [room for row in rows for room in row]
    lines = ["| room | what it is | imports |", "|---|---|---|"]
    for room in order:
        names = ", ".join(f"`{other}`" for other in order if other in edges[room]) or "none"
        lines.append(f"| `{room}` | {caption(room).replace('|', ' ')} | {names} |")
    return "\n".join(lines)


def main() -> int:
    """Write both files, or check them; returns the exit status."""
    rows = layers()
    edges = imports([room for row in rows for room in row])
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    fresh = {
        PICTURE: picture(rows, reduced(edges)),
        PAGE: f"{head}{BEGIN}\n{table(rows, edges)}\n{END}{rest.split(END)[1]}",
    }
    stale = [path for path, text in fresh.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the code says: run `make pictures`")
        return 1 if stale else 0
    for path in stale:
        path.write_text(fresh[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
