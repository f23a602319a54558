"""Starts state afresh in a forked child, where the threads that shared it are gone.

``os.fork()`` copies the memory of a process and only the thread that forks. A lock that another thread held stays locked in
the child for ever, a permit that it held is never released, and what it was changing stays half changed. So each object
that has locks or counts calls calls :func:`register`, once, when it is made. In the child, before any
other code runs there, its method ``restart_in_child`` makes new locks and forgets the calls of the parent.

Objects are kept by weak references in a dict, whose changes are atomic: a fork may come between any two of them.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, Protocol

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


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart)
