"""Runs sync, asyncio and trio clients against failing servers for as long as asked; ``python benchmarks/soak.py SECONDS``.

It prints a line a minute and a summary. It exits with 1 when a promise was broken, something was left behind, or an expected event
never happened; a short run goes on until each has happened, within limits. ``tests/reliability/chaos.py`` says what is promised.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.reliability.chaos import belongings, happenings, leftovers, unleash
from tests.reliability.chaos_calls import Tally

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
