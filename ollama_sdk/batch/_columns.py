"""Reads the rows of a batch, and returns the same kind of batch with new columns: dicts, rows, pandas, Polars, Arrow.

None of these packages is imported before a batch, or a schema, of it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, TypeGuard

from attrs import field, frozen

from ollama_sdk.errors import ConfigurationError

__all__ = ["Batch", "Column", "Kind", "rows_of", "with_columns"]

Batch = Any
"""A dict of columns (lists or arrays), a list of dicts, a DataFrame of pandas or Polars, or a Table or RecordBatch of Arrow."""

Kind = Literal["vector", "text", "integer", "number", "boolean", "json", "error"]


@frozen
class Column:
    """A new column.

    Attributes:
        kind: What its values are, each of which may be ``None``: ``vector`` is an array of 32-bit floats, ``json`` any decoded
            JSON, ``error`` a dict with ``type``, ``message`` and ``status``.
        values: A value for each row.
        dimensions: Of vectors: their length, if all batches have it.
    """

    kind: Kind
    values: Sequence[Any] = field(factory=list[Any])
    dimensions: int | None = None

    def arrow(self) -> Any:
        """The column as an array of Arrow."""
        import pyarrow

        values = self.values
        if self.kind == "json":  # whatever it is: a batch of one shape becomes a struct
            return pyarrow.array(list(values))
        return pyarrow.array(list(values), type=self.arrow_type())

    def arrow_type(self) -> Any:
        """Its type in Arrow. Vectors have a fixed size where that is known, so that all batches have one type."""
        import pyarrow

        if self.kind == "vector":
            return pyarrow.list_(pyarrow.float32(), -1 if self.dimensions is None else self.dimensions)
        if self.kind == "error":
            text, number = pyarrow.string(), pyarrow.int64()
            return pyarrow.struct({"type": text, "message": text, "status": number})
        plain = {"text": pyarrow.string, "integer": pyarrow.int64, "number": pyarrow.float64, "boolean": pyarrow.bool_}
        return plain.get(self.kind, pyarrow.string)()

    def numpy(self) -> Any:
        """The column as an array: ``[n, dimensions]`` where every row has a vector, else one object each."""
        import numpy

        values = list(self.values)
        if values and self.kind == "vector" and all(vector is not None for vector in values):
            return numpy.stack(values)
        if values and self.kind in {"integer", "number", "boolean"} and None not in values:
            return numpy.asarray(values)
        array = numpy.empty(len(values), dtype=object)
        for index, value in enumerate(values):
            array[index] = value
        return array

    def pandas_type(self) -> str:
        """Its type in pandas; one with a place for what is missing."""
        return {"integer": "Int64", "number": "Float64", "boolean": "boolean"}.get(self.kind, "object")


def rows_of(batch: Batch, columns: Sequence[str] | None) -> list[dict[str, Any]]:
    """The rows of a batch, in order.

    Args:
        batch: The batch.
        columns: Which columns are needed; ``None`` for all.

    Raises:
        ConfigurationError: It is no batch, or lacks a column.
    """
    if _is_rows(batch):
        for number, row in enumerate(batch):
            _check(row, columns, f"row {number} of the batch")
        return [dict(row) for row in batch]
    names = list(batch) if isinstance(batch, Mapping) else _names(batch)
    _check(names, columns, "the batch")
    needed = names if columns is None else list(columns)
    values = [_values(batch[name]) for name in needed]
    return [dict(zip(needed, row, strict=True)) for row in zip(*values, strict=True)]


def _check(names: Any, columns: Sequence[str] | None, where: str) -> None:
    for name in columns or ():
        if name not in names:
            there = ", ".join(map(str, names)) or "none"
            raise ConfigurationError(f"{where} has no column {name!r}; its columns are: {there}")


def _names(batch: Batch) -> list[str]:
    for attribute in ("column_names", "columns"):  # Arrow; pandas and Polars
        names = getattr(batch, attribute, None)
        if names is not None and hasattr(batch, "__getitem__"):
            schema = getattr(batch, "schema", None)
            return list(getattr(schema, "names", None) or names) if attribute == "column_names" else list(names)
    if type(batch).__module__.startswith("pyarrow"):
        return list(batch.schema.names)
    raise ConfigurationError(
        f"a batch is a {type(batch).__name__}; give a dict of columns, a list of dicts, a pandas or Polars frame, or a pyarrow Table"
    )


def _values(column: Any) -> list[Any]:
    for method in ("to_pylist", "to_list", "tolist"):  # Arrow; pandas and Polars; NumPy
        if hasattr(column, method):
            values: list[Any] = getattr(column, method)()
            return values
    return list(column)


def _is_rows(batch: Batch) -> TypeGuard[list[Mapping[str, Any]]]:
    return batch.__class__ is list and (not batch or isinstance(batch[0], Mapping))


def with_columns(batch: Batch, new: Mapping[str, Column]) -> Batch:
    """The same kind of batch with new columns; a column of the same name is replaced."""
    if _is_rows(batch):
        rows = zip(*(column.values for column in new.values()), strict=True)
        return [{**row, **dict(zip(new, values, strict=True))} for row, values in zip(batch, rows, strict=True)]
    if isinstance(batch, Mapping):
        is_numpy = any(type(column).__module__ == "numpy" for column in batch.values())
        return {**batch, **{name: each.numpy() if is_numpy else list(each.values) for name, each in new.items()}}
    module = type(batch).__module__.partition(".")[0]
    library: Any = import_module(module)
    if module == "pyarrow":
        columns = {name: batch[name] for name in batch.schema.names} | {name: each.arrow() for name, each in new.items()}
        return type(batch).from_pydict(columns)
    if module == "polars":
        return batch.with_columns([library.Series(name, each.arrow()) for name, each in new.items()])
    series = {
        name: library.Series(list(each.values), index=batch.index, dtype=each.pandas_type()) for name, each in new.items()
    }
    return batch.assign(**series)
