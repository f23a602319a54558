"""The clients' own tests of the same name, on the fast transport."""

from __future__ import annotations

from tests.client.test_timeouts import *  # noqa: F403 - whatever is promised there is promised here
