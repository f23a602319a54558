"""Keeps the clients of a process: on one event loop, in one thread.

A step is sent to workers as plain configuration. A worker makes the client at its first batch, and all batches of that process share it.
A forked process starts without clients: the parent's thread does not exist in it, and the connections belong to the parent. At the
end of the process the clients are closed, and requests in flight are cancelled.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from ollama_sdk import AsyncOllama
from ollama_sdk.errors import ConfigurationError

__all__ = ["KEY_VARIABLE", "Worker", "result_of", "worker_of"]

ResultT = TypeVar("ResultT")

KEY_VARIABLE = "api_key_env"
_PATIENCE = 5.0  # seconds that the end of a process waits for connections to close


class Worker:
    """A client, and the limit of its requests in flight.

    Attributes:
        client: The client; it belongs to the event loop of the process.
        permits: One for each request that may be in flight at once, over all batches of the process.
    """

    def __init__(self, client: AsyncOllama, in_flight: int, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.permits: asyncio.Semaphore = asyncio.Semaphore(in_flight)
        self._loop = loop

    def start(self, work: Coroutine[Any, Any, ResultT]) -> Future[ResultT]:
        """Run ``work`` on the event loop; cancelling the future cancels it, and Ollama stops generating."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)


def result_of(work: Future[ResultT]) -> ResultT:
    """Wait for the result of some work; an exception here, also Ctrl-C, cancels it, so that nothing goes on generating.

    Args:
        work: What was started.
    """
    try:
        return work.result()
    except BaseException:
        work.cancel()
        raise


class _Process:
    """The event loop of a process, with its thread and its workers."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        # Configurations are compared, not hashed, because they contain dicts and lists.
        self._workers: list[tuple[Mapping[str, Any], int, Worker]] = []

    def worker(self, configuration: Mapping[str, Any], in_flight: int) -> Worker:
        with self.lock:
            same = [(bound, worker) for known, bound, worker in self._workers if known == configuration]
            for bound, worker in same:
                if bound == in_flight:
                    return worker
            client = same[0][1].client if same else AsyncOllama(**_arguments(configuration))
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="ollama-sdk-batch", daemon=True).start()
            worker = Worker(client, in_flight, self._loop)
            self._workers.append((configuration, in_flight, worker))
            return worker

    def close(self) -> None:
        loop = self._loop
        if loop is None:
            return
        asyncio.run_coroutine_threadsafe(self._close(), loop).result(_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)

    async def _close(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in {id(worker.client): worker.client for _, _, worker in self._workers}.values():
            await client.close()


def _arguments(configuration: Mapping[str, Any]) -> dict[str, Any]:
    arguments = dict(configuration)
    name = arguments.pop(KEY_VARIABLE, None)
    if name is not None:
        key = os.environ.get(name)
        if not key:
            raise ConfigurationError(
                f"client[{KEY_VARIABLE!r}] names {name}, which is not set in this process; set it on each worker"
            )
        arguments["api_key"] = key
    return arguments


# The last one belongs to this process. Those of its parents are kept, so that their connections are not closed here.
_processes = [_Process()]


def _start_in_child() -> None:
    _processes.append(_Process())


def _close_at_exit() -> None:
    _processes[-1].close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_in_child)
atexit.register(_close_at_exit)


def worker_of(configuration: Mapping[str, Any], in_flight: int) -> Worker:
    """Return the worker of this process for a configuration; made at the first call.

    Args:
        configuration: The arguments of :class:`~ollama_sdk.AsyncOllama`; ``api_key_env`` names the variable that holds the key.
        in_flight: How many requests may be in flight at once.

    Raises:
        ConfigurationError: The client cannot be made.
    """
    return _processes[-1].worker(configuration, in_flight)
