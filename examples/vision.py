"""Describes pictures: ``python examples/vision.py [FILE...]``, needs Pillow.

A large picture costs time and tokens, so it is scaled down first. Without arguments it draws a picture of its own.
"""

from __future__ import annotations

import sys

from PIL import Image, ImageDraw

from ollama_sdk import Ollama

MODEL = "llava"
LARGEST = (1024, 1024)  # pixels


def drawn() -> Image.Image:
    """Return a red disc on white."""
    picture = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(picture).ellipse((64, 64, 192, 192), fill="red")
    return picture


def opened(file: str) -> Image.Image:
    """Return the picture in a file, no larger than the model needs; its proportions stay."""
    picture = Image.open(file)
    picture.thumbnail(LARGEST)
    return picture


def main(*files: str) -> None:
    """Describe each picture as the model sees it."""
    pictures = {file: opened(file) for file in files} or {"(a red disc)": drawn()}
    with Ollama() as client:
        capabilities = client.show(MODEL).capabilities
        if capabilities is not None and "vision" not in capabilities:
            raise SystemExit(f"{MODEL} cannot see: it has {', '.join(capabilities)}")
        for name, picture in pictures.items():
            print(f"{name}, {picture.width} x {picture.height}: ", end="", flush=True)
            with client.generate(MODEL, "What is on it?", images=[picture], stream=True) as stream:
                for part in stream:
                    print(part.response, end="", flush=True)
            print()


if __name__ == "__main__":
    main(*sys.argv[1:])
