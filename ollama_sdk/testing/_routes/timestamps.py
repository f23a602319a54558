"""Formats times as Go does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

__all__ = ["format_time", "timestamp"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp() -> str:
    """Return the current time, UTC with nanoseconds."""
    second, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_format_second(second)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=2)
def _format_second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def format_time(seconds: float) -> str:
    """Format seconds since the epoch; unlike ``datetime.fromtimestamp``, also those of a distant year."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
