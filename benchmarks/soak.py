"""Lets sync, asyncio and trio clients live through chaos for as long as asked; ``python -m benchmarks.soak SECONDS``.

It prints a line a minute and a summary, and exits with 1 when a promise was broken, something was left behind, or something that
belongs to such chaos never happened; until it has, it goes on for up to a minute longer. The chaos is that of
``tests/reliability/chaos.py``, which says what is promised.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.reliability.chaos import Tally, belongings, happenings, leftovers, unleash

_SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(description="Chaos on real sockets, for as long as asked.")
    parser.add_argument("seconds", type=float, nargs="?", default=600.0, help="how long (default: 600)")
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 2**32, help="to make the same calls and troubles again"
    )
    asked = parser.parse_args()
    print(f"three servers, three clients, {asked.seconds:g} s of chaos, --seed {asked.seed}", flush=True)

    started = time.monotonic()

    def report(tally: Tally) -> None:
        files = sum(key.startswith("file") for key in belongings())
        print(f"{time.monotonic() - started:6.0f} s: {tally.line()}; {files} files open", flush=True)

    before = belongings()
    tally = unleash(asked.seconds, seed=asked.seed, wanted=happenings(), report=report)
    left = leftovers(before)

    print("\nHow often what happened:")
    for what, count in sorted(tally.counts.items()):
        print(f"  {count:8d}  {what}")
    found = {
        "Promises broken": tally.broken,
        "Left behind": list(left.values()),
        "Never happened": tally.missing(happenings()),
    }
    for title, things in found.items():
        print(f"\n{title}: {len(things) or 'none'}")
        for thing in things[:_SHOWN]:
            print(f"  {thing}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
