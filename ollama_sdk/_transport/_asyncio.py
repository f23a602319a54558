"""Connections of one asyncio event loop.

Theory
------
The loop passes received bytes to a :class:`_Protocol`, for which a task waits: for bytes, or for space to write. Protocol and task
are connected by a :class:`_Waiter`, which refers to the task only while it waits. The loop refers to the protocol, but the protocol
never refers to the :class:`AsyncioConnection`, which the call or the pool owns: so a dropped connection is freed and closed although
the loop continues.

Received bytes are parsed at once, whether or not a task waits. If no task takes them, the protocol stops reading at
:data:`HIGH_WATER` bytes, and continues after they have been taken. Reading is not paused for items that are taken in time.

A loop may read before it passes a new connection on, as uvloop does. So a protocol is made with a buffer, :class:`_Raw`, for
bytes that arrive before the first request. The handshake takes them from there; without one they begin the first response.

A connection has at most one timer, and it is lazy. A new wait replaces the timer only if it would fire too late; a timer that
fires asks for the deadline again, and usually finds that it is later now. So the deadlines of a thousand items cost one timer.

All protocols of a loop read into one buffer, which is parsed before the loop reads again; streams use only its beginning.

Cancelling a task, natively or by a cancel scope, raises in its only await and has no other effect. Closing awaits nothing: it
shuts the socket down at once and leaves the rest to the loop, or to the operating system if the loop has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from contextvars import Context
from typing import Any

import httpx

from .connect_queue import ConnectQueue
from .connection import READ, READ_OF_WHOLE, Connection, deliver
from .limits import Ask, Limits
from .network import STAGGER, Address, UnreachableError, race, resolve, time_left, writable
from .response import ResponseParser
from .tls import TLS, Handshake

__all__ = ["HIGH_WATER", "AsyncioConnection", "AsyncioNetwork"]

# Bytes of a response that are parsed before a task takes them.
HIGH_WATER = 65536


class _Raw:
    """Takes the place of a response before the first request: collects the received bytes."""

    __slots__ = ("body", "ended")

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.ended = False

    def feed(self, data: bytes | memoryview) -> None:
        self.body.append(bytes(data))

    def end(self) -> None:
        self.ended = True

    def pass_on(self, response: ResponseParser) -> None:
        """Feed what was received to ``response``."""
        for data in self.body:
            response.feed(data)
        if self.ended:
            response.end()


def _read_too_late() -> Exception:
    return httpx.ReadTimeout("time is up")


def _write_too_late() -> Exception:
    return httpx.WriteTimeout("time is up")


def _handshake_too_late() -> Exception:
    return UnreachableError("time is up", timed_out=True)


class _Waiter:
    """Connects one waiting task with the events that it waits for, one wait after the other.

    It is awaited like a future, whose part it plays by asyncio's protocol for foreign futures. Unlike a future it serves any number
    of waits, and can continue the task within the event (:meth:`continue_now`) instead of in another round of the loop, which an item
    that comes alone would pay for.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_error", "_loop", "_wake")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._loop = loop  # read by the task
        self._wake: Callable[[_Waiter], object] | None = None
        self._context: Context | None = None
        self._error: BaseException | None = None

    def __await__(self) -> Any:
        self._asyncio_future_blocking = True
        return iter((self,))

    def continue_now(self) -> None:
        """Run the task, if one waits, up to its next wait. Only the loop itself may call this, not a task."""
        wake, context = self._wake, self._context
        if wake is None or context is None:
            return
        self._wake = self._context = None
        try:
            context.run(wake, self)
        except RuntimeError:
            # Another task runs the loop meanwhile, as some tools for notebooks do: the waiting one was not touched.
            self._loop.call_soon(wake, self, context=context)
        except (KeyboardInterrupt, SystemExit) as exc:
            # The task ended with it. Raised here, it would look like a fault of the protocol to uvloop.
            self._loop.call_soon(_raise, exc)

    def continue_soon(self, error: BaseException | None = None) -> bool:
        """Let the loop continue the task, if one waits.

        Args:
            error: Raised where the task waits.

        Returns:
            Whether a task waited.
        """
        wake, context = self._wake, self._context
        if wake is None:
            return False
        self._wake = self._context = None
        self._error = error
        self._loop.call_soon(wake, self, context=context)
        return True

    # Called as of a future

    def done(self) -> bool:
        return self._wake is None

    def add_done_callback(self, wake: Callable[[_Waiter], object], *, context: Context) -> None:
        self._wake, self._context = wake, context

    def result(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # whose traceback refers to this frame

    def cancel(self, msg: object = None) -> bool:
        return self.continue_soon(asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg))


def _raise(error: BaseException) -> None:
    raise error


class _Protocol(asyncio.BufferedProtocol):
    """The loop's side of a connection.

    Attributes:
        transport: The loop's transport, once the connection is made.
        response: The response that is being read, or the buffer before the first request; ``None`` while neither is expected.
        tls: Decrypts the received bytes, if the connection is encrypted.
        reads_whole: Whether the response is read in larger pieces.
        waiter: What a task awaits.
        failure: The error that broke the connection, if it broke.
        spoilt: Whether unexpected bytes have arrived, or the connection has ended.
        arrived: Bytes that have arrived since the task last took parsed data.
        paused: Whether reading is paused until :meth:`resume`.
        full: Whether the loop's write buffer is full.
    """

    __slots__ = (
        "_ask",
        "_context",
        "_large",
        "_late",
        "_loop",
        "_small",
        "_timer",
        "_timer_at",
        "arrived",
        "failure",
        "full",
        "paused",
        "reads_whole",
        "response",
        "spoilt",
        "tls",
        "transport",
        "waiter",
    )

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context, small: memoryview, large: memoryview) -> None:
        self._loop = loop
        self._context = context
        self._small, self._large = small, large
        self._ask: Ask | None = None
        self._late: Callable[[], Exception] = _read_too_late
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self.response: Any = _Raw()
        self.tls: TLS | None = None
        self.waiter = _Waiter(loop)
        self.reads_whole = False
        self.failure = ""
        self.spoilt = False
        self.arrived = 0
        self.paused = False
        self.full = False

    # Called by the loop

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - a hint
        return self._large if self.reads_whole else self._small

    def buffer_updated(self, nbytes: int) -> None:
        response = self.response
        if response is None:  # idle, and spoilt
            self.spoilt = True
            self.transport.abort()
            return
        if self.tls is None:
            response.feed(self._large[:nbytes])
        else:
            has_new = deliver(response, self.tls, self._large[:nbytes])
            if answer := self.tls.answer():
                self.transport.write(answer)
            if not has_new:
                return
        self.arrived += nbytes
        self.waiter.continue_now()
        if self.arrived > HIGH_WATER and not self.paused and self.response is not None:
            self.paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.spoilt = True
        if self.response is None:
            return False  # idle, and spoilt
        deliver(self.response, self.tls, b"")
        self.waiter.continue_soon()
        return True  # its owner closes it

    def connection_lost(self, exc: Exception | None) -> None:
        self.spoilt = True
        self.failure = self.failure or (str(exc) if exc is not None else "the connection was closed")
        self.waiter.continue_soon()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self.waiter.continue_soon()

    # Called by tasks

    def resume(self) -> None:
        """Continue to read, after the received data was taken."""
        self.paused = False
        if not self.spoilt:
            self.transport.resume_reading()

    def wait(self, ask: Ask, late: Callable[[], Exception]) -> _Waiter:
        """Return what a task awaits until the next event.

        Args:
            ask: Returns the remaining seconds.
            late: Makes the error that is raised if there are none.
        """
        seconds = ask()
        if seconds <= 0:
            raise late()
        self._ask, self._late = ask, late  # also without a limit: a timer of an earlier call may still be set
        if seconds != math.inf:
            ends = time.monotonic() + seconds
            if ends < self._timer_at:
                self._set_timer(ends, seconds)
        return self.waiter

    def _set_timer(self, ends: float, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = ends
        self._timer = self._loop.call_later(seconds, self._time_up, context=self._context)

    def _time_up(self) -> None:
        self._timer = None
        self._timer_at = math.inf
        if self._ask is None or self.waiter.done():
            return  # the next wait sets another
        seconds = self._ask()
        if seconds <= 0:
            self.waiter.continue_soon(self._late())
        elif seconds != math.inf:
            self._set_timer(time.monotonic() + seconds, seconds)

    def stop(self) -> None:
        """Drop all references, because the connection is closed."""
        self.response = None
        self.spoilt = True
        self.failure = self.failure or "the connection was closed on this side"
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ask = None
        self.waiter.continue_soon()
        with contextlib.suppress(AttributeError):  # not made yet
            self.transport.abort()


def _while_it_moves(transport: asyncio.Transport, limits: Limits) -> Ask:
    """For a write that lasts until there is room again, and must send something each time that its limit runs out."""
    ask = limits.write()
    unsent = transport.get_write_buffer_size()

    def left() -> float:
        nonlocal ask, unsent
        seconds = ask()
        if seconds <= 0 and (now_unsent := transport.get_write_buffer_size()) < unsent:
            ask, unsent = limits.write(), now_unsent
            seconds = ask()
        return seconds

    return left


class AsyncioConnection(Connection):
    """A connection for tasks of one asyncio loop."""

    __slots__ = ("_loop", "_protocol")

    def __init__(self, protocol: _Protocol, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._protocol = protocol
        self._loop = loop

    def begin(self, method: str) -> ResponseParser:
        protocol = self._protocol
        early: _Raw | None = protocol.response
        protocol.response = response = super().begin(method)
        protocol.arrived = 0
        protocol.reads_whole = False
        if early is not None:  # the connection is new, and needed no handshake
            early.pass_on(response)
        return response

    def read_whole(self) -> None:
        self._protocol.reads_whole = True

    def rest(self) -> None:
        """Prepare to be idle in the pool."""
        self._protocol.response = None
        if self._protocol.paused:
            self._protocol.resume()

    @property
    def is_reusable(self) -> bool:
        return (
            super().is_reusable and not self._protocol.spoilt and not self._protocol.transport.get_write_buffer_size()
        )

    def is_stale(self) -> bool:
        return self._protocol.spoilt or super().is_stale()

    def receive(self, ask: Ask) -> _Waiter:
        """Return what a task awaits until the response has more data, or its end; its earlier data was taken.

        Raises:
            httpx.ReadTimeout: No data came in time; also raised while awaiting.
            httpx.ReadError: The connection broke.
        """
        protocol = self._protocol
        protocol.arrived = 0
        if protocol.paused:
            protocol.resume()
        if protocol.failure:
            raise httpx.ReadError(protocol.failure)
        return protocol.wait(ask, _read_too_late)

    async def send(self, data: bytes | memoryview, limits: Limits) -> bool:
        """Send ``data``. Returns whether to send more: not if the response has come already, or the server has stopped reading.

        Raises:
            httpx.WriteTimeout: The server accepted no data for too long.
        """
        protocol = self._protocol
        if protocol.failure or (self.tls is not None and self.tls.failure):
            return False
        if self.tls is not None:
            data = self.tls.encrypt(data)
        if not protocol.transport.get_write_buffer_size():
            # As the loop would do it, but here it shows whether anything was sent.
            try:
                count = self.socket.send(data)
            except BlockingIOError:
                count = 0
            except OSError:
                return False  # what the server said before it closed the connection is still to be read
            self.bytes_sent += count
            if count == len(data):
                return True
            data = memoryview(data)[count:]
        protocol.transport.write(data)
        self.bytes_sent += len(data)
        return not protocol.full or await self._room_again(limits)

    async def _room_again(self, limits: Limits) -> bool:
        """Wait until the loop's write buffer has space. Returns whether to send more."""
        protocol = self._protocol
        ask = _while_it_moves(protocol.transport, limits)
        while protocol.full:
            await protocol.wait(ask, _write_too_late)
            if protocol.failure or self.answered_early():
                return False
        return True

    async def early_answer(self) -> bool:
        """Whether the server has answered before the whole request was sent."""
        await asyncio.sleep(0)  # lets the loop read
        return self.answered_early()

    def secured(self) -> None:
        """End the handshake."""
        self._protocol.tls = self.tls
        self._protocol.response = None

    async def shake_hands(self, handshake: Handshake, ask: Ask) -> None:
        """Send and receive the bytes of ``handshake`` within its time."""
        protocol = self._protocol
        raw: _Raw = protocol.response or _Raw()  # closed already, by a signal handler
        with contextlib.suppress(StopIteration):
            send = next(handshake)
            while True:
                if send and not protocol.failure:
                    protocol.transport.write(send)
                    self.bytes_sent += len(send)
                while not (raw.body or raw.ended):
                    if protocol.failure:
                        raise UnreachableError(protocol.failure)
                    await protocol.wait(ask, _handshake_too_late)
                received = b"".join(raw.body)
                raw.body.clear()
                protocol.arrived = 0
                if protocol.paused:
                    protocol.resume()
                send = handshake.send(received)
        self.secured()

    def abort(self) -> None:
        super().abort()
        self._on_loop(self._protocol.stop)  # the owner may outlive the loop

    def _close(self) -> None:
        if self.is_inherited:
            self.socket.close()  # the loop is the parent's, and what it watches is shared with the parent
        else:
            self._on_loop(self._protocol.stop)

    def _on_loop(self, function: Callable[[], None]) -> None:
        """Call ``function`` on the loop: now, soon, or not at all if the loop has ended."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        try:
            if running is self._loop:
                function()
            else:
                self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop is closed
            self.socket.close()


class AsyncioNetwork:
    """Opens the connections of one loop.

    Attributes:
        queues: The queues of calls that need a new connection, by host and port.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = Context()  # of all timers, of which each would otherwise hold a copy of its task's
        self._buffer = memoryview(bytearray(READ_OF_WHOLE))
        self._beginning = self._buffer[:READ]
        self._lookups: dict[tuple[str, int], asyncio.Future[list[Address]]] = {}
        self.queues: defaultdict[tuple[str, int], ConnectQueue] = defaultdict(ConnectQueue)

    @property
    def is_current(self) -> bool:
        """Whether the calling task runs on this loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:  # a task of trio
            return False

    async def connect(self, host: str, port: int, addresses: list[Address], ask: Ask) -> AsyncioConnection:
        """Open a new connection.

        Args:
            host: The host.
            port: The port of the host.
            addresses: The addresses of the host; looked up if empty.
            ask: Returns the remaining seconds of the attempt.

        Raises:
            UnreachableError: No address could be connected to, or the time has passed.
        """
        protocol = _Protocol(self._loop, self._context, self._beginning, self._buffer)
        connection = AsyncioConnection(protocol, self._loop)
        connection.attach(await self._race(addresses or await self._look_up((host, port), ask), ask))
        await self._loop.create_connection(lambda: protocol, sock=connection.socket)
        return connection

    async def _look_up(self, key: tuple[str, int], ask: Ask) -> list[Address]:
        """Look up the addresses of a name on a thread of the loop; concurrent tasks share one look-up."""
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = self._loop.run_in_executor(None, resolve, *key)
            lookup.add_done_callback(lambda done: self._looked_up(key, done))
        while not lookup.done():
            seconds = time_left(ask)
            await asyncio.wait([lookup], timeout=None if seconds == math.inf else seconds)
        return lookup.result()

    def _looked_up(self, key: tuple[str, int], done: asyncio.Future[list[Address]]) -> None:
        self._lookups.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, also if every task that asked was cancelled

    async def _race(self, addresses: list[Address], ask: Ask) -> socket.socket:
        attempts = race(addresses)
        try:
            sockets, seconds = next(attempts)
            while True:
                sockets, seconds = attempts.send(await self._writable(sockets, min(seconds, time_left(ask))))
        except StopIteration as done:
            winner: socket.socket = done.value
            return winner
        finally:
            attempts.close()

    async def _writable(self, sockets: list[socket.socket], seconds: float) -> list[socket.socket]:
        """Return the sockets that become writable within ``seconds``, which may be infinite."""
        happened: asyncio.Future[None] = self._loop.create_future()

        def wake() -> None:
            if not happened.done():
                happened.set_result(None)

        timer = None if seconds == math.inf else self._loop.call_later(seconds, wake, context=self._context)
        try:
            for sock in sockets:
                self._loop.add_writer(sock, wake)
            await happened
        except NotImplementedError:  # the usual loop of Windows
            return await self._loop.run_in_executor(None, writable, list(sockets), min(seconds, STAGGER))
        finally:
            if timer is not None:
                timer.cancel()
            for sock in sockets:
                with contextlib.suppress(NotImplementedError):
                    self._loop.remove_writer(sock)
        return writable(sockets, 0)
