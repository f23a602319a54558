"""How many examples a property test tries, and whether they are the same in every run.

`make test` tries the same ones each time: a change is refused for what it changes, not for the luck of the draw. `make fuzz`
draws new ones, `FUZZ` times as many; what it finds becomes an `@example`, or a test of its own.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

PROFILE = "ours"
TIMES = int(os.environ.get("FUZZ", "0"))

settings.register_profile(
    PROFILE,
    max_examples=100 * (TIMES or 1),
    derandomize=not TIMES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def examples(count: int, **more: Any) -> settings:
    """Settings of a test that tries ``count`` examples instead of a hundred."""
    return settings(settings.get_profile(PROFILE), max_examples=count * (TIMES or 1), **more)
