"""What the calls of a client hold while they run, and must have given back afterwards."""

from __future__ import annotations

import gc
from typing import Any

from ollama_sdk import AsyncOllama, Ollama
from ollama_sdk.testing import Emulator


def held_by(client: Ollama | AsyncOllama) -> dict[str, int]:
    """Connections, permits and counts of calls in flight, by name; only those that are not zero.

    An error that was interrupted may hold its frames in a cycle: what the garbage collector frees is not held.
    """
    held = _held_by(client)
    if held:
        gc.collect()
        held = _held_by(client)
    return held


def _held_by(client: Ollama | AsyncOllama) -> dict[str, int]:
    transports: Any = client._runtime.transports
    wire = transports._wire._wire
    idle = {id(connection) for route in wire._routes._routes.values() for connection in route.stack._idle}
    counts = {"connections": sum(id(connection) not in idle for connection in wire._pool.open)}
    states = None if transports._stack is None else transports._stack._states
    if states is not None and states.limiter is not None:
        states.limiter._process_released()  # as the next call does
        counts["permits"] = len(states.limiter.queue.held)
        counts["waiting permits"] = len(states.limiter.queue.waiting)
    if states is not None and states.endpoints is not None:
        counts["in flight"] = sum(len(member.in_flight) for member in states.endpoints.members)
    if states is not None and states.caching is not None:
        counts["led lookups"] = len(states.caching._in_flight)
    return {name: count for name, count in counts.items() if count}


def generating(servers: list[Emulator]) -> dict[str, int]:
    """How many requests the servers generate for, and how many wait there; only if there are any."""
    runners = [runner for server in servers for runner in list(server._backend.scheduler._runners.values())]
    counts = {
        "generating": sum(runner.running for runner in runners),
        "queued at a server": sum(len(runner.waiting) for runner in runners),
    }
    return {name: count for name, count in counts.items() if count}
