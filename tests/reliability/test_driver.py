"""The drivers: what they do for a flow, how much of a reply they read, and how every way out of a call ends its flow."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import anyio
import httpx
import pytest

from ollama_sdk._bodies import WholeBody
from ollama_sdk.reliability._driver import (
    NEW_EVENT,
    STARTED,
    AsyncPolicyTransport,
    Flow,
    Policy,
    PolicyTransport,
    Send,
    Sleep,
    Wait,
)
from tests.support.callers import Caller, Script
from tests.support.clocks import HandClock

DRIVERS = (PolicyTransport, AsyncPolicyTransport)
REQUEST = httpx.Request("GET", "http://a")


class Noting(Policy):
    """Sends the request, and notes how that begins and ends."""

    judges_attempts = False

    def __init__(self, name: str = "", notes: list[str] | None = None, *, judges_attempts: bool = False) -> None:
        self.name = name
        self.notes: list[str] = [] if notes is None else notes
        self.clock = HandClock()
        self.judges_attempts = judges_attempts

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        self.notes.append(f"{self.name}+")
        try:
            return (yield from send(request))
        except BaseException as error:
            self.notes.append(type(error).__name__)
            raise
        finally:
            self.notes.append(f"{self.name}-")


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that counts the chunks that were read of it."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks or (b"a", b"b", b"c")
        self.read = 0
        self.closed = False

    def __iter__(self) -> Any:
        for chunk in self.chunks:
            self.read += 1
            yield chunk

    async def __aiter__(self) -> Any:
        for chunk in self:
            yield chunk

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def sent(caller: Caller, transport: Any, **extensions: Any) -> httpx.Response:
    """The response as the transport returns it, unread."""
    request = httpx.Request("GET", "http://a", extensions=extensions)
    if caller.colour == "sync":
        return transport.handle_request(request)
    return anyio.run(transport.handle_async_request, request, backend=caller.colour)


def test_a_flow_is_driven_step_by_step(caller: Caller) -> None:
    class Stepping(Noting):
        def flow(self, send: Send, request: httpx.Request) -> Flow:
            yield Sleep(3)
            event = yield NEW_EVENT
            yield Wait(event, 5)
            event.set()
            yield Wait(event, float("inf"))
            return (yield from send(request))

    policy, wire = Stepping(), Script(204)
    assert caller.call(caller.wrap(DRIVERS, wire, policy)).status_code == 204
    assert policy.clock.slept == [3, 5]
    assert len(wire.requests) == 1


def test_an_error_passes_the_policies_from_the_inside_out(caller: Caller) -> None:
    notes: list[str] = []
    transport = caller.wrap(DRIVERS, Script(httpx.ReadError("gone")), Noting("a", notes), Noting("b", notes))
    with pytest.raises(httpx.ReadError, match="gone"):
        caller.call(transport)
    assert notes == ["a+", "b+", "ReadError", "b-", "ReadError", "a-"]


def test_an_interrupt_ends_the_flow(caller: Caller) -> None:
    policy = Noting()
    with pytest.raises(KeyboardInterrupt):
        caller.call(caller.wrap(DRIVERS, Script(KeyboardInterrupt()), policy))
    assert policy.notes == ["+", "KeyboardInterrupt", "-"]


@pytest.mark.anyio
async def test_a_cancelled_task_ends_the_flow() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.sleep_forever()
            raise AssertionError

    policy = Noting()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await AsyncPolicyTransport(Silent(), policy).handle_async_request(REQUEST)
    assert scope.cancelled_caught
    assert policy.notes[0] == "+"
    assert policy.notes[-1] == "-"


def test_a_task_destroyed_with_its_event_loop_ends_the_flow() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    policy = Noting()
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # called because the task was destroyed while it waited
    task = loop.create_task(AsyncPolicyTransport(Silent(), policy).handle_async_request(REQUEST))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert policy.notes == ["+"]
    del task
    gc.collect()
    assert policy.notes == ["+", "GeneratorExit", "-"]


@pytest.mark.parametrize(
    ("judges_attempts", "stream", "status", "read"),
    [(False, False, 200, 3), (False, True, 200, 0), (True, False, 200, 3), (True, True, 200, 1), (True, True, 503, 3)],
)
def test_a_reply_is_read_as_far_as_its_policies_need(
    caller: Caller, judges_attempts: bool, stream: bool, status: int, read: int
) -> None:
    body = Body()
    wire = Script(httpx.Response(status, stream=body))
    transport = caller.wrap(DRIVERS, wire, Noting(judges_attempts=judges_attempts))
    response = sent(caller, transport, stream=stream)
    assert (body.read, body.closed, isinstance(response.stream, WholeBody)) == (read, read == 3, read == 3)


def test_nested_drivers_read_a_stream_once(caller: Caller) -> None:
    body = Body()
    inner = caller.wrap(DRIVERS, Script(httpx.Response(200, stream=body)), Noting(judges_attempts=True))
    sent(caller, caller.wrap(DRIVERS, inner, Noting(judges_attempts=True)), stream=True)
    assert body.read == 1


def test_a_started_stream_is_returned_from_its_first_chunk(caller: Caller) -> None:
    wire = Script(httpx.Response(200, stream=Body()))
    transport = caller.wrap(DRIVERS, wire, Noting(judges_attempts=True))
    assert caller.call(transport, extensions={"stream": True}).content == b"abc"


@pytest.mark.parametrize(("chunks", "read", "started"), [((b"", b"", b"a", b"b"), 3, True), ((b"", b""), 2, False)])
def test_a_stream_starts_with_its_first_byte(
    caller: Caller, chunks: tuple[bytes, ...], read: int, started: bool
) -> None:
    body = Body(*chunks)
    transport = caller.wrap(DRIVERS, Script(httpx.Response(200, stream=body)), Noting(judges_attempts=True))
    response = sent(caller, transport, stream=True)
    assert (body.read, response.extensions[STARTED]) == (read, started)
    again = caller.wrap(DRIVERS, Script(httpx.Response(200, stream=Body(*chunks))), Noting(judges_attempts=True))
    assert caller.call(again, extensions={"stream": True}).content == b"".join(chunks)
