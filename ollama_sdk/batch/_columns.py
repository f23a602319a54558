"""Reads the rows of a batch, and returns the same kind of batch with new columns: dicts, rows, pandas, Polars, Arrow.

Each of these packages is imported only for its own batches or schemas. Types depend on the step, not on the values, so that all
batches of an engine have the same schema; :class:`Column` lists what NumPy has no type for.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, TypeGuard

import orjson
from attrs import field, frozen

from ollama_sdk.errors import ConfigurationError

__all__ = ["Column", "Kind", "check_new", "has_arrays", "is_mapping", "rows_of", "with_columns"]

Kind = Literal["vector", "text", "integer", "number", "boolean", "json", "error"]
_NOT_A_BATCH = "a batch is a dict of columns, a list of dicts, a pandas or Polars frame, a pyarrow Table or RecordBatch"


@frozen
class Column:
    """A new column.

    A missing value is ``None``; null in Arrow, Polars and pandas, whose columns have types of Arrow (objects without pyarrow).

    In an array of a NumPy batch a missing number is NaN, and a missing vector a row of NaN. Vectors are objects where their lengths
    differ or none is known, whole numbers and booleans where one is missing or there is no row; texts, JSON and errors always are.

    Attributes:
        kind: The kind of its values: ``vector`` is an array of 32-bit floats, ``error`` a dict with ``type``, ``message`` and
            ``status``, ``json`` any decoded JSON, which is text in frames and in Arrow.
        dimensions: The length of its vectors, if it is known before the first reply: Arrow's lists then have a fixed size.
        values: A value for each row.
    """

    kind: Kind
    dimensions: int | None = None
    values: Sequence[Any] = field(factory=list[Any])

    def arrow(self) -> Any:
        """The column as an array of Arrow."""
        pyarrow: Any = import_module("pyarrow")

        if self.kind == "vector":
            return self._arrow_vectors()
        return pyarrow.array(self._json_as_text(), type=self.arrow_type())

    def arrow_type(self) -> Any:
        """Its type in Arrow."""
        pyarrow: Any = import_module("pyarrow")

        if self.kind == "vector":
            return pyarrow.list_(pyarrow.float32(), -1 if self.dimensions is None else self.dimensions)
        if self.kind == "error":
            return pyarrow.struct({"type": pyarrow.string(), "message": pyarrow.string(), "status": pyarrow.int64()})
        plain = {"integer": pyarrow.int64, "number": pyarrow.float64, "boolean": pyarrow.bool_}
        return plain.get(self.kind, pyarrow.string)()

    def _arrow_vectors(self) -> Any:
        """The vectors end to end in one buffer, without a Python float."""
        pyarrow: Any = import_module("pyarrow")

        missing = pyarrow.array([vector is None for vector in self.values], type=pyarrow.bool_())
        absent = array("f", bytes(4 * (self.dimensions or 0)))
        vectors = [absent if vector is None else vector for vector in self.values]
        buffer = pyarrow.py_buffer(b"".join(memoryview(vector).cast("B") for vector in vectors if len(vector)))
        flat = pyarrow.Array.from_buffers(pyarrow.float32(), buffer.size // 4, [None, buffer])
        if self.dimensions is not None:
            return pyarrow.FixedSizeListArray.from_arrays(flat, self.dimensions, mask=missing)
        offsets = [0]
        for vector in vectors:
            offsets.append(offsets[-1] + len(vector))
        return pyarrow.ListArray.from_arrays(pyarrow.array(offsets, type=pyarrow.int32()), flat, mask=missing)

    def numpy(self) -> Any:
        """The column as an array."""
        numpy: Any = import_module("numpy")

        values = list(self.values)
        lengths = {len(vector) for vector in values if vector is not None} if self.kind == "vector" else set[int]()
        if self.kind == "vector" and self.dimensions is not None:
            lengths.add(self.dimensions)
        if len(lengths) == 1:
            absent = numpy.full(lengths.pop(), numpy.nan, dtype=numpy.float32)
            rows = [absent if vector is None else vector for vector in values]
            return numpy.stack(rows) if rows else numpy.empty((0, len(absent)), dtype=numpy.float32)
        if self.kind == "number":
            return numpy.asarray(values, dtype=numpy.float64)  # None is NaN
        if values and self.kind in {"integer", "boolean"} and None not in values:
            return numpy.asarray(values)
        objects = numpy.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            objects[index] = value
        return objects

    def pandas(self, index: Any) -> Any:
        """The column as a series of pandas, with a type of Arrow where pyarrow is installed, else with objects."""
        pandas: Any = import_module("pandas")

        try:
            values = pandas.arrays.ArrowExtensionArray(self.arrow())
        except ImportError:  # none, or one that is too old for pandas
            return self.objects(index)
        return pandas.Series(values, index=index)

    def objects(self, index: Any) -> Any:
        """The column as a series of pandas with objects, ``None`` for missing: Spark knows no NA in vectors and structs."""
        pandas: Any = import_module("pandas")

        return pandas.Series(self._json_as_text(), index=index, dtype=object)

    def polars(self, name: str) -> Any:
        """The column as a series of Polars."""
        polars: Any = import_module("polars")

        return polars.Series(name, polars.from_arrow(self.arrow()))

    def _json_as_text(self) -> list[Any]:
        if self.kind != "json":
            return list(self.values)
        return [None if value is None else orjson.dumps(value).decode() for value in self.values]


def rows_of(batch: Any, columns: Iterable[str] | None) -> list[dict[str, Any]]:
    """Return the rows of a batch, in order.

    Args:
        batch: The batch.
        columns: The needed columns; ``None`` for all. A list of dicts is taken whole, without a check for columns.

    Raises:
        ConfigurationError: It is not a batch, or lacks a column.
    """
    if _is_rows(batch):
        return [dict(row) for row in batch]
    names = _names(batch)
    needed = names if columns is None else list(columns)
    for name in needed:
        if name not in names:
            raise ConfigurationError(f"the batch has no column {name!r}; its columns are: {', '.join(names) or 'none'}")
    values = [_values(batch[name]) for name in needed]
    if not values:  # no column is needed, but each row has a result
        return [{} for _ in range(_length(batch, names))]
    return [dict(zip(needed, row, strict=True)) for row in zip(*values, strict=True)]


def with_columns(batch: Any, new: Mapping[str, Column], *, as_objects: bool = False) -> Any:
    """Return the same kind of batch with new columns.

    Args:
        batch: The batch.
        new: The columns, which it must not have yet.
        as_objects: Whether new columns of pandas hold objects instead of having types of Arrow.
    """
    if _is_rows(batch):
        values = zip(*(column.values for column in new.values()), strict=True)
        return [{**row, **dict(zip(new, each, strict=True))} for row, each in zip(batch, values, strict=True)]
    if is_mapping(batch):
        arrays = has_arrays(batch)
        return {**batch, **{name: each.numpy() if arrays else list(each.values) for name, each in new.items()}}
    library = _library(batch)
    if library == "pyarrow":
        for name, each in new.items():
            batch = batch.append_column(name, each.arrow())
        return batch
    if library == "polars":
        return batch.with_columns([each.polars(name) for name, each in new.items()])
    return batch.assign(
        **{name: each.objects(batch.index) if as_objects else each.pandas(batch.index) for name, each in new.items()}
    )


def check_new(batch: Any, new: Iterable[str]) -> None:
    """Check that a batch has none of the columns that a step makes, and that they can be made for it.

    Raises:
        ConfigurationError: It has one, or is not a batch, or is of Polars and there is no pyarrow.
    """
    made = set(new)
    if _library(batch) == "polars" and find_spec("pyarrow") is None:
        raise ConfigurationError("new columns of Polars are made by pyarrow: pip install pyarrow")
    for names in batch if _is_rows(batch) else [_names(batch)]:
        for name in made.intersection(names):
            raise ConfigurationError(
                f"the batch already has a column {name!r}, which the step makes: rename one, or drop it"
            )


def has_arrays(batch: Any) -> bool:
    """Whether a batch is a dict with arrays of NumPy, so that its new columns are such."""
    return is_mapping(batch) and any(_library(column) == "numpy" for column in batch.values())


def _library(value: Any) -> str:
    """The package of a batch or column; ``""`` for an unknown one."""
    for kind in type(value).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in {"numpy", "pandas", "polars", "pyarrow"}:
            return library
    return ""


def _names(batch: Any) -> list[str]:
    if is_mapping(batch):
        return list(batch)
    library = _library(batch)
    if library == "pyarrow" and hasattr(batch, "schema"):
        return list(batch.schema.names)
    if library in {"pandas", "polars"} and hasattr(batch, "columns"):
        return list(batch.columns)
    raise ConfigurationError(f"{_NOT_A_BATCH}, not of type {type(batch).__name__}")


def _length(batch: Any, names: Sequence[str]) -> int:
    return len(batch[names[0]]) if names else 0


def _values(column: Any) -> list[Any]:
    """The values of a column as Python objects, with ``None`` for missing values."""
    library = _library(column)
    if library == "pandas":
        return list(column.astype(object).where(column.notna(), None))
    if library == "pyarrow":
        return list(column.to_pylist())
    if library == "numpy" and column.ndim == 1:
        return list(column.tolist())
    return list(column)


def is_mapping(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is a mapping."""
    return isinstance(value, Mapping)


def _is_rows(batch: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(batch, list) and (not batch or isinstance(batch[0], Mapping))
