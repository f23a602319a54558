"""Makes a vector of the text of each row."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from attrs import define, evolve, field, setters

from ollama_sdk import AsyncOllama
from ollama_sdk.errors import DecodeError, OllamaError

from ._columns import Column
from ._step import Result, Row, RowError, Step, check_positive, is_of_a_row
from ._worker import Worker, result_of, worker_of

__all__ = ["Embed"]

# The length of the vectors that a client has received of a model, where none was asked for.
_LENGTHS: WeakKeyDictionary[AsyncOllama, dict[str, int]] = WeakKeyDictionary()


@define(on_setattr=setters.frozen)
class Embed(Step):
    """Makes a vector of each text.

    A row with a null (``None``, NaN) or empty text has no vector and no error, and is not sent. A text that is longer than the context
    of the model is an error of its row, unless ``truncate`` lets the server truncate it. One bad row of a request does not fail the
    others: the request is split until that row is alone. A NumPy batch without any vector still gets an array ``[n, dimensions]``: if
    this process has had no vector of the model yet, it asks for one, unless the batch is empty or the server failed it.

    Attributes:
        model: The model.
        column: The column of texts.
        output: The new column: for each row an array of 32-bit floats, from NumPy if it is installed.
        per_request: The most texts in one request.
        dimensions: The length of the vectors, which is also asked of the server. With it Arrow's lists have a fixed size.
        truncate: Whether the server may cut a text that is too long. Vectors then come in base64, without a list of floats in between.
        options: Options of the model.
    """

    model: str
    column: str = field(default="text", kw_only=True)
    output: str = field(default="embedding", kw_only=True)
    per_request: int = field(default=64, kw_only=True, validator=check_positive)
    dimensions: int | None = field(default=None, kw_only=True)
    truncate: bool = field(default=False, kw_only=True)
    options: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def columns_read(self) -> Sequence[str]:
        """The column of texts."""
        return [self.column]

    def group_size(self) -> int:
        """``per_request``."""
        return self.per_request

    def new_columns(self) -> dict[str, Column]:
        """The column of vectors."""
        return {self.output: Column("vector", self.dimensions)}

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list[Result]:
        """Send the texts of some rows in one request.

        Args:
            client: The client of this process.
            rows: ``per_request`` rows at most.

        Raises:
            OllamaError: The request failed.
        """
        results: list[Result] = [self._checked_text(row) for row in rows]
        sent = {place: result[0] for place, result in enumerate(results) if isinstance(result, list) and result[0]}
        if sent:
            try:
                vectors = await self._vectors(client, list(sent.values()))
            except OllamaError as error:
                if is_of_a_row(error):
                    raise
                return [error if place in sent else result for place, result in enumerate(results)]
            for place, vector in zip(sent, vectors, strict=True):
                results[place] = self._checked_vector(vector)
                if self.dimensions is None:
                    _LENGTHS.setdefault(client, {})[self.model] = len(vector)
        return results

    def with_length(self, column: Column, results: Sequence[Result]) -> Column:
        """Return the column of vectors with their length, so that a batch without any has the type of the others.

        Args:
            column: A new column of a NumPy batch.
            results: The result of each row.
        """
        has_some = any(vector is not None for vector in column.values)
        if column.kind != "vector" or column.dimensions is not None or has_some:
            return column
        may_ask = bool(results) and not any(map(_is_of_the_server, results))
        worker = worker_of(self.client, self.in_flight)
        return evolve(column, dimensions=result_of(worker.start(self._length(worker, may_ask=may_ask))))

    async def _length(self, worker: Worker, *, may_ask: bool) -> int | None:
        """The length of the vectors of this model: of those that came before, or of one that is asked for."""
        lengths = _LENGTHS.setdefault(worker.client, {})
        if may_ask and self.model not in lengths:
            with suppress(OllamaError):
                async with worker.permits:
                    if self.model not in lengths:  # another batch may have asked meanwhile
                        [vector] = await self._vectors(worker.client, ["length"])
                        lengths[self.model] = len(vector)
        return lengths.get(self.model)

    def _checked_text(self, row: Row) -> Result:
        """The text to send, ``None`` without one, or its error."""
        if self.column not in row:
            return RowError(
                f"the row has no column {self.column!r}; its columns are: {', '.join(map(str, row)) or 'none'}"
            )
        text = row[self.column]
        if isinstance(text, str):
            return [text or None]
        if text is None or (isinstance(text, float) and math.isnan(text)):
            return [None]
        return RowError(f"{self.column} holds a value of type {type(text).__name__}; give text")

    def _checked_vector(self, vector: Any) -> Result:
        if self.dimensions is not None and len(vector) != self.dimensions:
            return DecodeError(f"the server returned a vector of {len(vector)} dimensions instead of {self.dimensions}")
        return [_float32(vector)]

    async def _vectors(self, client: AsyncOllama, texts: list[str]) -> Sequence[Any]:
        """The vectors of some texts. Only the native route can refuse a text that is too long, and takes options."""
        if self.truncate and self.options is None:
            coded = await client.v1.embeddings.create(
                self.model, texts, dimensions=self.dimensions, encoding_format="base64"
            )
            return [each.embedding for each in coded.data]
        reply = await client.embed(
            self.model, texts, dimensions=self.dimensions, truncate=self.truncate, options=self.options
        )
        return reply.embeddings


def _is_of_the_server(result: Result) -> bool:
    return isinstance(result, OllamaError) and not isinstance(result, RowError) and not is_of_a_row(result)


def _float32(vector: Any) -> Any:
    try:
        numpy: Any = import_module("numpy")
    except ImportError:
        return array("f", vector)
    return numpy.asarray(vector, dtype=numpy.float32)
