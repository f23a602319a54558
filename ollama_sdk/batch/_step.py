"""Runs the requests of a step: groups rows, limits the requests in flight, and handles failures.

Theory
------

The rows of a batch are cut into groups, one request each. As many tasks as ``in_flight`` take groups from one iterator, so a batch of a
million rows has no million tasks; each request holds a permit of the process, so batches that run at once share the bound.

A group that fails because of one row is halved until that row is alone: one bad row of 64 costs 12 further requests. A failure of the
server, after the client's own policies (retry, failover) have failed, is the error of each row of the group. So each row has one
result, its values or its error, and results keep the order of the rows, independent of the order of replies.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from importlib import import_module
from inspect import signature
from typing import Any, Literal, TypeAlias, TypeVar

from attrs import Attribute, define, field, setters

from ollama_sdk import AsyncOllama
from ollama_sdk.errors import APIStatusError, ConfigurationError, DecodeError, OllamaError

from ._columns import Column, check_new, has_arrays, is_mapping, rows_of, with_columns
from ._worker import KEY_VARIABLE, Worker, result_of, worker_of

__all__ = ["Result", "Row", "RowError", "Step", "check_positive", "is_of_a_row"]

BatchT = TypeVar("BatchT")
Row: TypeAlias = dict[str, Any]
Result: TypeAlias = list[Any] | OllamaError
"""Of one row: the values of the new columns, or what kept it from them."""

# Statuses that a single row of a request may cause. Ollama answers 500 if a vector would be NaN.
_OF_A_ROW = frozenset({400, 413, 422, 500})
_LIVE = ("transport", "http_client")
_SECRET = ("api_key", "headers")


class RowError(OllamaError, ValueError):
    """A row holds a value that cannot be sent; no request was made for it."""


def check_positive(_: Any, attribute: Attribute[Any], value: Any) -> None:
    """Check that an attribute is a whole number from 1.

    Raises:
        ConfigurationError: It is not.
    """
    if value.__class__ is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}={value!r}: give a whole number from 1")


def _check_client(_: Any, __: Attribute[Any], value: Any) -> None:
    if not is_mapping(value):
        raise ConfigurationError(
            f"client= is of type {type(value).__name__}; give the arguments of AsyncOllama as a dict, such as "
            '{"host": ...}: each process makes a client of its own'
        )
    known = {*signature(AsyncOllama).parameters, KEY_VARIABLE} - set(_LIVE)
    for name in value:
        if name in _LIVE:
            raise ConfigurationError(
                f"client[{name!r}]: a step is sent to other processes, and that cannot be; leave it out"
            )
        if name not in known:
            raise ConfigurationError(f"client[{name!r}]: give arguments of AsyncOllama: {', '.join(sorted(known))}")


def _check_on_error(_: Any, __: Attribute[Any], value: Any) -> None:
    if value not in {"column", "raise"}:
        raise ConfigurationError(f'on_error={value!r}: give "column" or "raise"')


def _without_secrets(client: Mapping[str, Any]) -> str:
    return repr({name: "***" if name in _SECRET else value for name, value in client.items()})


# Frozen attribute by attribute: Ray makes a subclass of the class that it is given, and sets attributes of its own.
@define(kw_only=True, on_setattr=setters.frozen)
class Step(ABC):
    """A batch in, the same batch with new columns out; see :class:`Embed`, :class:`Chat` and :class:`Generate`.

    For a step of another kind define ``new_columns`` and ``ask``.

    Attributes:
        client: The arguments of :class:`~ollama_sdk.AsyncOllama`, of which each process makes one client at its first batch.
            ``"api_key_env"`` names the variable of the worker that holds the key, so that no key is sent with the step.
        in_flight: The most requests of a process in flight at once, over all its batches.
        on_error: ``"column"`` puts what fails for good into the column of errors; ``"raise"`` raises it and stops the batch.
        error: The name of the column of errors. Each is ``None``, or a dict with ``type``, ``message`` and ``status``.
    """

    client: Mapping[str, Any] = field(factory=dict[str, Any], validator=_check_client, repr=_without_secrets)
    in_flight: int = field(default=8, validator=check_positive)
    on_error: Literal["column", "raise"] = field(default="column", validator=_check_on_error)
    error: str = "error"

    def __call__(self, batch: BatchT) -> BatchT:
        """Run the step over a batch.

        Args:
            batch: A dict of columns (lists or NumPy arrays), a list of dicts, a frame of pandas or Polars, a Table or RecordBatch of
                Arrow.

        Returns:
            The same kind of batch, its rows in their order, with all its columns and the new ones.

        Raises:
            ConfigurationError: The batch lacks a column, or has one of those that the step makes, or the client cannot be made.
            OllamaError: A row failed, with ``on_error="raise"``.
        """
        return self._made(batch)

    def _made(self, batch: BatchT, *, as_objects: bool = False) -> BatchT:
        check_new(batch, self.columns_of([]))
        results = result_of(self.start(rows_of(batch, self.columns_read())))
        columns = self.columns_of(results)
        if has_arrays(batch):
            columns = {name: self.with_length(column, results) for name, column in columns.items()}
        made: BatchT = with_columns(batch, columns, as_objects=as_objects)
        return made

    def partitions(self, batches: Iterable[BatchT]) -> Iterator[BatchT]:
        """Run the step over an iterator of batches, as Spark's ``mapInPandas`` and ``mapInArrow`` pass them.

        In pandas the new columns hold objects, unlike those of a call: Spark knows no NA in vectors and structs.

        Args:
            batches: The batches; each is taken when the one before it is done.
        """
        return (self._made(batch, as_objects=True) for batch in batches)

    def meta(self, frame: Any) -> Any:
        """Return an empty frame with Dask's columns and types.

        The new columns have types of Arrow, as those of a call have, and ``to_parquet`` writes these.

        Args:
            frame: The Dask or pandas frame that goes in.
        """
        pandas: Any = import_module("pandas")
        empty = getattr(frame, "_meta", frame).iloc[:0]
        new = self.columns_of([])
        check_new(empty, new)
        return empty.assign(
            **{
                name: pandas.Series(index=empty.index, dtype=pandas.ArrowDtype(each.arrow_type()))
                for name, each in new.items()
            }
        )

    def schema(self, frame: Any) -> Any:
        """Return the schema for Spark: the columns of a frame, and the new ones.

        Args:
            frame: A Spark DataFrame, or its schema.
        """
        types: Any = import_module("pyspark.sql.types")
        from_arrow_type: Any = import_module("pyspark.sql.pandas.types").from_arrow_type

        made = types.StructType(list(getattr(frame, "schema", frame).fields))
        for name, column in self.columns_of([]).items():
            kind = (
                types.ArrayType(types.FloatType()) if column.kind == "vector" else from_arrow_type(column.arrow_type())
            )
            made = made.add(types.StructField(name, kind))
        return made

    def start(self, rows: Sequence[Row]) -> Future[list[Result]]:
        """Begin the work for some rows in the thread of this process; cancelling the future cancels it.

        Args:
            rows: The rows.

        Returns:
            The results, in the order of the rows.

        Raises:
            ConfigurationError: The client cannot be made.
        """
        worker = worker_of(self.client, self.in_flight)
        return worker.start(self._run(worker, rows))

    def columns_of(self, results: Sequence[Result]) -> dict[str, Column]:
        """Return the new columns of some results.

        Args:
            results: The result of each row.
        """
        made = self.new_columns()
        empty = [None] * len(made)
        values = [empty if isinstance(result, OllamaError) else result for result in results]
        columns = {
            name: Column(column.kind, column.dimensions, [row[place] for row in values])
            for place, (name, column) in enumerate(made.items())
        }
        if self.on_error == "column":
            columns[self.error] = Column("error", values=[_described(result) for result in results])
        return columns

    # For subclasses

    def columns_read(self) -> Sequence[str] | None:
        """The columns that it reads; ``None`` for all."""
        return None

    def group_size(self) -> int:
        """How many rows one request takes."""
        return 1

    def with_length(self, column: Column, results: Sequence[Result]) -> Column:  # noqa: ARG002 - for those that ask the server
        """Return a column of a NumPy batch, with the known length of its vectors, where all are missing.

        Args:
            column: The column.
            results: The result of each row.
        """
        return column

    @abstractmethod
    def new_columns(self) -> dict[str, Column]:
        """The new columns, without values, and without that of errors."""

    @abstractmethod
    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> Sequence[Result]:
        """Send the request for some rows.

        Args:
            client: The client of this process.
            rows: ``group_size()`` rows at most.

        Returns:
            The result of each row. An exception is the error of each row.
        """

    # On the event loop

    async def _run(self, worker: Worker, rows: Sequence[Row]) -> list[Result]:
        size = self.group_size()
        starts = iter(range(0, len(rows), size))
        groups: dict[int, list[Result]] = {}

        async def take_groups() -> None:
            for start in starts:
                groups[start] = await self._answer(worker, rows[start : start + size])

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(self.in_flight, -(-len(rows) // size))):
                    tasks.create_task(take_groups())
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [result for start in sorted(groups) for result in groups[start]]

    async def _answer(self, worker: Worker, rows: Sequence[Row]) -> list[Result]:
        try:
            async with worker.permits:
                results = await self.ask(worker.client, rows)
        except OllamaError as error:
            if len(rows) > 1 and is_of_a_row(error):
                half = len(rows) // 2
                return [*await self._answer(worker, rows[:half]), *await self._answer(worker, rows[half:])]
            results = [error] * len(rows)
        if self.on_error == "raise":
            for result in results:
                if isinstance(result, OllamaError):
                    raise result
        return list(results)


def is_of_a_row(error: OllamaError) -> bool:
    """Whether one row of a request may have caused an error of the request."""
    return isinstance(error, DecodeError) or (isinstance(error, APIStatusError) and error.status_code in _OF_A_ROW)


def _described(result: Result) -> dict[str, Any] | None:
    if not isinstance(result, OllamaError):
        return None
    status = result.status_code if isinstance(result, APIStatusError) else None
    return {"type": type(result).__name__, "message": str(result), "status": status}
