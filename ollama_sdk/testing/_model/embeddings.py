"""Makes embeddings without a model; similar texts have similar vectors."""

from __future__ import annotations

import hashlib
import math
import struct
from functools import lru_cache

__all__ = ["embedding"]

_LETTERS_PER_FEATURE = 3
# Not exactly the middle of a byte, so that opposite directions do not add up to the zero vector.
_MIDDLE = 127.4999


def embedding(text: str, length: int, dimensions: int | None = None) -> list[float]:
    """Return a vector that depends only on the text.

    The vector is the sum of the text's words and letter triples, each a fixed pseudo-random direction, so that texts with
    common words or stems have similar vectors.

    Args:
        text: The text to embed.
        length: The length of the model's vectors.
        dimensions: How many leading dimensions to keep; they are normalised again. ``None`` keeps all.

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
    grams = [f"{word}$"[at : at + _LETTERS_PER_FEATURE] for word in words for at in range(max(len(word) - 1, 1))]
    return [f" {word}" for word in words] + grams


@lru_cache(maxsize=4096)
def _direction(feature: str, length: int) -> list[float]:
    return [byte - _MIDDLE for byte in hashlib.shake_128(feature.encode()).digest(length)]


def _single(value: float) -> float:
    """Round to single precision, in the fewest digits that identify the value."""
    return float(f"{struct.unpack('f', struct.pack('f', value))[0]:.8g}")
