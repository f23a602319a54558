"""The steps: what each sends for a row, and which columns it makes of the replies.

A batch is cut into groups of rows, one request each; groups run at once, as many as ``in_flight`` allows. A group that fails because of
what one of its rows holds is halved until that row stands alone; a failure of the server fails the group as it is, once the client's own
policies (retry, failover) have given up. So each row has its result, or its error, exactly once.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal

from attrs import Attribute, field, frozen

from ollama_sdk import AsyncOllama
from ollama_sdk.errors import (
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    DecodeError,
    InternalServerError,
    OllamaError,
    RequestTooLargeError,
    ServiceUnavailableError,
    UnprocessableEntityError,
)

from ._columns import Batch, Column, Kind, rows_of, with_columns
from ._worker import Worker, worker_of

__all__ = ["Chat", "Embed", "Generate", "Row", "Step"]

Row = dict[str, Any]
Result = list[Any] | OllamaError
"""Of one row: the values of the new columns, or what kept it from them."""

# What one row of a request may cause, however good its neighbours are.
_OF_A_ROW = (BadRequestError, RequestTooLargeError, UnprocessableEntityError, InternalServerError, DecodeError)


def _check_positive(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if value.__class__ is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}={value!r}: give a whole number from 1")


def _check_on_error(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if value not in {"column", "raise"}:
        raise ConfigurationError(f'{attribute.name}={value!r}: give "column" or "raise"')


@frozen(kw_only=True)
class Step:
    """A batch in, the same batch with new columns out; see :class:`Embed`, :class:`Chat` and :class:`Generate`.

    Attributes:
        client: The arguments of :class:`~ollama_sdk.AsyncOllama`, by which a worker process makes its one client at its first batch.
            ``api_key_env`` names the variable of the worker that holds the key, so that none is sent with the step.
        in_flight: How many requests a process has in flight at once.
        on_error: ``"column"`` puts what fails for good into the column ``error``, ``"raise"`` raises it and stops the batch.
        error: The name of the column of errors: ``None``, or a dict with ``type``, ``message`` and ``status``.
    """

    client: Mapping[str, Any] = field(factory=dict[str, Any])
    in_flight: int = field(default=8, validator=_check_positive)
    on_error: Literal["column", "raise"] = field(default="column", validator=_check_on_error)
    error: str = "error"

    def __call__(self, batch: Batch) -> Batch:
        """Run the step over a batch.

        Args:
            batch: A dict of columns (lists or arrays), a list of dicts, a frame of pandas or Polars, a Table or RecordBatch of Arrow.

        Returns:
            The same kind of batch, its rows in their order, with the new columns.

        Raises:
            ConfigurationError: The batch lacks a column, or the client cannot be made.
            OllamaError: A row failed, with ``on_error="raise"``.
        """
        work = self.start(rows_of(batch, self._needed()))
        try:
            results = work.result()
        except BaseException:  # also Ctrl-C: stop what is generated for nothing
            work.cancel()
            raise
        return with_columns(batch, self.columns_of(results))

    def partitions(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Run the step over an iterator of batches, as ``mapInPandas`` and ``mapInArrow`` of Spark pass them."""
        return map(self, batches)

    def meta(self, frame: Any) -> Any:
        """The empty frame of pandas that Dask wants to know the columns and types of."""
        empty = getattr(frame, "_meta", frame).iloc[:0]
        return with_columns(empty, self.columns_of([]))

    def schema(self, frame: Any) -> Any:
        """The schema that Spark wants: that of ``frame`` (a Spark DataFrame or a schema) and the new columns."""
        from pyspark.sql.pandas.types import from_arrow_type
        from pyspark.sql.types import ArrayType, FloatType, StructField, StructType

        known = getattr(frame, "schema", frame)
        new = self.columns_of([])
        fields = [each for each in known.fields if each.name not in new]
        for name, column in new.items():
            kind = ArrayType(FloatType()) if column.kind == "vector" else from_arrow_type(column.arrow_type())
            fields.append(StructField(name, kind))
        return StructType(fields)

    # What runs on the worker

    def start(self, rows: Sequence[Row]) -> Future[list[Result]]:
        """Begin the work for some rows on the worker of this process; the results have their order."""
        worker = worker_of(self.client, self.in_flight)
        return worker.start(self._run(worker, rows))

    def group_size(self) -> int:
        """How many rows one request takes."""
        return 1

    async def _run(self, worker: Worker, rows: Sequence[Row]) -> list[Result]:
        size = self.group_size()
        groups = [rows[start : start + size] for start in range(0, len(rows), size)]
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._answer(worker, group)) for group in groups]
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [result for task in running for result in task.result()]

    async def _answer(self, worker: Worker, rows: Sequence[Row]) -> list[Result]:
        try:
            async with worker.permits:
                return list(await self.ask(worker.client, rows))
        except OllamaError as error:
            if len(rows) > 1 and isinstance(error, _OF_A_ROW) and not isinstance(error, ServiceUnavailableError):
                half = len(rows) // 2
                return [*await self._answer(worker, rows[:half]), *await self._answer(worker, rows[half:])]
            if self.on_error == "raise":
                raise
            return [error] * len(rows)

    # What a step decides

    def _needed(self) -> Sequence[str] | None:
        """The columns that it reads; ``None`` for all."""
        return None

    @abstractmethod
    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> Sequence[Result]:
        """Send the request for some rows, and return the result of each."""

    @abstractmethod
    def made(self) -> dict[str, Column]:
        """The new columns, without values."""

    def columns_of(self, results: Sequence[Result]) -> dict[str, Column]:
        """The new columns of some results."""
        made = self.made()
        empty = [None] * len(made)
        values = [empty if isinstance(result, OllamaError) else result for result in results]
        columns = {
            name: Column(column.kind, [row[place] for row in values], column.dimensions)
            for place, (name, column) in enumerate(made.items())
        }
        if self.on_error == "column":
            columns[self.error] = Column("error", [_described(result) for result in results])
        return columns


def _described(result: Result) -> dict[str, Any] | None:
    if not isinstance(result, OllamaError):
        return None
    status = result.status_code if isinstance(result, APIStatusError) else None
    return {"type": type(result).__name__, "message": str(result), "status": status}


@frozen
class Embed(Step):
    """Makes a vector of each text.

    A row whose text is ``None`` or empty gets no vector and no error: nothing is sent for it. A text that is longer than the context of
    the model is an error of its row, unless ``truncate`` allows to cut it.

    Attributes:
        model: The model.
        column: The column of texts.
        output: The new column: an array of 32-bit floats a row.
        per_request: How many texts one request holds.
        dimensions: The length of the vectors. With it, columns of Arrow have a fixed size, so that all batches have one type.
        truncate: Whether the server may cut a text that is too long.
        options: Options of the model.
    """

    model: str
    column: str = field(default="text", kw_only=True)
    output: str = field(default="embedding", kw_only=True)
    per_request: int = field(default=64, kw_only=True, validator=_check_positive)
    dimensions: int | None = field(default=None, kw_only=True)
    truncate: bool = field(default=False, kw_only=True)
    options: Mapping[str, Any] | None = field(default=None, kw_only=True)

    def group_size(self) -> int:
        return self.per_request

    def _needed(self) -> Sequence[str]:
        return [self.column]

    def made(self) -> dict[str, Column]:
        return {self.output: Column("vector", dimensions=self.dimensions)}

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list[Result]:
        texts = [row[self.column] for row in rows]
        for text in texts:
            if text is not None and not isinstance(text, str):
                raise BadRowError(f"{self.column} holds a {type(text).__name__}; give text")
        sent = [text for text in texts if text]
        if not sent:
            return [[None] for _ in texts]
        vectors = await self._vectors(client, sent)
        if len(vectors) != len(sent):
            raise DecodeError(f"the server returned {len(vectors)} vectors for {len(sent)} texts")
        left = iter(vectors)
        return [[next(left) if text else None] for text in texts]

    async def _vectors(self, client: AsyncOllama, texts: list[str]) -> list[Any]:
        """The vectors of some texts; where nothing is asked of the server that only its native route knows, without a list of floats."""
        if self.truncate and self.options is None:
            coded = await client.v1.embeddings.create(
                self.model, texts, dimensions=self.dimensions, encoding_format="base64"
            )
            return [_float32(each.embedding) for each in coded.data]
        reply = await client.embed(
            self.model, texts, dimensions=self.dimensions, truncate=self.truncate, options=self.options
        )
        return [_float32(vector) for vector in reply.embeddings]


def _float32(vector: Any) -> Any:
    try:
        import numpy
    except ImportError:
        return array("f", vector)
    return numpy.asarray(vector, dtype=numpy.float32)


class BadRowError(OllamaError, ValueError):
    """A row holds what cannot be sent; nothing was."""


Template = str | Callable[[Row], Any]


def _filled(template: Template, row: Row, what: str) -> Any:
    """A template with the columns of a row in place of their names in braces, or what a function makes of the row."""
    try:
        return template.format_map(row) if isinstance(template, str) else template(row)
    except KeyError as exc:
        raise BadRowError(f"{what} names the column {exc}, which the row does not have") from None
    except Exception as exc:
        raise BadRowError(f"{what} cannot be made of the row: {exc!r}") from exc


@frozen
class _Answering(Step):
    """What :class:`Chat` and :class:`Generate` share.

    Attributes:
        model: The model.
        output: The new column of the answer's text; with ``format``, of the answer as decoded JSON.
        images: The column that holds an image (bytes or a path) or a list of them.
        options: Options of the model, or a function of the row that returns them.
        format: ``"json"``, a JSON schema, or anything that Pydantic can describe. The fields of an object become columns of their own,
            beside ``output``.
        think: Whether the model thinks first.
        metrics: Whether to add the columns ``prompt_tokens``, ``tokens`` and ``seconds``.
    """

    model: str
    output: str = field(default="answer", kw_only=True)
    images: str | None = field(default=None, kw_only=True)
    options: Mapping[str, Any] | Callable[[Row], Mapping[str, Any]] | None = field(default=None, kw_only=True)
    format: Any = field(default=None, kw_only=True)
    think: bool | str | None = field(default=None, kw_only=True)
    metrics: bool = field(default=False, kw_only=True)
    extra: Mapping[str, Any] = field(factory=dict[str, Any], kw_only=True)

    def made(self) -> dict[str, Column]:
        columns = {self.output: Column("text" if self.format is None else "json")}
        columns |= {name: Column(kind) for name, kind in self._fields().items()}
        if self.metrics:
            columns |= {"prompt_tokens": Column("integer"), "tokens": Column("integer"), "seconds": Column("number")}
        return columns

    def _fields(self) -> dict[str, Kind]:
        """The fields of the object that ``format`` describes, and what they hold."""
        properties: Mapping[str, Any] = self._schema().get("properties", {})
        kinds: dict[str, Kind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
        return {name: kinds.get(str(each.get("type")), "json") for name, each in properties.items()}

    def _schema(self) -> Mapping[str, Any]:
        if isinstance(self.format, Mapping):
            return self.format
        if self.format is None or isinstance(self.format, str):
            return {}
        from pydantic import TypeAdapter

        schema: Mapping[str, Any] = TypeAdapter(self.format).json_schema()
        return schema

    def _result(self, text: str, reply: Any) -> Result:
        """The values of the new columns."""
        from ollama_sdk._json import loads

        values: list[Any] = [text]
        if self.format is not None:
            try:
                answer: Any = loads(text.encode())
                if self._is_described():
                    from pydantic import TypeAdapter

                    TypeAdapter(self.format).validate_json(text)
            except ValueError as exc:
                return BadRowError(f"the answer is not of the format: {exc}; it begins {text[:100]!r}")
            fields = self._fields()
            values = [answer, *([answer.get(name) for name in fields] if isinstance(answer, dict) else [None] * len(fields))]
        if self.metrics:
            values += [reply.prompt_eval_count, reply.eval_count, reply.metrics.total_seconds]
        return values

    def _is_described(self) -> bool:
        return not isinstance(self.format, str | Mapping)

    def _arguments(self, row: Row) -> dict[str, Any]:
        options = self.options(row) if callable(self.options) else self.options
        return {"format": self.format, "think": self.think, "options": options, **self.extra}

    def _images(self, row: Row) -> list[Any] | None:
        if self.images is None:
            return None
        if self.images not in row:
            raise BadRowError(f"images names the column {self.images!r}, which the row does not have")
        found = row[self.images]
        return None if found is None else list(found) if isinstance(found, list | tuple) else [found]


@frozen
class Chat(_Answering):
    """Asks a model about each row, in a conversation.

    Attributes:
        messages: The text of one message of the user, with the names of columns in braces; or a function of the row that returns such a
            text or a list of messages.
        system: The text of a system message before it.
    """

    messages: Template = field(kw_only=True)
    system: str | None = field(default=None, kw_only=True)

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list[Result]:
        [row] = rows
        messages = _filled(self.messages, row, "messages")
        if isinstance(messages, str):
            images = self._images(row)
            messages = [{"role": "user", "content": messages, **({"images": images} if images else {})}]
        if self.system is not None:
            messages = [{"role": "system", "content": self.system}, *messages]
        reply = await client.chat(self.model, messages, **self._arguments(row))
        return [self._result(reply.message.content or "", reply)]


@frozen
class Generate(_Answering):
    """Has a model continue a prompt for each row.

    Attributes:
        prompt: The prompt, with the names of columns in braces, or a function of the row that returns it.
        system: The system prompt.
    """

    prompt: Template = field(kw_only=True)
    system: str | None = field(default=None, kw_only=True)

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list[Result]:
        [row] = rows
        prompt = _filled(self.prompt, row, "prompt")
        arguments = self._arguments(row) | {"system": self.system, "images": self._images(row)}
        reply = await client.generate(self.model, prompt, **arguments)
        return [self._result(reply.response or "", reply)]
