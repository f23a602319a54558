"""The tests of single policies that speak to a server, with the policies around the fast transport."""

from __future__ import annotations

from tests.reliability import test_cache, test_failover, test_health_check, test_rate_limit, test_retry, test_stack

_POLICIES = (test_cache, test_failover, test_health_check, test_rate_limit, test_retry, test_stack)

globals().update(
    (name, test)
    for module in _POLICIES
    for name, test in vars(module).items()
    if name.startswith("test_") and "serving" in test.__code__.co_names
)
