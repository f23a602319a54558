"""Keeps the one client of a process for each configuration: on an event loop of its own, in one thread.

A step is sent to workers as plain configuration, so a worker makes the client at its first batch, and all batches of that process share
it. A process that was forked has none yet: its parent's thread is not there. At the end of the process the client is closed.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import pickle
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from ollama_sdk import AsyncOllama
from ollama_sdk.errors import ConfigurationError

__all__ = ["Worker", "worker_of"]

ResultT = TypeVar("ResultT")

_KEY_NAME = "api_key_env"


class Worker:
    """A client, its event loop, and the bound of the calls in flight.

    Args:
        configuration: The arguments of :class:`AsyncOllama`; ``api_key_env`` names the variable that holds the key.
        in_flight: How many requests may be in flight at once, over all batches of the process.
    """

    def __init__(self, configuration: Mapping[str, Any], in_flight: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ollama-sdk-batch", daemon=True)
        self._thread.start()
        self.client: AsyncOllama = AsyncOllama(**_arguments(configuration))
        self.permits: asyncio.Semaphore = asyncio.Semaphore(in_flight)

    def start(self, work: Coroutine[Any, Any, ResultT]) -> Future[ResultT]:
        """Run ``work`` on the loop; cancelling the future cancels it, and Ollama stops generating."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Close the client and end the thread."""
        self.start(self.client.close()).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)


def _arguments(configuration: Mapping[str, Any]) -> dict[str, Any]:
    arguments = dict(configuration)
    name = arguments.pop(_KEY_NAME, None)
    if name is not None:
        key = os.environ.get(name)
        if not key:
            raise ConfigurationError(f"client[{_KEY_NAME!r}] names {name}, which is not set on this worker")
        arguments["api_key"] = key
    return arguments


_workers: dict[tuple[int, bytes, int], Worker] = {}
_lock = threading.Lock()


def _forget() -> None:
    """In a forked child: the parent's thread and connections are not ours."""
    global _lock  # noqa: PLW0603 - another thread of the parent may have held it
    _workers.clear()
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@atexit.register
def _close_all() -> None:
    for worker in list(_workers.values()):
        worker.close()
    _workers.clear()


def worker_of(configuration: Mapping[str, Any], in_flight: int) -> Worker:
    """The worker of this process for a configuration; made at the first call.

    Raises:
        ConfigurationError: The client cannot be made from it.
    """
    key = (os.getpid(), pickle.dumps(sorted(configuration.items(), key=lambda item: item[0])), in_flight)
    with _lock:
        worker = _workers.get(key)
        if worker is None:
            worker = _workers[key] = Worker(configuration, in_flight)
        return worker
