"""Reads how long a server asks to wait: its ``Retry-After`` header, in either of its forms."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["retry_after_in"]

# RFC 9110 wants whole seconds; some servers send parts of them.
_SECONDS = re.compile(r"\s*\d+(\.\d*)?\s*", re.ASCII)
# Longer than anybody waits, and short enough for every clock: three years.
_MOST = 1e8


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks to wait (RFC 9110, section 10.2.3), three years at most; ``None`` if it does not.

    Args:
        headers: Those of a response, looked up in lower case. A date is measured against the server's own clock where it
            shows that in ``Date``: ours may be off.
    """
    value = headers.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), _MOST)
    then = _as_date(value)
    if then is None:
        return None
    now = _as_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max(0.0, (then - now).total_seconds()), _MOST)


def _as_date(text: str) -> datetime | None:
    # The parser takes a bare number for a day of this month: without a time of day it is no HTTP date.
    if ":" not in text:
        return None
    from dateutil.parser import parse  # noqa: PLC0415 - slow to import, and rarely needed

    try:
        # An HTTP date is always in GMT, whatever else it may say; an offset that is none shows only when it is applied.
        return parse(text, tzinfos=lambda _, offset: offset or UTC).astimezone(UTC)
    except (ValueError, ArithmeticError):  # decimal's errors are among the latter
        return None
