"""Reads JSON text at orjson's speed, with exact integers, and tolerates text that orjson refuses.

orjson rounds an integer beyond 64 bits to a float, and refuses half of an escaped surrogate pair, ``NaN``, ``Infinity``, invalid
UTF-8 and a byte order mark. Servers send all of these. The standard library's parser reads them at a tenth of the speed, so it
parses only text that orjson refused, or that may hold such an integer.

Searching a text for such an integer takes a third as long as parsing it. Large texts are therefore not searched; instead, the codec
checks the numbers of free-form objects, the only place where a rounded integer would be taken for the right one.
"""

from __future__ import annotations

import json
import re
from typing import Any, TypeGuard

import orjson

__all__ = [
    "JSONObject",
    "is_list",
    "is_object",
    "join_surrogates",
    "loads",
    "loads_again",
    "loads_tolerantly",
    "may_be_rounded",
]

JSONObject = dict[str, Any]

_LONG_INTEGER = r"(?<![0-9.])[0-9]{19,}(?![0-9.eE])"  # compiled at its first use
# With every digit replaced by zero, a search for nineteen zeros costs a tenth of a regular expression. A run of nineteen covers three
# consecutive ones of every sixth byte, so that most texts need only a sixth of that.
_ZEROS, _STEP = b"0" * 19, 6
_SAMPLED_ZEROS = b"0" * 3
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
        return re.search(_LONG_INTEGER, text) is not None
    if _SAMPLED_ZEROS not in text[::_STEP].translate(_DIGITS_TO_ZERO):
        return False
    return _ZEROS in text.translate(_DIGITS_TO_ZERO) and may_be_rounded(text.decode("utf-8", "replace"))


def loads_again(text: bytes | str, refusal: orjson.JSONDecodeError | None = None) -> Any:
    """Decode JSON with the standard library's parser: exactly, and tolerating what orjson refuses.

    Bytes that are not UTF-8 become U+FFFD.

    Args:
        text: The JSON.
        refusal: The error of orjson, if it refused the text.

    Raises:
        orjson.JSONDecodeError: The text is not JSON; ``refusal`` if it was given.
    """
    if not isinstance(text, str):
        text = text.decode("utf-8-sig", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise refusal or orjson.JSONDecodeError(str(exc), text, 0) from None


def join_surrogates(text: str) -> str:
    """Join each surrogate pair whose halves came separately, as in two items of a stream, into one character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


def is_object(data: Any) -> TypeGuard[dict[str, Any]]:
    """Whether decoded JSON is an object."""
    return isinstance(data, dict)


def is_list(data: Any) -> TypeGuard[list[Any]]:
    """Whether decoded JSON is an array."""
    return isinstance(data, list)
