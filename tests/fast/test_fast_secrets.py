"""No error, log or repr shows the API key, on the fast transport."""

from __future__ import annotations

from tests.client.test_secrets import (  # noqa: F401 - whatever is promised there is promised here
    test_a_good_call_does_not_log_the_api_key,
    test_a_key_that_the_server_repeats_is_redacted,
    test_a_refused_connection_does_not_tell_the_api_key,
    test_a_stream_and_its_response_do_not_show_the_api_key,
    test_no_failure_shows_the_api_key,
    test_no_key_is_sent_where_none_is_known,
)

WORLDS = ("sync", "asyncio")
