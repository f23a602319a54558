"""Parses the ``Retry-After`` header, which holds either seconds or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["retry_after_in"]

# RFC 9110 allows whole seconds only; some servers send fractions.
_SECONDS = re.compile(r"\s*\d+(\.\d*)?\s*", re.ASCII)
# Three years: longer than any useful wait, and short enough for every clock.
_LONGEST = 1e8


def retry_after_in(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, as RFC 9110, section 10.2.3, defines ``Retry-After``.

    Args:
        headers: The headers of a response, looked up in lower case. A date is compared with the ``Date`` header if there is
            one, because our clock and the server's may differ.

    Returns:
        Seconds, three years at most; ``None`` without a valid header.
    """
    value = headers.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST)
    then = _as_date(value)
    if then is None:
        return None
    now = _as_date(headers.get("date", "")) or datetime.now(UTC)
    return min(max(0.0, (then - now).total_seconds()), _LONGEST)


def _as_date(text: str) -> datetime | None:
    # The parser reads a bare number as a day of this month. An HTTP date always has a time of day.
    if ":" not in text:
        return None
    from dateutil.parser import parse  # slow to import, and rarely needed

    try:
        # An HTTP date is in GMT. An invalid offset is reported only by astimezone().
        return parse(text, tzinfos=lambda _, offset: offset or UTC).astimezone(UTC)
    except (ValueError, ArithmeticError):  # ArithmeticError includes the errors of decimal
        return None
