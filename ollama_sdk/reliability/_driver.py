"""Runs the policies of a call: the one place where they meet a transport, a clock and an event loop.

A policy is a generator over one call, as ``httpx.Auth.auth_flow`` is. Its :meth:`Policy.flow` decides and does no I/O. It yields
what is to be done next, a :data:`Step`:

======================= ==================================================================================================
yielded                 done, and sent back into the generator
======================= ==================================================================================================
``httpx.Request``       Sent through the transport. The response, as far as it decides about the attempt (see below).
:class:`Sleep`          Nothing, once the seconds are over.
:data:`NEW_EVENT`       A new event of the kind that this caller can wait for.
:class:`Wait`           Nothing, once the event is set or the seconds are over.
======================= ==================================================================================================

What goes wrong is raised inside the generator instead, at its ``yield``. What the generator returns is the response of the call,
and what it raises is the call's error. A policy never yields a request itself: ``yield from send(request)`` runs the flow of the
next policy within, and the innermost ``send`` yields it. So the flows of a stack are one generator to its driver, and an error
passes through them from the inside out, as it does through nested function calls.

**When an attempt is over.** Whether an attempt has succeeded is known when its reply is whole, or, for a stream that began well,
when its first chunk is there. If one of the policies judges attempts (``judges_attempts``), the driver reads that much before it
sends the response back. The reply of a call that is no stream is read in any case; httpx reads it again from memory.

**Who cleans up.** Each flow releases what it took (a permit, a probe, a place among the calls in flight) in an ``except
BaseException`` or ``finally`` around its ``yield from send(request)``. Every way out of a call passes through there:

- An error of the transport, a cancelled task, Ctrl-C: raised inside the generator by the driver. The flow must raise it on.
- An exception that hits the driver between two steps, or a task that is destroyed with its event loop: the driver's frame is
  the only owner of the generator, so Python closes it with the frame (``GeneratorExit``).
- A stream outlives its flow. What must last as long as it is released by :func:`ollama_sdk._bodies.hold`, when the response is
  closed or garbage-collected.

The last two may happen inside the garbage collector, in any thread, at any line of Python code, also where that thread holds the
lock of the very policy. So what releases must not wait for a lock; each policy says how it manages. No policy holds a lock while
it yields, so nothing that a call waits for can be held by a call that waits.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import anyio
import httpx

from ollama_sdk._bodies import ErrorBody, StartedBody, is_whole
from ollama_sdk._concurrency.clock import SYSTEM_CLOCK, Clock
from ollama_sdk._concurrency.events import TaskEvent, ThreadEvent
from ollama_sdk._httpx2 import AsyncTransportLike, TransportLike, as_async_transport, as_transport

from ._extensions import is_stream

__all__ = [
    "NEW_EVENT",
    "AsyncPolicyTransport",
    "CallOwner",
    "CallRef",
    "Flow",
    "Policy",
    "PolicyTransport",
    "Send",
    "Sleep",
    "Step",
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
    """Lives as long as a call: what the call has taken is given back when this is garbage, if not before."""

    __slots__ = ("__weakref__",)


class CallRef(weakref.ref[CallOwner]):
    """Stands for a call, in a set or as a key, also when the call is gone: compared by identity.

    Its callback should be a method of a set or a deque: no exception can come in between there.
    """

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class _NewEvent:
    """Make an event that the caller can wait for."""

    __slots__ = ()


NEW_EVENT: Final = _NewEvent()

Step = httpx.Request | Sleep | Wait | _NewEvent
ResultT = TypeVar("ResultT")
Steps = Generator[Step, Any, ResultT]
Flow = Steps[httpx.Response]
Send = Callable[[httpx.Request], Flow]


class Policy(Protocol):
    """What the calls under one policy share.

    Attributes:
        clock: Gives the time, and sleeps.
        judges_attempts: Whether it decides by how an attempt ended.
    """

    clock: Clock
    judges_attempts: bool

    def flow(self, send: Send, request: httpx.Request) -> Flow:
        """One call.

        Args:
            send: The flow of one request through the policies within and the transport.
            request: The request of the call.
        """
        ...


def _send(request: httpx.Request) -> Flow:
    response: httpx.Response = yield request
    return response


# The mark in ``response.extensions`` of a stream whose first chunk has been read.
_STARTED = "started"


class _Driver:
    """What both drivers decide alike."""

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self._clock = policies[0].clock if policies else SYSTEM_CLOCK
        self._leaves_streams = not any(policy.judges_attempts for policy in policies)
        self._flow: Send = _send
        for policy in reversed(policies):
            self._flow = partial(policy.flow, self._flow)

    def _is_settled(self, request: httpx.Request, response: httpx.Response) -> bool:
        """Whether nothing of a body that is not in memory has to be read: that has been done, or is left to its caller."""
        return _STARTED in response.extensions or (self._leaves_streams and is_stream(request))


class PolicyTransport(_Driver, httpx.BaseTransport):
    """Sends each request through policies and the transport within.

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
                        if not is_whole(answer.stream):
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
        """Read of a response what decides about the attempt; it is returned as if unread.

        Raises:
            httpx.TransportError: The connection failed meanwhile; it is closed.
        """
        if self._is_settled(request, response):
            return response
        stream: Any = response.stream
        if not response.is_success:
            stream = ErrorBody(stream)
        try:
            if response.is_success and is_stream(request):
                chunks = iter(stream)
                response.stream = StartedBody(stream, next(chunks, b""), chunks)
                response.extensions[_STARTED] = True
                return response
            body = b"".join(stream)
        except BaseException:
            stream.close()
            raise
        stream.close()
        response.stream = httpx.ByteStream(body)
        return response

    def close(self) -> None:
        """Close the transport within."""
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
                        if not is_whole(answer.stream):
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
                response.stream = StartedBody(stream, await anext(chunks, b""), chunks)
                response.extensions[_STARTED] = True
                return response
            body = b"".join([chunk async for chunk in stream])
        except BaseException:
            # Also when the task is being cancelled, which makes the connection worth closing all the more.
            with anyio.CancelScope(shield=True):
                await stream.aclose()
            raise
        await stream.aclose()
        response.stream = httpx.ByteStream(body)
        return response

    async def aclose(self) -> None:
        """Close the transport within."""
        await self._inner.aclose()
