"""python -m tests.engines.emulated PORT JUDGE: an emulator in a process of its own, until its input ends.

Of each request it sends the ports of both ends to JUDGE, another port of this machine, and does what comes back: a fault, or none.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from ollama_sdk.testing import Emulator, Fault, Interception

DIMENSIONS = 8
FAULTS = {fault.name: fault for fault in (Fault.status(503), Fault.cut(clean=False), Fault.reset())}


def set_up(server: Emulator) -> None:
    """Add the models of the tests: one embeds, one says of a number whether it is even."""
    server.models.add("all-minilm", capabilities=["embedding"], embedding_length=DIMENSIONS)
    server.models.add("llama3.2")
    server.reply(_label)


def _label(prompt) -> str:
    number = int(re.search(r"\d+", prompt.messages[-1]["content"] + " 0")[0])
    return json.dumps({"label": "even" if number % 2 == 0 else "odd", "number": number})


def ends_of(interception: Interception) -> tuple[int, int]:
    """The ports of the client and of the server of a request."""
    return interception.scope["client"][1], interception.scope["server"][1]


def judged_by(port: int) -> Fault:
    """A fault that asks another process about each request."""

    async def ask(interception: Interception) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(b"%d %d\n" % ends_of(interception))
            verdict = (await reader.readline()).decode().strip()
        finally:
            writer.close()
        fault = FAULTS.get(verdict)
        await (interception.proceed() if fault is None else fault.act(interception))

    return Fault("judged", ask)


def main(port: int, judge: int) -> None:
    with Emulator(port=port) as server:
        set_up(server)
        server.faults.add(judged_by(judge))
        sys.stdout.write("listens\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
