"""Reads JSON text: at orjson's speed, but exactly, and also what orjson alone refuses.

orjson makes a rounded float of an integer beyond 64 bits, and refuses half of an escaped surrogate pair, ``NaN``, ``Infinity``,
invalid UTF-8 and a byte order mark. Servers send all of these. The parser of the standard library reads them, at a tenth of the
speed; so it has a second look only at text that orjson refuses, or that may hold such an integer.

To search a text for such an integer costs as much as a third of parsing it, so large texts are not searched: the codec looks at the
numbers of free-form objects, where alone a rounded integer would pass for right.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

__all__ = ["join_surrogates", "loads", "loads_again", "loads_tolerantly", "may_be_rounded"]

_LONG_INTEGER = re.compile(r"(?<![0-9.])[0-9]{19,}(?![0-9.eE])")
# With every digit a zero, a search for bytes finds nineteen digits in a row at a tenth of an expression's cost.
_ZEROS = b"0" * 19
_DIGITS_TO_ZERO = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))


def loads(text: bytes | str) -> Any:
    """Decode JSON exactly.

    Raises:
        orjson.JSONDecodeError: The text is not JSON. The error holds the text, with any secret in it.
    """
    data = loads_tolerantly(text)
    return loads_again(text) if may_be_rounded(text) else data


def loads_tolerantly(text: bytes | str) -> Any:
    """Decode JSON; integers beyond 64 bits may be rounded.

    Raises:
        orjson.JSONDecodeError: As :func:`loads`.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        return loads_again(text, exc)


def may_be_rounded(text: bytes | str) -> bool:
    """Whether a text may hold an integer that orjson rounds."""
    if isinstance(text, str):
        return _LONG_INTEGER.search(text) is not None
    return _ZEROS in text.translate(_DIGITS_TO_ZERO) and may_be_rounded(text.decode("utf-8", "replace"))


def loads_again(text: bytes | str, refusal: orjson.JSONDecodeError | None = None) -> Any:
    """Decode JSON exactly, and tolerate what orjson does not.

    Bytes that are not UTF-8 become U+FFFD.

    Args:
        text: The JSON.
        refusal: What orjson raised for it, if it has refused it.

    Raises:
        orjson.JSONDecodeError: The text is not JSON either way; ``refusal`` where it was given.
    """
    if not isinstance(text, str):
        text = text.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise refusal or orjson.JSONDecodeError(str(exc), text, 0) from None


def join_surrogates(text: str) -> str:
    """Make one character of each surrogate pair whose halves came apart, as in two items of a stream."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text
