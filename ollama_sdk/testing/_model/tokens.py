"""Splits texts into tokens, counts them, and numbers them."""

from __future__ import annotations

import re
import zlib

__all__ = ["split_tokens", "token_count", "token_ids"]

_TOKEN = re.compile(r"\s*\S{1,8}|\s+$")
_LETTERS_PER_TOKEN = 4
_VOCABULARY = 32_000


def split_tokens(text: str) -> list[str]:
    """Split a text into pieces of the size that a model streams; joined again they are the text."""
    return _TOKEN.findall(text)


def token_count(text: str) -> int:
    """Count the tokens of a text: one for every four letters, rounded up word by word."""
    return sum(-(-len(word) // _LETTERS_PER_TOKEN) for word in text.split())


def token_ids(text: str) -> list[int]:
    """Return a stable number for each word of a text."""
    return [zlib.crc32(word.encode()) % _VOCABULARY for word in text.split()] or [0]
