"""Retry: what is repeated, when, and how often."""

from __future__ import annotations

import contextlib
import gc
import itertools
import random
import textwrap
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ollama_sdk import Ollama, reliability
from ollama_sdk.errors import (
    APIConnectionError,
    APITimeoutError,
    CircuitOpenError,
    ConfigurationError,
    DecodeError,
    NoEndpointError,
    OllamaError,
    RateLimitExceededError,
    ServiceUnavailableError,
)
from ollama_sdk.reliability import (
    AsyncRetryTransport,
    CircuitBreaker,
    Endpoint,
    Failover,
    Policies,
    Refused,
    Retry,
    RetryBudget,
    RetryScheduled,
    RetryTransport,
    build_stack,
)
from ollama_sdk.reliability._driver import AsyncPolicyTransport, PolicyTransport
from ollama_sdk.reliability.retry import Budget, Retrier, backoff_bound, jittered_waits, retry_after
from tests.support.callers import Caller, Script, in_threads
from tests.support.clocks import HandClock
from tests.support.library import library
from tests.support.loopback import chunks, cut, say, serving

PAIR = (RetryTransport, AsyncRetryTransport)
SAFE = {"repeat": "safe"}


def test_a_refused_connection_is_retried(caller: Caller, clock: HandClock) -> None:
    wire = Script(httpx.ConnectError("refused"), 200)
    assert caller.call(caller.wrap(PAIR, wire, Retry(), clock=clock)).status_code == 200
    assert len(wire.requests) == 2
    assert len(clock.slept) == 1


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_transient_error_status_is_retried(caller: Caller, clock: HandClock, status: int) -> None:
    wire = Script(status, 200)
    assert caller.call(caller.wrap(PAIR, wire, Retry(), clock=clock)).status_code == 200


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 409, 422, 500, 501])
def test_any_other_status_is_returned_at_once(clock: HandClock, status: int) -> None:
    wire = Script(status)
    assert Caller("sync").call(RetryTransport(wire, Retry(), clock=clock)).status_code == status
    assert len(wire.requests) == 1


def test_a_read_timeout_is_retried_only_by_choice(clock: HandClock) -> None:
    wire = Script(httpx.ReadTimeout("late"), 200)
    with pytest.raises(httpx.ReadTimeout):
        Caller("sync").call(RetryTransport(wire, Retry(), clock=clock))
    policy = Retry(errors=(httpx.TimeoutException,))
    assert (
        Caller("sync").call(RetryTransport(Script(httpx.ReadTimeout("late"), 200), policy, clock=clock)).status_code
        == 200
    )


def test_other_statuses_and_errors_are_retried_by_choice(clock: HandClock) -> None:
    policy = Retry(statuses={500}, errors=(httpx.DecodingError,))
    assert (
        Caller("sync").call(RetryTransport(Script(500, httpx.DecodingError("x"), 200), policy, clock=clock)).status_code
        == 200
    )


def test_the_last_failure_is_raised_when_attempts_run_out(caller: Caller, clock: HandClock) -> None:
    wire = Script(503)
    assert caller.call(caller.wrap(PAIR, wire, Retry(attempts=3), clock=clock)).status_code == 503
    assert len(wire.requests) == 3
    wire = Script(httpx.ReadError("gone"))
    with pytest.raises(httpx.ReadError, match="gone"):
        caller.call(caller.wrap(PAIR, wire, Retry(attempts=3), clock=clock))
    assert len(wire.requests) == 3


@pytest.mark.parametrize(
    ("method", "extensions", "resume", "repeated"),
    [
        ("GET", {}, False, True),
        ("HEAD", {}, False, True),
        ("POST", {}, False, False),
        ("DELETE", {}, False, False),
        ("POST", {"repeat": "safe"}, False, True),
        ("GET", {"repeat": "never"}, False, False),
        ("POST", {"repeat": "resumes"}, False, False),
        ("POST", {"repeat": "resumes"}, True, True),
        ("POST", {"repeat": "never"}, True, False),
    ],
)
def test_only_idempotent_requests_are_retried(
    clock: HandClock, method: str, extensions: dict[str, str], resume: bool, repeated: bool
) -> None:
    wire = Script(503, 200)
    Caller("sync").call(
        RetryTransport(wire, Retry(resume=resume), clock=clock), method, content=b"{}", extensions=extensions
    )
    assert len(wire.requests) == 1 + repeated


def open_circuit(seconds: float = 9) -> CircuitOpenError:
    return CircuitOpenError("open", endpoint="http://a", retry_after=seconds)


EVERYTHING = Retry(errors=(httpx.TransportError, CircuitOpenError))
NEVER_SENT = (httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), httpx.PoolTimeout("full"), open_circuit())
PERHAPS_SENT = (
    httpx.ReadError("reset"),
    httpx.WriteError("reset"),
    httpx.WriteTimeout("late"),
    httpx.ReadTimeout("late"),
)


@pytest.mark.parametrize("failure", [*NEVER_SENT, NoEndpointError("none", NEVER_SENT)], ids=repr)
def test_an_unsafe_request_that_was_never_sent_is_retried(clock: HandClock, failure: Exception) -> None:
    wire = Script(failure, failure, 200)
    transport = RetryTransport(wire, EVERYTHING, clock=clock)
    assert Caller("sync").call(transport, "DELETE", extensions={"repeat": "never"}).status_code == 200


@pytest.mark.parametrize(
    "failure",
    [*PERHAPS_SENT, *(NoEndpointError("none", [NEVER_SENT[0], said]) for said in PERHAPS_SENT)],
    ids=repr,
)
def test_an_unsafe_request_that_may_be_sent_is_not_retried(clock: HandClock, failure: Exception) -> None:
    wire = Script(failure, 200)
    with pytest.raises(type(failure)):
        Caller("sync").call(RetryTransport(wire, EVERYTHING, clock=clock), "DELETE", extensions={"repeat": "never"})
    assert len(wire.requests) == 1


def test_an_unsafe_request_that_reached_no_endpoint_is_retried(clock: HandClock) -> None:
    wire = Script(httpx.ConnectError("refused"))
    policies = Policies(retry=Retry(attempts=3), failover=Failover())
    stack = build_stack(wire, [Endpoint("http://a"), Endpoint("http://b")], policies, clock=clock)
    with pytest.raises(NoEndpointError):
        Caller("sync").call(stack.transport, "DELETE", extensions={"repeat": "never"})
    assert [request.url.host for request in wire.requests] == ["a", "b"] * 3


def test_one_retryable_endpoint_is_enough_to_retry(clock: HandClock) -> None:
    busy = httpx.HTTPStatusError("", request=httpx.Request("GET", "http://a"), response=httpx.Response(503))
    wire = Script(NoEndpointError("none", [httpx.ReadTimeout("late"), busy]), 200)
    assert Caller("sync").call(RetryTransport(wire, Retry(), clock=clock)).status_code == 200
    wire = Script(NoEndpointError("none", [httpx.ReadTimeout("late"), httpx.ReadTimeout("late")]), 200)
    with pytest.raises(NoEndpointError):
        Caller("sync").call(RetryTransport(wire, Retry(), clock=clock))


def test_a_connect_timeout_is_retried(clock: HandClock) -> None:
    wire = Script(httpx.ConnectTimeout("late"), 200)
    assert Caller("sync").call(RetryTransport(wire, Retry(), clock=clock)).status_code == 200


@pytest.mark.parametrize("errors", [(NoEndpointError,), (Exception,), (httpx.ReadTimeout,)])
def test_no_endpoint_error_is_retried_by_choice(
    caller: Caller, clock: HandClock, errors: tuple[type[Exception], ...]
) -> None:
    wire = Script(NoEndpointError("none", [httpx.ReadTimeout("late"), httpx.ReadTimeout("late")]), 200)
    assert caller.call(caller.wrap(PAIR, wire, Retry(errors=errors), clock=clock)).status_code == 200


def test_a_refusal_by_an_inner_rate_limit_is_retried_by_choice(caller: Caller, clock: HandClock) -> None:
    wire = Script(RateLimitExceededError("full"), 200)
    transport = caller.wrap(PAIR, wire, Retry(errors=(RateLimitExceededError,)), clock=clock)
    assert caller.call(transport).status_code == 200


@pytest.mark.parametrize("policy", [Retry, CircuitBreaker, Failover])
@pytest.mark.parametrize(
    ("kind", "instead"),
    [
        (APIConnectionError, "httpx.NetworkError"),
        (APITimeoutError, "httpx.TimeoutException"),
        (OllamaError, "httpx.TransportError"),
        (ServiceUnavailableError, "statuses="),
        (DecodeError, "httpx.DecodingError"),
        (ConnectionError, "httpx.NetworkError"),
        (ConnectionRefusedError, "httpx.NetworkError"),
        (TimeoutError, "httpx.TimeoutException"),
        (OSError, "httpx.TransportError"),
    ],
)
def test_an_error_that_no_policy_sees_is_refused(policy: Any, kind: type[Exception], instead: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{policy.__name__}\(errors=.*{kind.__name__}: give .*{instead}"):
        policy(errors=(httpx.ReadError, kind))


def test_a_full_connection_pool_is_not_retried(clock: HandClock) -> None:
    with pytest.raises(httpx.PoolTimeout):
        Caller("sync").call(RetryTransport(Script(httpx.PoolTimeout("full"), 200), Retry(), clock=clock))


@pytest.mark.parametrize("failure", [503, httpx.ConnectError("refused")])
def test_a_body_that_can_be_read_only_once_is_never_resent(clock: HandClock, failure: Any) -> None:
    wire = Script(failure, 200)
    transport = RetryTransport(wire, Retry(), clock=clock)
    with contextlib.suppress(httpx.ConnectError):
        Caller("sync").call(transport, "POST", content=iter([b"a", b"b"]), extensions=SAFE)
    assert len(wire.requests) == 1


def test_a_one_piece_reply_that_breaks_off_is_retried(caller: Caller, clock: HandClock) -> None:
    with serving({"/x": [cut(b"half"), say(200, b"whole")]}) as server:
        wire = library.HTTPTransport() if caller.colour == "sync" else library.AsyncHTTPTransport()
        response = caller.call(
            caller.wrap(PAIR, wire, Retry(), clock=clock), url=f"{server.url}/x", headers={"Connection": "close"}
        )
        assert response.content == b"whole"
        assert len(server.requests) == 2


def test_a_stream_is_retried_only_before_its_first_chunk(clock: HandClock) -> None:
    with (
        serving({"/x": [cut(b""), cut(b"first")]}) as server,
        httpx.Client(transport=RetryTransport(httpx.HTTPTransport(), Retry(), clock=clock)) as client,
        client.stream("GET", f"{server.url}/x", extensions={"stream": True}) as response,
    ):
        parts = response.iter_raw()
        assert next(parts) == b"first"
        with pytest.raises(httpx.RemoteProtocolError):
            next(parts)
        assert len(server.requests) == 2


@pytest.mark.anyio
async def test_an_async_stream_keeps_its_first_chunk(clock: HandClock) -> None:
    with serving({"/x": [cut(b""), chunks(b"one", b"two", b"three")]}) as server:
        transport = AsyncRetryTransport(library.AsyncHTTPTransport(), Retry(), clock=clock)
        async with (
            httpx.AsyncClient(transport=transport) as client,
            client.stream("GET", f"{server.url}/x", extensions={"stream": True}) as response,
        ):
            assert b"".join([part async for part in response.aiter_raw()]) == b"onetwothree"
        assert len(server.requests) == 2


def test_plain_httpx_may_read_a_one_piece_reply_as_a_stream(clock: HandClock) -> None:
    with (
        serving({"/x": chunks(b"one", b"two")}) as server,
        httpx.Client(transport=RetryTransport(httpx.HTTPTransport(), Retry(), clock=clock)) as client,
        client.stream("GET", f"{server.url}/x") as response,
    ):
        assert b"".join(response.iter_raw()) == b"onetwo"


def test_the_example_for_plain_httpx_retries_a_streamed_post(capsys: pytest.CaptureFixture[str]) -> None:
    described = str(reliability.__doc__)
    example = textwrap.dedent(described.partition("::\n")[2].partition("\n===")[0])
    with serving({"/api/generate": [say(503), chunks(b'{"response": "blue"}\n', b'{"done": true}\n')]}) as server:
        exec(example.replace("http://127.0.0.1:11434", server.url), {})
        assert len(server.requests) == 2
    assert capsys.readouterr().out == '{"response": "blue"}\n{"done": true}\n'


# Extensions that no policy reads: they are for the layers of the client itself.
OF_THE_CLIENT = {"deadlines", "timeout", "status", "max_body_bytes"}


def test_request_extensions_are_documented() -> None:
    wire = Script(httpx.Response(200, json={"version": "1"}))
    with Ollama(transport=wire) as client:
        client.version()
    documented = {name for name in wire.requests[0].extensions if name not in OF_THE_CLIENT}
    rows = str(reliability.__doc__).split("\n===")[2].splitlines()[1:]
    assert documented == {row.split()[0] for row in rows if row[:1].strip()}


# --- waits: AWS Architecture Blog, "Exponential Backoff And Jitter"


@pytest.mark.parametrize(
    ("attempt", "bound"), [(1, 0.2), (2, 0.4), (3, 0.8), (4, 1.6), (7, 12.8), (8, 20.0), (5000, 20.0)]
)
def test_the_bound_of_a_wait_doubles_up_to_the_maximum(attempt: int, bound: float) -> None:
    assert backoff_bound(Retry(), attempt) == pytest.approx(bound)


@pytest.mark.parametrize(
    ("jitter", "lowest", "highest"),
    [
        ("none", [1, 2, 4, 8, 8], [1, 2, 4, 8, 8]),
        ("full", [0, 0, 0, 0, 0], [1, 2, 4, 8, 8]),
        ("equal", [0.5, 1, 2, 4, 4], [1, 2, 4, 8, 8]),
        ("decorrelated", [1, 1, 1, 1, 1], [3, 8, 8, 8, 8]),
    ],
)
def test_jitter_draws_from_the_published_range(jitter: str, lowest: list[float], highest: list[float]) -> None:
    policy = Retry(initial=1, maximum=8, jitter=jitter, budget=None)
    for expected, draw in ((lowest, min), (highest, max)):
        waits = jittered_waits(policy, lambda low, high, draw=draw: draw(low, high))
        assert list(itertools.islice(waits, 5)) == expected


@given(st.integers(), st.sampled_from(["full", "equal", "decorrelated", "none"]))
def test_no_wait_leaves_its_range(seed: int, jitter: str) -> None:
    waits = jittered_waits(Retry(jitter=jitter), random.Random(seed).uniform)
    assert all(0 <= wait <= 20 for wait in itertools.islice(waits, 10))


# --- Retry-After


def http_date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "12 days"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "9999999999"}, 1e8),
        ({"Retry-After": "9" * 400}, 1e8),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 1e8),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 -0100"}, None),
        ({"Retry-After": "Wed, 21 Oct 2099 07:28:00 +24:00"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 +0000", "Date": "Wed, 21 Oct 2015 09:28:00 +0200"}, 30),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 PST", "Date": "Wed, 21 Oct 2015 07:28:00 MEZ"}, 30),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 +24:00"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30),
        ({"Retry-After": "Wednesday, 21-Oct-15 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30),
        ({"Retry-After": "Wed Oct 21 07:28:30 2015", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30),
        ({"Retry-After": "Wed, 99 Oct 2015 07:28:30 GMT"}, None),
    ],
)
@pytest.mark.filterwarnings("error")
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx.Response(503, headers=headers)) == seconds
    with Ollama(transport=Script(httpx.Response(503, headers=headers))) as client:
        with pytest.raises(ServiceUnavailableError) as raised:
            client.version()
        assert raised.value.retry_after == seconds


def test_a_date_without_a_server_date_uses_our_clock() -> None:
    assert retry_after(httpx.Response(503, headers={"Retry-After": http_date(30)})) == pytest.approx(30, abs=2)


# What a parser of dates makes something of, in any order.
WORDS = st.sampled_from(
    [
        "Wed,",
        "21",
        "Oct",
        "2099",
        "07:28:00",
        "GMT",
        "PST",
        "+24:00",
        "-99:99",
        "am",
        "nan",
        "inf",
        "T",
        "Z",
        ".",
        ",",
        "/",
        "-",
    ]
)
NUMBERS = st.sampled_from(["0", "24", "1.5", "1e9", "9" * 40])
TIMES = st.tuples(NUMBERS, st.sampled_from(["h", "m", "s", ":", "h:"])).map("".join)


@given(st.text(max_size=40) | st.lists(WORDS | TIMES, max_size=6).map("".join))
@example("9" * 40 + "10h::,")
def test_no_malformed_retry_after_breaks_a_call(text: str) -> None:
    for headers in ({"Retry-After": text}, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT", "Date": text}):
        encoded = {name.encode(): value.encode() for name, value in headers.items()}
        seconds = retry_after(httpx.Response(503, headers=encoded))
        assert seconds is None or seconds >= 0


def test_jitter_is_added_to_retry_after(caller: Caller, clock: HandClock) -> None:
    busy = httpx.Response(429, headers={"Retry-After": "7"})
    caller.call(caller.wrap(PAIR, Script(busy, busy, 200), Retry(jitter="none"), clock=clock))
    assert clock.slept == pytest.approx([7.2, 7.4])


def test_an_open_circuit_is_waited_for_by_choice(caller: Caller, clock: HandClock) -> None:
    waiting = Retry(errors=(CircuitOpenError,), jitter="none")
    caller.call(caller.wrap(PAIR, Script(open_circuit(9), 200), waiting, clock=clock))
    assert clock.slept == [9.2]
    for policy in (Retry(), Retry(errors=(CircuitOpenError,), retry_after_limit=8)):
        with pytest.raises(CircuitOpenError):
            caller.call(caller.wrap(PAIR, Script(open_circuit(9), 200), policy, clock=clock))
    assert clock.slept == [9.2]


def test_the_endpoint_that_is_ready_first_is_waited_for() -> None:
    request = httpx.Request("GET", "http://a")
    said = [
        httpx.HTTPStatusError("", request=request, response=httpx.Response(503, headers={"Retry-After": after}))
        for after in ("9", "4")
    ]
    assert retry_after(NoEndpointError("none", said)) == 4
    # One that asks for nothing may be ready at once.
    assert retry_after(NoEndpointError("none", [*said, httpx.ConnectError("refused")])) is None
    assert retry_after(NoEndpointError("none", [*said, open_circuit(2)])) == 2


@pytest.mark.parametrize(
    ("policy", "deadline", "headers"),
    [
        (Retry(jitter="none"), 1000.1, {}),
        (Retry(), 1005.0, {"Retry-After": "5"}),
        (Retry(total=5), None, {"Retry-After": "6"}),
        (Retry(), None, {"Retry-After": "61"}),
    ],
)
def test_a_wait_past_the_deadline_is_not_begun(
    clock: HandClock, policy: Retry, deadline: float | None, headers: dict[str, str]
) -> None:
    wire = Script(httpx.Response(503, headers=headers), 200)
    response = Caller("sync").call(RetryTransport(wire, policy, clock=clock), extensions={"deadline": deadline})
    assert (response.status_code, clock.slept) == (503, [])


def test_a_wait_within_the_total_of_the_policy_is_begun(clock: HandClock) -> None:
    wire = Script(httpx.Response(503, headers={"Retry-After": "4"}), 200)
    assert Caller("sync").call(RetryTransport(wire, Retry(total=5), clock=clock)).status_code == 200
    assert len(clock.slept) == 1


# --- the budget: gRPC proposal A6


class Call:
    """A call, as a budget knows it."""


CALL = Call()


def budget_of(**arguments: float) -> Budget:
    return Budget(Retry(budget=RetryBudget(**arguments)))


def test_the_budget_counts_as_grpc_retry_throttling_does() -> None:
    budget = budget_of(tokens=10, per_success=0.1)
    assert [budget.failed(CALL) for _ in range(6)] == [True, True, True, True, False, False]
    assert budget.tokens == 4
    for _ in range(10):
        budget.succeeded()
    assert budget.tokens == 5  # ten times a tenth is one, exactly
    budget.succeeded()
    assert budget.tokens == 5.1
    assert budget.failed(CALL) is False


@pytest.mark.parametrize("attempts", [2, 4, 8, 50])
def test_a_full_budget_pays_all_attempts_of_a_call(clock: HandClock, attempts: int) -> None:
    wire = Script(503)
    transport = RetryTransport(wire, Retry(attempts=attempts), clock=clock)
    Caller("sync").call(transport)
    assert len(wire.requests) == attempts
    Caller("sync").call(transport)
    assert len(wire.requests) == attempts + 1


def test_calls_that_fail_together_share_the_cost() -> None:
    budget = budget_of(tokens=100, per_success=0.6)
    calls = [Call(), Call(), Call()]
    for number, cost in enumerate((1, 1 / 2, 1 / 3, 1 / 3)):
        before = budget.tokens
        budget.failed(calls[min(number, 2)])
        assert before - budget.tokens == pytest.approx(cost)
    before = budget.tokens
    budget.succeeded()
    assert budget.tokens - before == pytest.approx(0.2)
    for number in (0, 1, 1):
        budget.ended(calls[number])
    before = budget.tokens
    budget.failed(calls[2])
    assert before - budget.tokens == pytest.approx(1)


@pytest.mark.parametrize("outcomes", [(503, 200), (503, 404), (503,), (503, ValueError("odd")), (503, GeneratorExit())])
def test_a_call_that_has_ended_shares_no_cost(caller: Caller, clock: HandClock, outcomes: tuple[Any, ...]) -> None:
    budget = budget_of(tokens=100)
    retrier = Retrier(Retry(), clock=clock, budget=budget)
    transport = caller.wrap((PolicyTransport, AsyncPolicyTransport), Script(*outcomes), retrier)
    with contextlib.suppress(ValueError, GeneratorExit):
        caller.call(transport)
    before = budget.tokens
    budget.failed(Call())
    assert before - budget.tokens == pytest.approx(1)


def test_a_call_that_is_gone_without_an_end_shares_no_cost() -> None:
    budget = budget_of(tokens=100)
    budget.failed(Call())
    gc.collect()
    before = budget.tokens
    budget.failed(CALL)
    assert before - budget.tokens == pytest.approx(1)


@pytest.mark.parametrize("tokens", [2.001, 4.35, 10.0, 1e308])
def test_a_budget_holds_the_tokens_it_was_given(tokens: float) -> None:
    budget = budget_of(tokens=tokens)
    assert budget.tokens == tokens
    assert budget.failed(CALL)


def test_spent_tokens_stay_spent_in_a_budget_of_another_size() -> None:
    budget = budget_of(tokens=10)
    for _ in range(3):
        budget.failed(CALL)
    budget.reconfigure(Retry(budget=RetryBudget(tokens=100, per_success=2)))
    assert budget.tokens == 97
    budget.succeeded()
    assert budget.tokens == 99
    budget.reconfigure(Retry(budget=None))
    assert budget.tokens == 99
    budget.reconfigure(Retry(attempts=5))
    assert budget.tokens == 9
    for _ in range(8):
        budget.failed(CALL)
    budget.reconfigure(Retry(budget=RetryBudget(tokens=3)))
    assert budget.tokens == 0


def test_a_healthy_client_with_a_raised_budget_still_retries(clock: HandClock) -> None:
    wire = Script(200, 503, 200)
    stack = build_stack(wire, [], Policies(retry=Retry()), clock=clock)
    assert Caller("sync").call(stack.transport).status_code == 200
    stack = stack.reconfigured(retry=Retry(budget=RetryBudget(tokens=101)))
    assert Caller("sync").call(stack.transport).status_code == 200


def test_a_client_with_a_smaller_budget_retries_less(clock: HandClock) -> None:
    wire = Script(503)
    stack = build_stack(wire, [], Policies(retry=Retry(budget=RetryBudget(tokens=100))), clock=clock)
    stack = stack.reconfigured(retry=Retry(budget=RetryBudget(tokens=3)))
    for _ in range(3):
        Caller("sync").call(stack.transport)
    assert len(wire.requests) == 4


@pytest.mark.parametrize(
    ("outcome", "tokens"),
    [
        (200, 4.1),
        (404, 4.1),
        (503, 3),
        (httpx.ConnectError("refused"), 3),
        (httpx.ReadTimeout("late"), 4),  # says neither
        (open_circuit(), 4),  # nothing was sent
        (NoEndpointError("none", [open_circuit(), open_circuit()]), 4),
        (NoEndpointError("none", [open_circuit(), httpx.ConnectError("refused")]), 3),
    ],
    ids=repr,
)
def test_failed_attempts_take_tokens_and_successes_add_some(clock: HandClock, outcome: Any, tokens: float) -> None:
    budget = budget_of(tokens=10)
    for _ in range(6):
        budget.failed(CALL)
    budget.ended(CALL)
    policy = Retry(attempts=1, errors=(httpx.NetworkError, CircuitOpenError))
    with contextlib.suppress(Exception):
        Caller("sync").call(PolicyTransport(Script(outcome), Retrier(policy, clock=clock, budget=budget)))
    assert budget.tokens == tokens


def test_waiting_for_an_open_circuit_needs_no_budget(clock: HandClock) -> None:
    budget = budget_of(tokens=3)
    while budget.failed(CALL):
        pass
    policy = Retrier(Retry(errors=(CircuitOpenError,)), clock=clock, budget=budget)
    assert Caller("sync").call(PolicyTransport(Script(open_circuit(), 200), policy)).status_code == 200


def test_fifty_threads_count_the_budget_exactly() -> None:
    budget = budget_of(tokens=100_000)

    def fare(_: int) -> None:
        for _ in range(40):
            budget.failed(CALL)
            budget.failed(CALL)
            budget.succeeded()

    in_threads(50, fare)
    assert budget.tokens == pytest.approx(100_000 - 50 * 40 * 1.9, abs=1e-6)


class BudgetMachine(RuleBasedStateMachine):
    """The budget against the two sentences of its specification, in thousandths."""

    def __init__(self) -> None:
        super().__init__()
        self.budget = budget_of(tokens=4, per_success=0.25)
        self.expected = 4000

    @rule()
    def a_call_succeeds(self) -> None:
        self.budget.succeeded()
        self.expected = min(4000, self.expected + 250)

    @rule()
    def a_call_fails(self) -> None:
        self.expected = max(0, self.expected - 1000)
        assert self.budget.failed(CALL) is (self.expected > 2000)

    @invariant()
    def the_tokens_agree(self) -> None:
        assert self.budget.tokens * 1000 == self.expected


TestBudget = BudgetMachine.TestCase


def test_an_outage_costs_a_client_few_extra_requests(caller: Caller, clock: HandClock) -> None:
    events: list[object] = []
    wire = Script(503)
    transport = caller.wrap(PAIR, wire, Retry(), clock=clock, observer=events.append)
    for _ in range(20):
        caller.call(transport)
    assert len(wire.requests) == 23  # half of the tokens are for use: three repetitions and the last failure
    assert sum(isinstance(event, RetryScheduled) for event in events) == 3
    assert {event.by for event in events if isinstance(event, Refused)} == {"retry_budget"}


def test_a_scheduled_retry_reports_its_delay_and_reason(clock: HandClock) -> None:
    events: list[RetryScheduled] = []
    transport = RetryTransport(
        Script(503, httpx.ReadError("gone"), 200), Retry(jitter="none"), clock=clock, observer=events.append
    )
    Caller("sync").call(transport, extensions={"operation": "embed"})
    reported = [(event.operation, event.endpoint, event.attempt, event.delay, event.reason) for event in events]
    assert reported == [("embed", "http://a", 1, 0.2, "status 503"), ("embed", "http://a", 2, 0.4, "ReadError: gone")]
    assert len({event.call for event in events}) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"attempts": True},
        {"initial": 0},
        {"maximum": -1},
        {"maximum": float("nan")},
        {"maximum": 0.1},
        {"initial": 10**400},
        {"attempts": 10**400},
        {"multiplier": 0.5},
        {"jitter": "some"},
        {"total": 0},
        {"statuses": {200}},
        {"statuses": "503"},
        {"statuses": 503},
        {"statuses": [[1]]},
        {"errors": (int,)},
        {"errors": ValueError},
        {"budget": 3},
        {"resume": "yes"},
    ],
)
def test_a_bad_argument_is_refused_with_its_value(arguments: dict[str, object]) -> None:
    [(name, value)] = arguments.items()
    with pytest.raises(ConfigurationError) as raised:
        Retry(**arguments)  # type: ignore[arg-type]
    assert name in str(raised.value)
    assert str(value) in str(raised.value) or repr(value) in str(raised.value)


@pytest.mark.parametrize(
    "arguments", [{"tokens": 2}, {"tokens": 0}, {"tokens": 10**400}, {"per_success": 0.0004}, {"per_success": "0.1"}]
)
def test_a_budget_that_could_never_work_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="RetryBudget"):
        RetryBudget(**arguments)  # type: ignore[arg-type]


def test_a_wait_may_be_longer_than_the_system_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    policy = Retry(initial=1e300, maximum=1e300, jitter="none")
    assert Caller("sync").call(RetryTransport(Script(503, 200), policy)).status_code == 200
    assert slept == [1e8]


def test_statuses_may_be_any_collection() -> None:
    assert Retry(statuses=[500, 503]).statuses == Retry(statuses={503, 500}).statuses == {500, 503}
    assert Retry(statuses=iter([500])).statuses == {500}
