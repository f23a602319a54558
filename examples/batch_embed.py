"""Embeds the lines of a file: ``python examples/batch_embed.py [SOURCE [TARGET]]``.

TARGET (``vectors.jsonl``) gets one JSON object for each line that has text: its number, the text and the vector. Started again, the
program embeds only the lines that are not there yet. Ctrl-C stops it, and Ollama with it. Without SOURCE it reads the README.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from ollama_sdk import Retry
from ollama_sdk.batch import Embed, map_rows

README = Path(__file__).parent.parent / "README.md"
STEP = Embed("all-minilm", client={"retry": Retry()}, column="text", output="embedding", per_request=64, in_flight=4)


def done_in(target: Path) -> set[int]:
    """Return the numbers of the lines that are done; drop a last one that was cut off as it was written."""
    if not target.exists():
        return set()
    written = target.read_bytes()
    whole = written[: written.rfind(b"\n") + 1]
    if whole != written:
        target.write_bytes(whole)
    return {json.loads(line)["line"] for line in whole.splitlines()}


def rows_of(source: Path, done: set[int]) -> Iterator[dict[str, object]]:
    """Yield the lines to do, one at a time, so that the file may be larger than the memory."""
    with source.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip() and number not in done:
                yield {"line": number, "text": line.strip()}


def main(source: str = str(README), target: str = "vectors.jsonl") -> int:
    """Embed what is not done, and return the exit status."""
    done = done_in(Path(target))
    made = failed = 0
    with Path(target).open("a", encoding="utf-8") as file:
        for row in map_rows(rows_of(Path(source), done), STEP):
            if row["error"] is not None:
                failed += 1
                print(f"line {row['line']}: {row['error']}", file=sys.stderr)
                continue
            made += 1
            vector = [float(number) for number in row["embedding"]]
            print(json.dumps({"line": row["line"], "text": row["text"], "embedding": vector}), file=file)
    print(f"{made} lines embedded, {failed} failed, {len(done)} were done before")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
