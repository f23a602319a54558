"""Resets state in a forked child, where the threads that shared it do not exist.

``os.fork()`` copies the memory of a process, but only the forking thread. In the child, a lock that another thread held stays locked
for ever, its permit is never released, and its unfinished changes stay unfinished. So each object that has locks or counts calls
registers itself by :func:`register` when it is made. In the child, before any other code runs, its method ``restart_in_child``
makes new locks and forgets the calls of the parent.

Objects are kept by weak references in a set, whose changes are atomic: a fork may come between any two of them.

Locks that others own cannot be replaced: those of Python's imports, and those of OpenSSL, which works without the interpreter's lock
and has locks for the whole process. A child would wait for ever for one that another thread held. So a fork waits until no thread is
importing a module of this package, or at work in OpenSSL; and :mod:`ollama_sdk._transport.tls` begins nothing there while
:attr:`Forks.threads` is not empty.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from types import FrameType

    class Restarts(Protocol):
        """State that threads share."""

        def restart_in_child(self) -> None:
            """Make new locks, and forget the calls of the parent's threads. No other thread runs yet."""
            ...


__all__ = ["Forks", "pause_for_fork", "register"]


class Forks:
    """What is known of forks.

    Attributes:
        count: How many there were between the first process and this one, so that an object knows whether it was made in this one.
        threads: The threads of this process that are about to fork it.
    """

    count = 0
    threads: ClassVar[set[int]] = set()


_registered: set[weakref.ref[Any]] = set()
_forget = _registered.discard


def register(state: Restarts) -> None:
    """Call ``state.restart_in_child()`` in each child that is forked from now on, as long as ``state`` is alive."""
    _registered.add(weakref.ref(state, _forget))


def _restart() -> None:
    Forks.count += 1
    Forks.threads.clear()
    for ref in list(_registered):
        state: Restarts | None = ref()
        if state is not None:
            state.restart_in_child()


_PACKAGE = __file__.rpartition("_concurrency")[0]
_TLS = f"{_PACKAGE}_transport{os.sep}tls.py"
_IMPORTS = ("<frozen importlib.", importlib.import_module.__code__.co_filename)
_LONGEST_WAIT = 10.0  # seconds; what hangs must not keep the process from forking
_PAUSE = 0.001


def pause_for_fork() -> None:
    """Sleep a little. A fork does not wait for a thread in here, so its caller must look at :attr:`Forks.threads` again."""
    time.sleep(_PAUSE)


def _prepare() -> None:
    """Wait until no other thread holds a lock of Python's imports for this package, or one of OpenSSL."""
    Forks.threads.add(threading.get_ident())
    until = time.monotonic() + _LONGEST_WAIT
    pause = 0.0  # gives this thread a whole time slice, so that no other starts an import before the fork
    while True:
        time.sleep(pause)
        frames: dict[int, FrameType] = getattr(sys, "_current_frames", dict)()  # documented, in CPython
        frames.pop(threading.get_ident(), None)
        if not any(map(_holds_locks, frames.values())) or time.monotonic() >= until:
            return
        pause = _PAUSE


def _holds_locks(frame: FrameType) -> bool:
    return _is_in_openssl(frame) or _is_importing(frame)


def _is_in_openssl(frame: FrameType | None) -> bool:
    """Whether the thread of that frame may be at work in OpenSSL, for this package or in a call that never waits for the network."""
    if frame is None or frame.f_code is pause_for_fork.__code__:
        return False
    if frame.f_code.co_qualname.startswith("SSLObject."):  # as event loops use it
        return True
    while frame is not None and frame.f_code.co_filename != _TLS:
        frame = frame.f_back
    return frame is not None


def _is_importing(frame: FrameType | None) -> bool:
    """Whether the thread of that frame imports a module of this package, or a module for it."""
    imports = False
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_IMPORTS):
            imports = True
        elif not code.co_filename.startswith(_PACKAGE):
            imports = False  # of other code, such as a tool that this package calls
        elif imports or (code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__"):
            return True
        frame = frame.f_back
    return False


def _go_on() -> None:
    Forks.threads.discard(threading.get_ident())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_prepare, after_in_parent=_go_on, after_in_child=_restart)
