"""Threads, tasks and processes share a client that has the fast transport."""

from __future__ import annotations

from tests.client.test_sharing import (  # noqa: F401 - whatever is promised there is promised here
    emulator,
    server,
    test_a_pickled_async_client_works,
    test_a_pickled_client_works_while_the_original_does,
    test_clients_replies_and_errors_cross_process_boundaries,
    test_many_tasks_may_share_one_async_client,
    test_threads_leave_streams_early_without_side_effects,
    test_threads_may_make_views_of_a_shared_client,
)
