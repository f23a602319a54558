"""The policies as arguments of clients that have the fast transport."""

from __future__ import annotations

from tests.reliability.test_client_policies import *  # noqa: F403 - whatever is promised there is promised here

WORLDS = ("sync", "asyncio")  # trio takes part in the chaos

# What asks no server over this transport, or takes long over what the chaos shows in little time.
del test_a_call_to_its_own_host_bypasses_failover_and_its_keys  # noqa: F821
del test_a_client_pickles_with_its_policies  # noqa: F821
del test_a_thousand_tasks_through_all_policies_lose_nothing  # noqa: F821
del test_no_monitor_runs_before_start_or_after_stop_or_close  # noqa: F821
del test_policies_change_under_load_and_no_call_fails  # noqa: F821
del test_the_monitor_ejects_and_revives_endpoints  # noqa: F821
del test_without_policies_the_package_of_them_is_not_imported  # noqa: F821
