"""Connections of one trio run.

Theory
------
A task reads and writes its socket itself, without blocking, and waits in trio's own ``wait_readable`` and ``wait_writable``, never
longer than until its deadline. So data is read only when a task asks for it, and the kernel applies back-pressure. Every read is a
checkpoint, whether or not it had to wait.
"""

from __future__ import annotations

import contextlib
import functools
import socket
from collections import defaultdict
from typing import Any

import httpx
import trio

from ollama_sdk._concurrency.forks import Forks

from .connect_queue import ConnectQueue
from .connection import READ, Connection
from .limits import Ask, Limits
from .network import Address, UnreachableError, race, resolve, time_left, writable
from .tls import Handshake

__all__ = ["TrioConnection", "TrioNetwork"]


class TrioConnection(Connection):
    """A connection for tasks of one trio run."""

    __slots__ = ()

    def rest(self) -> None:
        """Prepare to be idle in the pool."""

    async def receive(self, ask: Ask) -> None:
        """Wait until the response has more data, or its end.

        Raises:
            httpx.ReadTimeout: No data came in time.
            httpx.ReadError: The connection broke.
        """
        seconds = ask()
        if seconds <= 0:
            raise httpx.ReadTimeout("time is up")
        while True:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                data = self.socket.recv(self.most)
            except (BlockingIOError, InterruptedError):
                if seconds <= 0:  # asked before the look at the socket, which may come late where other tasks are busy
                    raise httpx.ReadTimeout("time is up") from None
                await self._wait(trio.lowlevel.wait_readable, seconds)
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc
            else:
                if self.received(data):
                    await trio.lowlevel.cancel_shielded_checkpoint()
                    return
            seconds = ask()

    async def _wait(self, wait: Any, seconds: float) -> None:
        try:
            with trio.move_on_after(seconds):
                await wait(self.socket)
        except (trio.ClosedResourceError, ValueError) as exc:  # closed by another task
            raise httpx.ReadError("the connection was closed on this side") from exc

    async def send(self, data: bytes | memoryview, limits: Limits) -> bool:
        """Send ``data``. Returns whether to send more: not if the response has come already, or the server has stopped reading.

        Raises:
            httpx.WriteTimeout: The server accepted no data for too long.
        """
        if self.tls is not None:
            data = self.tls.encrypt(data)
        left = memoryview(data)
        while left:
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                count = self.socket.send(left)
            except (BlockingIOError, InterruptedError):
                if not await self._wait_to_send(limits):
                    return False
                continue
            except OSError:
                return False  # what the server said before it closed the connection is still to be read
            self.bytes_sent += count
            left = left[count:]
        return True

    async def _wait_to_send(self, limits: Limits) -> bool:
        """Wait until the socket is writable. Returns whether to send more."""
        ask = limits.write()
        is_writable = False

        async def first(nursery: trio.Nursery, wait: Any, seconds: float, *, writes: bool) -> None:
            nonlocal is_writable
            with contextlib.suppress(httpx.ReadError):  # closed by another task: sending says so
                await self._wait(wait, seconds)
                is_writable = is_writable or writes
            nursery.cancel_scope.cancel()

        while True:
            seconds = ask()
            if seconds <= 0:
                raise httpx.WriteTimeout("time is up")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    functools.partial(first, nursery, trio.lowlevel.wait_readable, seconds, writes=False)
                )
                nursery.start_soon(functools.partial(first, nursery, trio.lowlevel.wait_writable, seconds, writes=True))
            if await self.early_answer():
                return False
            if is_writable:
                return True

    async def early_answer(self) -> bool:
        """Whether the server has answered before the whole request was sent."""
        await trio.lowlevel.checkpoint()
        if self._is_readable():
            try:
                self.received(self.socket.recv(READ))
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc
        return self.answered_early()

    async def shake_hands(self, handshake: Handshake, ask: Ask) -> None:
        """Send and receive the bytes of ``handshake`` within its time."""
        with contextlib.suppress(StopIteration):
            send = next(handshake)
            while True:
                left = memoryview(send)
                while left:
                    await _ready(self.socket, trio.lowlevel.wait_writable, ask)
                    count = self.socket.send(left)
                    self.bytes_sent += count
                    left = left[count:]
                await _ready(self.socket, trio.lowlevel.wait_readable, ask)
                send = handshake.send(self.socket.recv(READ))

    def _close(self) -> None:
        if not self.is_inherited and trio.lowlevel.in_trio_run():
            with contextlib.suppress(Exception):  # another run
                trio.lowlevel.notify_closing(self.socket)
        self.socket.close()


async def _ready(sock: socket.socket, wait: Any, ask: Ask) -> None:
    while True:
        with trio.move_on_after(time_left(ask)):
            await wait(sock)
            return


class TrioNetwork:
    """Opens the connections of one trio run. See :class:`._asyncio.AsyncioNetwork`."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._born_in = Forks.count
        self._lookups: dict[tuple[str, int], _Lookup] = {}
        self.queues: defaultdict[tuple[str, int], ConnectQueue] = defaultdict(ConnectQueue)

    @property
    def is_current(self) -> bool:
        """Whether the caller is a task of this trio run, in the process that started it."""
        return (
            self._born_in == Forks.count
            and trio.lowlevel.in_trio_run()
            and trio.lowlevel.current_trio_token() is self._token
        )

    async def connect(self, host: str, port: int, addresses: list[Address], ask: Ask) -> TrioConnection:
        """Open a new connection.

        Args:
            host: The host.
            port: The port of the host.
            addresses: The addresses of the host; looked up if empty.
            ask: Returns the remaining seconds of the attempt.

        Raises:
            UnreachableError: No address could be connected to, or the time has passed.
        """
        connection = TrioConnection()
        connection.attach(await _race(addresses or await self._look_up((host, port), ask), ask))
        return connection

    async def _look_up(self, key: tuple[str, int], ask: Ask) -> list[Address]:
        """Look up the addresses of a name on a thread; concurrent tasks share one look-up."""
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = _Lookup()

            def looked_up(outcome: Any) -> None:
                self._lookups.pop(key, None)
                try:
                    lookup.addresses = outcome.unwrap()
                except Exception as exc:  # noqa: BLE001 - the tasks that asked raise it
                    lookup.problem = str(exc)
                lookup.done.set()

            def deliver(outcome: Any) -> None:
                with contextlib.suppress(trio.RunFinishedError):
                    self._token.run_sync_soon(looked_up, outcome)

            trio.lowlevel.start_thread_soon(functools.partial(resolve, *key), deliver)
        while not lookup.done.is_set():
            with trio.move_on_after(time_left(ask)):
                await lookup.done.wait()
        if lookup.problem is not None:
            raise UnreachableError(lookup.problem)
        return lookup.addresses


class _Lookup:
    """A look-up in progress."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.addresses: list[Address] = []
        self.problem: str | None = None


async def _race(addresses: list[Address], ask: Ask) -> socket.socket:
    attempts = race(addresses)
    try:
        sockets, seconds = next(attempts)
        while True:
            sockets, seconds = attempts.send(await _writable(sockets, min(seconds, time_left(ask))))
    except StopIteration as done:
        winner: socket.socket = done.value
        return winner
    finally:
        attempts.close()


async def _writable(sockets: list[socket.socket], seconds: float) -> list[socket.socket]:
    """Return the sockets that become writable within ``seconds``, which may be infinite."""

    async def first(nursery: trio.Nursery, sock: socket.socket) -> None:
        await trio.lowlevel.wait_writable(sock)
        nursery.cancel_scope.cancel()

    with trio.move_on_after(seconds):
        async with trio.open_nursery() as nursery:
            for sock in sockets:
                nursery.start_soon(first, nursery, sock)
    return writable(sockets, 0)
