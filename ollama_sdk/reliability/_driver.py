"""Drives the policies of a call: runs their generators with a transport, a clock and, for async calls, an event loop.

A policy is a generator over one call, as ``httpx.Auth.auth_flow`` is. Its :meth:`Policy.flow` decides and does no I/O. It yields
the next :data:`PolicyStep`; the driver carries it out and sends the result back into the generator:

======================= ==================================================================================================
yielded                 carried out, and sent back
======================= ==================================================================================================
``httpx.Request``       Sent through the transport. Sent back: the response, read as far as described below.
:class:`Sleep`          Sleeps. Sent back: ``None``.
:data:`NEW_EVENT`       Makes an event that this caller can wait for. Sent back: the event.
:class:`Wait`           Waits until the event is set or the seconds are over. Sent back: ``None``.
======================= ==================================================================================================

An error in a step is raised inside the generator, at its ``yield``. The generator returns the response of the call, or raises the
error of the call. Only the innermost policy may yield a request itself: ``yield from send(request)`` runs the flow of the next
policy, and the innermost ``send`` yields the request. To the driver, the flows of a stack are therefore one generator, and an error
passes through them from the inside out, as through nested function calls.

**When an attempt is over.** An attempt has succeeded when its reply is whole, or, for a stream with a good status, when its first
chunk has arrived. If one of the policies judges attempts (``judges_attempts``), the driver reads that much before it sends the
response back. It always reads the whole reply of a call that is not a stream; httpx reads it again from memory.

**Who cleans up.** Each flow releases its resources (a permit, a probe, an entry among the calls in flight) in an ``except
BaseException`` or ``finally`` around its ``yield from send(request)``. Every way out of a call passes through there:

- The driver raises an error of the transport, a cancellation or Ctrl-C inside the generator. The flow must re-raise it.
- An exception may hit the driver between two steps, or a task may be destroyed with its event loop. The driver's frame is the only
  owner of the generator, so Python closes the generator with the frame (``GeneratorExit``).
- A stream outlives its flow. :func:`ollama_sdk._bodies.hold` releases a resource that must last as long as the stream, when the
  response is closed or garbage-collected.

The last two may happen inside the garbage collector, in any thread, at any line of Python code, even where that thread holds the
lock of the same policy. So a release must not wait for a lock; each policy explains how it avoids that. No policy holds a lock
while it yields, so a call that waits never blocks another call.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import anyio
import httpx

from ollama_sdk._bodies import ErrorBody, StartedBody, WholeBody
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._concurrency.events import TaskEvent, ThreadEvent
from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike, as_async_transport, as_transport

from ._extensions import is_stream

__all__ = [
    "NEW_EVENT",
    "STARTED",
    "AsyncPolicyTransport",
    "CallOwner",
    "CallRef",
    "Flow",
    "Policy",
    "PolicyStep",
    "PolicyTransport",
    "Send",
    "Sleep",
    "Steps",
    "Wait",
]


class Sleep(NamedTuple):
    """Do nothing for ``seconds``."""

    seconds: float


class Wait(NamedTuple):
    """Wait until ``event`` is set, for ``seconds`` at most, which may be infinite."""

    event: Any  # a ThreadEvent or a TaskEvent, as NEW_EVENT made it
    seconds: float


class CallOwner:
    """Has the lifetime of a call: when it is garbage-collected, the resources of the call are released at the latest."""

    __slots__ = ("__weakref__",)


class CallRef(weakref.ref[CallOwner]):
    """A reference to a call that can be a set member or key, even after the call is gone: it compares by identity.

    Its callback should be a method of a set or a deque, which no exception can interrupt.
    """

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class _NewEvent:
    """Make an event that the caller can wait for."""

    __slots__ = ()


NEW_EVENT: Final = _NewEvent()

PolicyStep = httpx.Request | Sleep | Wait | _NewEvent
ResultT = TypeVar("ResultT")
Steps = Generator[PolicyStep, Any, ResultT]
Flow = Steps[httpx.Response]
Send = Callable[[httpx.Request], Flow]


class Policy(Protocol):
    """The state that all calls under one policy share.

    Attributes:
        clock: The clock for times and sleeps.
        judges_attempts: Whether the policy decides by the outcome of attempts.
    """

    clock: Clock
    judges_attempts: bool

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """Run one call.

        Args:
            send: Runs one request through the inner policies and the transport.
            request: The request of the call.
        """
        ...


def _send(request: httpx.Request) -> Flow:
    response: httpx.Response = yield request
    return response


# In ``response.extensions``: whether the chunk was there that the driver has read of a stream; absent if it has read nothing.
STARTED = "started"


class _Driver:
    """The decisions that the sync and the async driver share."""

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self._clock = policies[0].clock if policies else SYSTEM_CLOCK
        self._leaves_streams = not any(policy.judges_attempts for policy in policies)
        self._flow: Send = _send
        for policy in reversed(policies):
            # Of the class, because a bound method would be another step in each call.
            self._flow = partial(type(policy).flow, policy, self._flow)

    def _is_settled(self, request: httpx.Request, response: httpx.Response) -> bool:
        """Whether the driver reads nothing of the body: it has already done so, or leaves the stream to the caller."""
        return STARTED in response.extensions or (self._leaves_streams and is_stream(request))


class PolicyTransport(_Driver, httpx.BaseTransport):
    """Sends each request through policies and the inner transport.

    Args:
        inner: The transport; closed with this one.
        policies: The policies, outermost first.
    """

    def __init__(self, inner: TransportLike, *policies: Policy) -> None:
        super().__init__(policies)
        self._inner = as_transport(inner)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``, and return the response or raise the error that the policies decide on."""
        flow = self._flow(request)
        try:
            step = next(flow)
            while True:
                answer: Any = None
                try:
                    if isinstance(step, httpx.Request):
                        answer = self._inner.handle_request(step)
                        if not isinstance(answer.stream, WholeBody):
                            answer = self._settle(step, answer)
                    elif isinstance(step, Sleep):
                        self._clock.sleep(step.seconds)
                    elif isinstance(step, Wait):
                        self._clock.wait(step.event, step.seconds)
                    else:
                        answer = ThreadEvent()
                except BaseException as error:  # noqa: BLE001 - the flow decides, and cleans up
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as end:
            response: httpx.Response = end.value
            return response

    def _settle(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """Read as much of a response as decides the attempt; the returned response still has its whole body.

        Raises:
            httpx.TransportError: The connection failed; the response is closed.
        """
        if self._is_settled(request, response):
            return response
        stream: Any = response.stream
        if not response.is_success:
            stream = ErrorBody(stream)
        try:
            if response.is_success and is_stream(request):
                chunks: Iterator[bytes] = iter(stream)
                first = next(filter(None, chunks), b"")
                response.stream = StartedBody(stream, first, chunks)
                response.extensions[STARTED] = bool(first)
                return response
            body = b"".join(stream)
        except BaseException:
            stream.close()
            raise
        stream.close()
        response.stream = httpx.ByteStream(body)
        return response

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()


class AsyncPolicyTransport(_Driver, httpx.AsyncBaseTransport):
    """As :class:`PolicyTransport`, on asyncio and trio."""

    def __init__(self, inner: AsyncTransportLike, *policies: Policy) -> None:
        super().__init__(policies)
        self._inner = as_async_transport(inner)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``, and return the response or raise the error that the policies decide on."""
        flow = self._flow(request)
        try:
            step = next(flow)
            while True:
                answer: Any = None
                try:
                    if isinstance(step, httpx.Request):
                        answer = await self._inner.handle_async_request(step)
                        if not isinstance(answer.stream, WholeBody):
                            answer = await self._settle(step, answer)
                    elif isinstance(step, Sleep):
                        await self._clock.asleep(step.seconds)
                    elif isinstance(step, Wait):
                        await self._clock.await_(step.event, step.seconds)
                    else:
                        answer = TaskEvent()
                except BaseException as error:  # noqa: BLE001 - the flow decides, and cleans up
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as end:
            response: httpx.Response = end.value
            return response

    async def _settle(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        """As :meth:`PolicyTransport._settle`."""
        if self._is_settled(request, response):
            return response
        stream: Any = response.stream
        if not response.is_success:
            stream = ErrorBody(stream)
        try:
            if response.is_success and is_stream(request):
                chunks = aiter(stream)
                first: bytes | None = b""
                while first is not None and not first:
                    first = await anext(chunks, None)
                response.stream = StartedBody(stream, first or b"", chunks)
                response.extensions[STARTED] = bool(first)
                return response
            body = b"".join([chunk async for chunk in stream])
        except BaseException:
            # Shielded, because a cancelled task must close the connection as well.
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            raise
        await stream.aclose()
        response.stream = httpx.ByteStream(body)
        return response

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
