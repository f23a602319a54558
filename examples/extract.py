"""Makes a table of texts: ``python examples/extract.py [FILE...]``, needs Pydantic.

The model answers in the form of ``list[Person]``. A text whose answer has another form is named, and the others go on. Without
arguments it reads a text of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from ollama_sdk import Ollama, ParseError

MODEL = "llama3.2"
TEXT = "Marie Curie, born in 1867, was a physicist. Ada Lovelace, born in 1815, wrote the first program."


class Person(BaseModel):
    """A row of the table; the model writes the fields in this order."""

    name: str
    born: int | None = Field(description="Year of birth; null where the text does not say it")
    field: Literal["mathematics", "physics", "chemistry", "other"]


def people_in(client: Ollama, text: str) -> list[Person]:
    """Return every person that a text names."""
    prompt = f"List every person in this text:\n\n{text}"
    reply = client.chat(MODEL, [{"role": "user", "content": prompt}], format=list[Person], options={"temperature": 0})
    return reply.parse(list[Person])


def show(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns; the first row is the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main(*files: str) -> int:
    """Show the people of all texts in one table; return the exit status."""
    texts = {name: Path(name).read_text("utf-8") for name in files} or {"(example)": TEXT}
    rows, failed = [[*Person.model_fields, "source"]], 0
    with Ollama() as client:
        for source, text in texts.items():
            try:
                people = people_in(client, text)
            except ParseError as error:
                failed += 1
                print(f"{source}: {error}", file=sys.stderr)
                continue
            rows += [[person.name, str(person.born or "?"), person.field, source] for person in people]
    show(rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
