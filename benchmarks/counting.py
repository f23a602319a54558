"""Counts the system calls and the Python calls of some work, which unlike times are the same on every machine.

The counts come from Python's profiler: it reports each call of a Python function and of a C function. A method of a socket or of a
selector is one system call, and one more to wait where the socket has a timeout. What C code calls by itself is not seen: sockets are
used from Python by this package, httpx and asyncio alike, so ``strace`` shows the same counts, but for the ``getpid`` with which Python
3.11 asks for the running loop.
"""

from __future__ import annotations

import select
import socket
import sys
from collections import Counter
from types import BuiltinMethodType, FrameType
from typing import Any, Self

_SOCKET = socket.socket.__base__
_SELECTORS = tuple(
    type(getattr(select, name)()) for name in ("epoll", "poll", "kqueue", "devpoll") if hasattr(select, name)
)
_WAITS = {"recv", "recv_into", "recvmsg", "recvfrom", "send", "sendall", "sendmsg", "accept"}
_FREE = {"fileno", "gettimeout", "getblocking", "detach"}


class Calls:
    """Counts the calls of this thread inside a ``with`` block.

    Attributes:
        python: Calls of Python functions, by qualified name; a generator or coroutine that goes on counts as a call.
        system: System calls on sockets and selectors, by name; ``wait`` is that of a socket with a timeout.
    """

    def __init__(self, *only: str) -> None:
        """Count Python functions of files whose path begins with one of ``only``; of all files without any."""
        self.python: Counter[str] = Counter()
        self.system: Counter[str] = Counter()
        self._only = only or ("",)

    def __enter__(self) -> Self:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, frame: FrameType, event: str, called: Any) -> None:
        if event == "call":
            if frame.f_code.co_filename.startswith(self._only) and frame.f_code.co_filename != __file__:
                self.python[frame.f_code.co_qualname] += 1
        elif event == "c_call" and isinstance(called, BuiltinMethodType):
            owner, name = called.__self__, called.__name__
            if isinstance(owner, _SOCKET):
                if name not in _FREE:
                    self.system[name] += 1
                if name in _WAITS and owner.gettimeout():
                    self.system["wait"] += 1
            elif (isinstance(owner, _SELECTORS) and name not in _FREE) or called is select.select:
                self.system[name] += 1
