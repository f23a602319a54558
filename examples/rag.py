"""Answers a question from a folder of texts: ``python examples/rag.py [FOLDER] [QUESTION]``, needs NumPy.

The paragraphs of the ``.md`` and ``.txt`` files become vectors. The three that are closest to the question go into the prompt. Without
arguments it asks the documentation of this project.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ollama_sdk import Ollama

EMBEDDER, MODEL = "all-minilm", "llama3.2"
PER_REQUEST = 64  # texts
BEST = 3  # paragraphs in the prompt
DOCS = Path(__file__).parent.parent / "docs"


class Paragraph(NamedTuple):
    """A text, and the file that it is from."""

    file: Path
    text: str


def read(folder: Path) -> list[Paragraph]:
    """Return the paragraphs of all texts in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".md", ".txt"})
    texts = [Paragraph(file, text.strip()) for file in files for text in file.read_text("utf-8").split("\n\n")]
    return [paragraph for paragraph in texts if paragraph.text]


def embed(client: Ollama, texts: list[str]) -> NDArray[np.float32]:
    """Return one row for each text, of length 1, so that a product of two is the cosine of their angle."""
    starts = range(0, len(texts), PER_REQUEST)
    rows = [client.embed(EMBEDDER, texts[start : start + PER_REQUEST]).array() for start in starts]
    vectors: NDArray[np.float32] = np.concatenate(rows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def main(folder: str = str(DOCS), question: str = "Which policies are there?") -> None:
    """Answer one question, and name the files that the answer is from."""
    paragraphs = read(Path(folder))
    if not paragraphs:
        raise SystemExit(f"no .md or .txt file with text in {folder}")
    with Ollama() as client:
        vectors = embed(client, [paragraph.text for paragraph in paragraphs])
        [wanted] = embed(client, [question])
        closeness = vectors @ wanted
        best = [int(index) for index in np.argsort(-closeness)[:BEST]]
        context = "\n\n".join(paragraphs[index].text for index in best)
        prompt = f"Answer from this text alone:\n\n{context}\n\nQuestion: {question}"
        print(client.generate(MODEL, prompt).response)
    for index in best:
        print(f"{closeness[index]:.2f}  {paragraphs[index].file.relative_to(folder)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
