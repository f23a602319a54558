"""Embeddings without a model: the closer two texts are, the closer their vectors."""

from __future__ import annotations

import hashlib
import math
import struct
from functools import lru_cache

__all__ = ["embedding"]

_GRAM = 3
# Not quite the middle of a byte: directions that cancel each other would leave a text without a vector.
_MIDDLE = 127.4999


def embedding(text: str, length: int, dimensions: int | None = None) -> list[float]:
    """A vector that depends on nothing but the text.

    A text is the sum of its words and of their letter triples, each a fixed pseudo-random direction, so that shared words
    and shared stems bring vectors together.

    Args:
        text: What to embed.
        length: Of the model's own vectors.
        dimensions: How many leading dimensions to keep, normalised again; all when absent.

    Returns:
        ``[dimensions or length]`` numbers of single precision and Euclidean norm 1.
    """
    rows = [_direction(feature, length) for feature in _features(text)]
    total = [sum(column) for column in zip(*rows, strict=True)]
    kept = total[:dimensions] if dimensions is not None and dimensions > 0 else total
    norm = math.sqrt(sum(value * value for value in kept)) or 1.0
    return [_single(value / norm) for value in kept]


def _features(text: str) -> list[str]:
    words = text.lower().split() or [""]
    grams = [f"{word}$"[at : at + _GRAM] for word in words for at in range(max(len(word) - 1, 1))]
    return [f" {word}" for word in words] + grams


@lru_cache(maxsize=4096)
def _direction(feature: str, length: int) -> list[float]:
    return [byte - _MIDDLE for byte in hashlib.shake_128(feature.encode()).digest(length)]


def _single(value: float) -> float:
    """The nearest number of single precision, in as few digits as tell it apart."""
    return float(f"{struct.unpack('f', struct.pack('f', value))[0]:.8g}")
