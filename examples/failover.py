"""Asks several hosts as one: ``python examples/failover.py [HOST...]``, such as ``http://gpu-1:11434 http://gpu-2:11434``.

It shows how the hosts are, then asks some questions at once. Each goes to the host with the fewest calls in flight; when that host
fails, it goes to the next. Without arguments the one host is ``OLLAMA_HOST``.
"""

from __future__ import annotations

import asyncio
import sys

from ollama_sdk import AsyncOllama, CircuitBreaker, Failover, OllamaError, RateLimit, Retry, Timeout
from ollama_sdk.reliability import Event, FailedOver

MODEL = "llama3.2"
QUESTIONS = ("Name a colour.", "Name an animal.", "Name a mountain.", "Name a river.")
PARALLEL = 4  # OLLAMA_NUM_PARALLEL of each host; more calls at once would only wait there


def report(event: Event) -> None:
    """Show that a call moves to another host."""
    if isinstance(event, FailedOver):
        print(f"{event.endpoint} failed ({event.reason}), trying {event.to}", file=sys.stderr)


async def ask(client: AsyncOllama, question: str) -> bool:
    """Print one answer, or why there is none; return whether there is one."""
    try:
        reply = await client.chat(MODEL, [{"role": "user", "content": question}])
    except OllamaError as error:
        print(f"{question} Not answered: {error}")
        return False
    print(f"{question} {reply.message.content}")
    return True


async def main(*hosts: str) -> int:
    """Check the hosts, ask all questions at once, and return the exit status."""
    client = AsyncOllama(
        list(hosts) or None,
        timeout=Timeout(connect=2, first_item=60, between_items=30, total=300),  # seconds
        failover=Failover("least_busy"),
        retry=Retry(attempts=3),
        circuit_breaker=CircuitBreaker(open_for=10),
        rate_limit=RateLimit(concurrent=PARALLEL * max(len(hosts), 1)),
        observer=report,
    )
    async with client:
        for host in await client.health.check(model=MODEL):
            state = f"Ollama {host.version}" if host.reachable else f"down: {host.error}"
            print(f"{host.endpoint}  {state}{'' if host.model_available else f', without {MODEL}'}")
        answered = await asyncio.gather(*(ask(client, question) for question in QUESTIONS))
    return 0 if all(answered) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
