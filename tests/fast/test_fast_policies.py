"""The policies as users of the clients meet them, on the fast transport."""

from __future__ import annotations

from tests.reliability.test_client_policies import *  # noqa: F403 - whatever is promised there is promised here

WORLDS = ("sync", "asyncio")  # trio takes part in the chaos

# What asks no server over this transport, or takes long over what the chaos shows in little time.
del test_a_client_pickles_with_its_policies  # noqa: F821
del test_a_thousand_tasks_through_all_policies_lose_nothing  # noqa: F821
del test_nothing_runs_before_start_and_nothing_after_stop_or_close  # noqa: F821
del test_policies_change_under_load_and_no_call_fails  # noqa: F821
del test_the_monitor_takes_a_dead_endpoint_out_and_a_living_one_back  # noqa: F821
del test_what_goes_to_its_own_host_passes_failover_by_without_the_key_of_an_endpoint  # noqa: F821
del test_without_policies_nothing_of_them_is_even_imported  # noqa: F821
