"""Every endpoint answers, in one piece and streamed, on the fast transport."""

from __future__ import annotations

from tests.client.test_endpoints import (  # noqa: F401 - whatever is promised there is promised here
    client,
    cloud,
    emulator,
    pytestmark,
    server,
    test_a_head_request_is_a_truth_value,
    test_a_server_that_is_not_there_is_not_available,
    test_an_empty_answer_is_none,
    test_every_endpoint_answers_a_sync_client,
    test_every_endpoint_answers_an_async_client,
    test_every_stream_adds_up_to_its_one_piece_reply,
)
