"""Connections of one trio run.

Theory
------
A task reads and writes its socket itself, without blocking, and waits in trio's own ``wait_readable`` and
``wait_writable``, each time for no longer than its deadline. So nothing is ever read that no task asked for, and
back-pressure is the kernel's. Every read is a checkpoint, whether or not it had to wait.
"""

from __future__ import annotations

import contextlib
import socket
import time
from functools import partial
from typing import Any

import httpx
import trio

from .connection import Connection
from .limits import Ask, Limits
from .network import STAGGER, Address, UnreachableError, is_connected, new_socket, resolve, start_connecting
from .tls import Handshake

__all__ = ["TrioConnection", "TrioNetwork"]

_READ = 65536
CONNECTING = 100  # as on asyncio


class TrioConnection(Connection):
    """A connection that tasks of one trio run use."""

    __slots__ = ()

    def rest(self) -> None:
        """The connection is given back."""

    async def receive(self, ask: Ask) -> None:
        """Return when the response got something more, or the end.

        Raises:
            httpx.ReadTimeout: Nothing came in time.
            httpx.ReadError: The connection broke.
        """
        while True:
            seconds = ask()
            if seconds <= 0:
                raise httpx.ReadTimeout("time is up")
            await trio.lowlevel.checkpoint_if_cancelled()
            try:
                data = self.socket.recv(_READ)
            except (BlockingIOError, InterruptedError):
                await self._wait(trio.lowlevel.wait_readable, seconds)
                continue
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc
            if self.received(data):
                await trio.lowlevel.cancel_shielded_checkpoint()
                return

    async def _wait(self, wait: Any, seconds: float) -> None:
        try:
            with trio.move_on_after(seconds):
                await wait(self.socket)
        except (trio.ClosedResourceError, ValueError) as exc:  # closed by another task
            raise httpx.ReadError("the connection was closed on this side") from exc

    async def send(self, data: bytes | memoryview, limits: Limits) -> bool:
        """Send ``data``; whether the request may go on: not when the response came first, or nothing more can be sent.

        Raises:
            httpx.WriteTimeout: The server took nothing for too long.
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
        """Wait until something can be written; whether the request may go on."""
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
                nursery.start_soon(partial(first, nursery, trio.lowlevel.wait_readable, seconds, writes=False))
                nursery.start_soon(partial(first, nursery, trio.lowlevel.wait_writable, seconds, writes=True))
            if await self.early_answer():
                return False
            if is_writable:
                return True

    async def early_answer(self) -> bool:
        """Whether the server has answered although the request has not been sent to its end."""
        await trio.lowlevel.checkpoint()
        if self._poll():
            try:
                self.received(self.socket.recv(_READ))
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as exc:
                raise httpx.ReadError(str(exc)) from exc
        return self.answered_early()

    async def shake_hands(self, handshake: Handshake, ask: Ask) -> None:
        """Send and receive what ``handshake`` wants, while its time lasts."""
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
                send = handshake.send(self.socket.recv(_READ))

    def _close(self) -> None:
        if not self.is_inherited and trio.lowlevel.in_trio_run():
            with contextlib.suppress(Exception):  # another run
                trio.lowlevel.notify_closing(self.socket)
        self.socket.close()


async def _ready(sock: socket.socket, wait: Any, ask: Ask) -> None:
    seconds = ask()
    with trio.move_on_after(max(seconds, 0)) as scope:
        await wait(sock)
    if scope.cancelled_caught:
        raise UnreachableError("time is up", timed_out=True)


class TrioNetwork:
    """Opens the connections of one trio run. See :class:`._asyncio.AsyncioNetwork`."""

    connection_type = TrioConnection

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._queues: dict[tuple[str, int], _Queue] = {}

    @property
    def is_current(self) -> bool:
        """Whether the calling task runs in this run."""
        return trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is self._token

    async def connect(
        self, key: tuple[str, int], addresses: list[Address], limits: Limits
    ) -> tuple[TrioConnection, float]:
        """A new connection, and when it must be ready for its first request.

        Args:
            key: Host and port.
            addresses: Where that is; looked up if empty.
            limits: The limits of the request.

        Raises:
            UnreachableError: There is none, or time ran out.
        """
        queue = self._queues.setdefault(key, _Queue())
        await queue.enter(limits)
        try:
            ends = limits.connected_by()
            with trio.move_on_after(max(ends - time.monotonic(), 0)):
                if not addresses:
                    addresses = await trio.to_thread.run_sync(resolve, *key, abandon_on_cancel=True)
                connection = TrioConnection()
                connection.attach(await _race(addresses))
                queue.succeeded_at = time.monotonic()
                return connection, ends
        finally:
            queue.leave()
        raise UnreachableError("time is up", timed_out=True)


class _Queue:
    def __init__(self) -> None:
        self._places = trio.Semaphore(CONNECTING)
        self.succeeded_at = 0.0

    async def enter(self, limits: Limits) -> None:
        began = time.monotonic()
        while True:
            ends = limits.connected_by(max(began, self.succeeded_at))
            now = time.monotonic()
            if ends <= now:
                raise UnreachableError("no connection to the server could be opened in time", timed_out=True)
            with trio.move_on_after(ends - now):
                await self._places.acquire()
                return

    def leave(self) -> None:
        self._places.release()


async def _race(addresses: list[Address]) -> socket.socket:
    sockets: list[socket.socket] = []
    winner: socket.socket | None = None
    failure = "there is no address"

    async def attempt(address: Address, failed: trio.Event) -> None:
        nonlocal winner, failure
        try:
            sock = new_socket(address)
            sockets.append(sock)
            if not start_connecting(sock, address):
                await trio.lowlevel.wait_writable(sock)
                is_connected(sock)
        except OSError as exc:
            failure = str(exc)
            failed.set()
            return
        if winner is None:
            winner = sock
            nursery.cancel_scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                failed = trio.Event()
                nursery.start_soon(attempt, address, failed)
                with trio.move_on_after(STAGGER):
                    await failed.wait()
        if winner is None:
            raise UnreachableError(failure)
        sockets.remove(winner)
        return winner
    finally:
        for sock in sockets:
            sock.close()
