"""Resets state in a forked child, where the threads that shared it do not exist.

``os.fork()`` copies the memory of a process, but only the forking thread. In the child, a lock that another thread held stays locked
for ever, its permit is never released, and its unfinished changes stay unfinished. So each object that has locks or counts calls
registers itself by :func:`register` when it is made. In the child, before any other code runs, its method ``restart_in_child``
makes new locks and forgets the calls of the parent.

Objects are kept by weak references in a dict, whose changes are atomic: a fork may come between any two of them.

Python's import locks cannot be replaced: a module that another thread was importing would hang the child, or stay incomplete. This
package imports many of its modules at first use, so a fork waits until no thread is importing one.
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

__all__ = ["Forks", "register"]


class Forks:
    """Counts the forks between the first process and this one, so that an object knows whether it was made in this process."""

    count = 0


class Restarts(Protocol):
    """State that threads share."""

    def restart_in_child(self) -> None:
        """Make new locks, and forget the calls of the parent's threads. No other thread runs yet."""
        ...


class _Ref(weakref.ref[Any]):
    """A weak reference with its key; smaller than a closure, because there is one for each open stream."""

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
    Forks.count += 1
    for ref in list(_registered.values()):
        state: Restarts | None = ref()
        if state is not None:
            state.restart_in_child()


_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_IMPORTS = "<frozen importlib._bootstrap>"
_LONGEST_IMPORT = 10.0  # seconds; a hanging import must not keep the process from forking
_PAUSE = 0.001


def _wait_for_imports() -> None:
    """Wait until no other thread runs an import for this package."""
    until = time.monotonic() + _LONGEST_IMPORT
    pause = 0.0  # gives this thread a whole time slice, so that no other starts an import before the fork
    while True:
        time.sleep(pause)
        frames: dict[int, FrameType] = getattr(sys, "_current_frames", dict)()  # documented, in CPython
        frames.pop(threading.get_ident(), None)
        if not any(map(_is_importing, frames.values())) or time.monotonic() >= until:
            return
        pause = _PAUSE


def _is_importing(frame: FrameType | None) -> bool:
    """Whether the thread of that frame imports a module of this package, or a module for it."""
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
