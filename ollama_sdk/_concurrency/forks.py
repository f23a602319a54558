"""Starts state afresh in a forked child, where the threads that shared it are gone.

``os.fork()`` copies the memory of a process and only the thread that forks. A lock that another thread held stays locked in
the child for ever, a permit that it held is never released, and what it was changing stays half changed. So each object
that has locks or counts calls calls :func:`register`, once, when it is made. In the child, before any
other code runs there, its method ``restart_in_child`` makes new locks and forgets the calls of the parent.

Objects are kept by weak references in a dict, whose changes are atomic: a fork may come between any two of them.

Python's own locks around imports cannot be made anew: a module that another thread was importing would hang the child, or stay half
there. This package imports much of itself when it is first used, so a fork waits until no thread is in the middle of that.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["register"]


class Restarts(Protocol):
    """State that is shared by threads."""

    def restart_in_child(self) -> None:
        """Make new locks, and forget what threads of the parent were doing. No other thread runs yet."""
        ...


class _Ref(weakref.ref[Any]):
    """A weak reference that knows its key: smaller than a closure, and there is one for each open stream."""

    __slots__ = ("key",)
    key: int


_registered: dict[int, _Ref] = {}


def register(state: Restarts) -> None:
    """Call ``state.restart_in_child()`` in each child that is forked from now on, as long as ``state`` is alive."""
    ref = _Ref(state, _forget)
    ref.key = id(state)
    _registered[ref.key] = ref


def _forget(ref: _Ref) -> None:
    if _registered.get(ref.key) is ref:
        del _registered[ref.key]


def _restart() -> None:
    for ref in list(_registered.values()):
        state: Restarts | None = ref()
        if state is not None:
            state.restart_in_child()


_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_IMPORTS = "<frozen importlib._bootstrap>"
_LONGEST_IMPORT = 10.0  # seconds; a thread that hangs there must not keep the process from forking
_PAUSE = 0.001


def _wait_for_imports() -> None:
    """Wait until no other thread is in the middle of an import that this package has asked for."""
    until = time.monotonic() + _LONGEST_IMPORT
    pause = 0.0  # which gives this thread a whole turn, so that none begins to import before the fork
    while True:
        time.sleep(pause)
        frames: dict[int, FrameType] = getattr(sys, "_current_frames", dict)()  # documented, in CPython
        frames.pop(threading.get_ident(), None)
        if not any(map(_is_importing, frames.values())) or time.monotonic() >= until:
            return
        pause = _PAUSE


def _is_importing(frame: FrameType | None) -> bool:
    """Whether the thread of that frame imports something for this package, or a module of it."""
    imports = False
    while frame is not None:
        code = frame.f_code
        if code.co_filename == _IMPORTS:
            imports = True
        elif code.co_filename.startswith(_PACKAGE) and (imports or code.co_name == "<module>"):
            return True
        frame = frame.f_back
    return False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_wait_for_imports, after_in_child=_restart)
