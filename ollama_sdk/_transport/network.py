"""Reaches a server: its addresses, the race between them, and the options of the socket.

Theory
------
A name may have many addresses, some of which may not answer. They are tried by RFC 8305 ("happy eyeballs"): in the resolver's order
but alternating between IPv6 and IPv4. Each attempt starts when the previous one has failed, or a quarter of a second after its
start. The first connection wins and the others are closed. One deadline, ``connect``, covers all attempts.

Every socket is in a list before it begins to connect, and all except the winner are closed whenever the race ends; so a cancelled
or interrupted race leaks none.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import select
import socket
import time
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

from .limits import Ask

__all__ = [
    "STAGGER",
    "Address",
    "TunnelError",
    "UnreachableError",
    "connect",
    "is_connected",
    "literal_address",
    "new_socket",
    "race",
    "resolve",
    "sorted_addresses",
    "start_connecting",
    "time_left",
    "unix_address",
    "writable",
]

# RFC 8305, section 5: the recommended delay between attempts, in seconds.
STAGGER = 0.25

# Long silences are normal while a model thinks, but routers drop silent connections. So the system sends TCP keep-alive probes:
# the seconds before the first, the seconds between two, and the number of unanswered ones.
_KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPALIVE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 6))

_DAY = 86400.0  # as long as one wait lasts at most: the system counts milliseconds in 32 bits
# Elsewhere than on Windows EWOULDBLOCK is a failure: the queue of a Unix socket is full, and nothing says when it no longer is.
_IN_PROGRESS = {0, errno.EINPROGRESS, getattr(errno, "WSAEWOULDBLOCK", errno.EINPROGRESS)}
_CONNECTED = {0, errno.EISCONN}


class UnreachableError(Exception):
    """No address could be connected to.

    Attributes:
        timed_out: Whether the time had passed.
    """

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class TunnelError(Exception):
    """A proxy did not open a tunnel."""


class Address(NamedTuple):
    """An address to connect to.

    Attributes:
        family: The address family.
        place: The address in the form of the ``socket`` module.
    """

    family: int
    place: Any


def literal_address(host: str, port: int) -> list[Address]:
    """The address in ``host``, without a look-up; none if it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return [Address(family, (host, port))]
    return []


def unix_address(path: str) -> list[Address]:
    """The address of a Unix socket."""
    return [Address(socket.AF_UNIX, path)]


def resolve(host: str, port: int) -> list[Address]:
    """Look up the addresses of a name with the system's resolver; blocks.

    Raises:
        UnreachableError: It has none.
    """
    try:
        found: list[tuple[Any, ...]] = list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as exc:
        raise UnreachableError(str(exc)) from exc
    # The port is ours also where the resolver leaves it out; of IPv6 flow and scope follow.
    return sorted_addresses([Address(family, (place[0], port, *place[2:])) for family, *_, place in found])


def sorted_addresses(addresses: Sequence[Address]) -> list[Address]:
    """The addresses without duplicates, alternating between the family of the first and the others."""
    unique = list(dict.fromkeys(addresses))
    first = [address for address in unique if address.family == unique[0].family]
    others = [address for address in unique if address.family != unique[0].family]
    ordered: list[Address] = []
    while first or others:
        ordered += first[:1] + others[:1]
        del first[:1], others[:1]
    return ordered


def new_socket(address: Address) -> socket.socket:
    """A non-blocking socket with our options."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    sock.setblocking(False)
    if address.family != getattr(socket, "AF_UNIX", None):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return sock


def start_connecting(sock: socket.socket, address: Address) -> bool:
    """Start to connect. Returns whether the socket is connected already.

    Raises:
        OSError: It failed at once.
    """
    code = sock.connect_ex(address.place)
    if code not in _IN_PROGRESS:
        raise OSError(code, os.strerror(code))
    return code == 0


def is_connected(sock: socket.socket) -> None:
    """Check that a socket that became writable is connected.

    Raises:
        OSError: It is not.
    """
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code not in _CONNECTED:
        raise OSError(code, os.strerror(code))


# Connects to the first address that answers: yields the sockets to wait for and the longest wait in seconds, is sent the sockets
# that became writable, and returns the winner.
Race = Generator[tuple[list[socket.socket], float], list[socket.socket], socket.socket]


def race(addresses: Sequence[Address]) -> Race:
    """Race ``addresses``, in order; closing the generator closes all sockets except the winner.

    Raises:
        UnreachableError: None answered.
    """
    waiting = list(addresses)
    running: list[socket.socket] = []
    reason = "there is no address"
    begins = -math.inf  # when the next attempt does
    try:
        while waiting or running:
            now = time.monotonic()
            if waiting and (now >= begins or not running):
                begins = now + STAGGER
                try:
                    ready = _start(waiting.pop(0), running)
                except OSError as exc:  # among others of a family that this machine does not have
                    reason = str(exc)
                    continue
            else:
                ready = yield running, begins - now if waiting else math.inf
            for sock in ready:
                try:
                    is_connected(sock)
                except OSError as exc:
                    reason = str(exc)
                    running.remove(sock)
                    sock.close()
                else:
                    running.remove(sock)
                    return sock
        raise UnreachableError(reason)
    finally:
        for sock in running:
            sock.close()


def _start(address: Address, running: list[socket.socket]) -> list[socket.socket]:
    """Start to connect; the socket is added to ``running``, and returned if it is connected already."""
    sock = new_socket(address)
    running.append(sock)
    try:
        return [sock] if start_connecting(sock, address) else []
    except OSError:
        running.remove(sock)
        sock.close()
        raise


def connect(addresses: Sequence[Address], ask: Ask) -> socket.socket:
    """Connect to the first address that answers; blocks.

    Args:
        addresses: The addresses, in order.
        ask: Returns the remaining seconds.

    Raises:
        UnreachableError: None answered, or the time has passed.
    """
    attempts = race(addresses)
    try:
        sockets, seconds = next(attempts)
        while True:
            sockets, seconds = attempts.send(writable(sockets, min(seconds, time_left(ask))))
    except StopIteration as done:
        winner: socket.socket = done.value
        return winner
    finally:
        attempts.close()


def time_left(ask: Ask) -> float:
    """Return the remaining seconds for connecting.

    Raises:
        UnreachableError: There are none.
    """
    seconds = ask()
    if seconds <= 0:
        raise UnreachableError("time is up", timed_out=True)
    return seconds


def writable(sockets: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
    """Return the sockets that become writable within ``seconds``, which may be infinite."""
    if not hasattr(select, "poll"):
        _, ready, failed = select.select([], sockets, sockets, None if seconds == math.inf else seconds)
        return list({*ready, *failed})
    by_number = {sock.fileno(): sock for sock in sockets}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLOUT)
    found = poll.poll(None if seconds == math.inf else math.ceil(min(seconds, _DAY) * 1000))
    return [by_number[number] for number, _ in found]
