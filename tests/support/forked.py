"""Work done in a forked child, with its result handed to the parent."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from .loopback import PATIENCE

# A tracer such as coverage's takes a lock of its own in every thread. A fork copies it as it is, and a signal that raises keeps it.
untraced = pytest.mark.skipif(
    sys.gettrace() is not None, reason="a tracer holds a lock of its own at the fork or the signal"
)


def begin_in_child(work: Callable[[], Any]) -> Callable[[], Any]:
    """Fork and do ``work`` in the child. Call what is returned, once, for its result or the text of its error.

    A child that hangs is killed, and its result is ``"the child hangs"``.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - for the parent to see
                result = f"{type(error).__name__}: {error}"
            os.write(writing, json.dumps(result).encode())
        finally:
            os._exit(0)
    os.close(writing)

    def result_of_child() -> Any:
        try:
            if not select.select([reading], [], [], PATIENCE)[0]:
                os.kill(pid, signal.SIGKILL)
                return "the child hangs"
            return json.loads(os.read(reading, 65536))
        finally:
            os.waitpid(pid, 0)
            os.close(reading)

    return result_of_child


def in_child(work: Callable[[], Any]) -> Any:
    """Fork, do ``work`` in the child, and return its result, or the text of its error."""
    return begin_in_child(work)()
