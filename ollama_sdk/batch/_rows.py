"""Runs a step over an iterable of rows in this process: rows out in order, bounded memory, a progress bar."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sized
from concurrent.futures import Future
from importlib import import_module
from typing import Any

from ollama_sdk.errors import ConfigurationError

from ._columns import check_new, is_mapping, with_columns
from ._step import Result, Row, Step

__all__ = ["map_rows"]


def map_rows(rows: Iterable[Mapping[str, Any]], step: Step, *, progress: bool = False) -> Iterator[Row]:
    """Run a step over rows, and yield them with their new columns, in order.

    At most the rows of twice ``in_flight`` requests are read ahead. Leaving the loop, an error, or Ctrl-C cancels the requests in
    flight, and Ollama stops generating.

    Args:
        rows: Dicts, from a list, a generator, a reader of a file.
        step: The step.
        progress: Whether to show a bar on standard error; needs the extra ``[progress]``.

    Yields:
        Each row with the new columns.

    Raises:
        ConfigurationError: ``step`` is no step, the client cannot be made, a row is no dict or has a column that the step makes, or there is no tqdm.
        OllamaError: A row failed, with ``on_error="raise"``; the rows of the requests before it have been given.
    """
    _check_step(step)
    source = iter(rows)
    bar: Any = _bar(len(rows) if isinstance(rows, Sized) else None) if progress else None
    ahead: deque[tuple[list[Row], Future[list[Result]]]] = deque()
    try:
        while True:
            while len(ahead) < 2 * step.in_flight and (group := list(itertools.islice(source, step.group_size()))):
                taken = list(map(_row_of, group))
                check_new(taken, step.columns_of([]))
                ahead.append((taken, step.start(taken)))
            if not ahead:
                return
            taken, work = ahead[0]
            done = with_columns(taken, step.columns_of(work.result()))
            ahead.popleft()
            if bar is not None:
                bar.update(len(done))
            yield from done
    finally:
        for _, work in reversed(
            ahead
        ):  # those that wait for a permit before those that hold one, or they would still begin
            work.cancel()
        if bar is not None:
            bar.close()


def _check_step(step: object) -> None:
    if not isinstance(step, Step):
        what = f"the class {step.__name__}" if isinstance(step, type) else f"of type {type(step).__name__}"
        raise ConfigurationError(f"step is {what}; give a step, such as Embed(model)")


def _row_of(row: Any) -> Row:
    if not is_mapping(row):
        raise ConfigurationError(
            f"a row is of type {type(row).__name__}; give an iterable of dicts, one per row; "
            "the step itself takes a whole batch, such as a dict of columns"
        )
    return dict(row)


def _bar(total: int | None) -> Any:
    try:
        automatic: Any = import_module("tqdm.auto")  # the bar of a notebook, or of a terminal
    except ImportError as exc:
        raise ConfigurationError("progress=True needs tqdm: pip install 'ollama-sdk[progress]'") from exc
    return automatic.tqdm(total=total, unit="row")
