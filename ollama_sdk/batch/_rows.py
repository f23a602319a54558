"""Runs a step over an iterable of rows in this process: rows out in their order, bounded memory, a progress bar."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from ._columns import with_columns
from ._steps import Result, Row, Step

__all__ = ["map_rows"]


def map_rows(rows: Iterable[Mapping[str, Any]], step: Step, *, progress: bool = False) -> Iterator[Row]:
    """Run a step over rows, and give them with their new columns, in order.

    Twice as many requests as ``in_flight`` are prepared ahead, and no more rows are taken than those need. Leaving the loop, an error,
    or Ctrl-C cancels what is in flight, and Ollama stops generating.

    Args:
        rows: Dicts, from a list, a generator, a reader of a file.
        step: What to do with them.
        progress: Whether to show a bar on standard error; needs tqdm.

    Yields:
        Each row with the new columns.

    Raises:
        OllamaError: A row failed, with ``on_error="raise"``; every row before it was given.
    """
    source = iter(rows)
    if progress:
        from tqdm.auto import tqdm

        source = iter(tqdm(source, total=len(rows) if hasattr(rows, "__len__") else None, unit="row"))
    ahead: deque[tuple[list[Row], Future[list[Result]]]] = deque()
    try:
        while True:
            while len(ahead) < 2 * step.in_flight and (group := list(itertools.islice(source, step.group_size()))):
                taken = [dict(row) for row in group]
                ahead.append((taken, step.start(taken)))
            if not ahead:
                return
            taken, work = ahead[0]
            results = work.result()
            ahead.popleft()
            yield from with_columns(taken, step.columns_of(results))
    finally:
        for _, work in ahead:
            work.cancel()
