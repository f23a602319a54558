"""Asks a model about each row: a conversation, or a prompt to continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any, TypeAlias

from attrs import Attribute, define, field, setters

from ollama_sdk import AsyncOllama
from ollama_sdk._json import loads
from ollama_sdk.errors import ConfigurationError, ParseError

from ._columns import Column, Kind, is_mapping
from ._step import Result, Row, RowError, Step

__all__ = ["Chat", "Generate"]

Template: TypeAlias = str | Callable[[Row], Any]
OptionsOfRow: TypeAlias = Mapping[str, Any] | Callable[[Row], Mapping[str, Any] | None] | None

_KINDS: dict[str, Kind] = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
_EXCERPT = 200  # letters


def _columns_of(template: str) -> list[str]:
    """The columns of ``{column}``, ``{column.attribute}`` and ``{column[key]}``."""
    names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    return [name.partition(".")[0].partition("[")[0] for name in names]


def _check_template(_: Any, attribute: Attribute[Any], value: Any) -> None:
    """Refuse what is no template, such as one with JSON whose braces are single."""
    if callable(value):
        return
    if not isinstance(value, str):
        raise ConfigurationError(f"{attribute.name}= is of type {type(value).__name__}; give a text or a function")
    try:
        columns = _columns_of(value)
    except ValueError as exc:
        raise ConfigurationError(f"{attribute.name}={value!r:.80}: {exc}; write {{{{ and }}}} for braces") from None
    for column in columns:
        if column.lstrip()[:1] in {"", '"', "'"} or column.isdigit():
            raise ConfigurationError(
                f"{attribute.name}={value!r:.80}: {column!r} is no column; write {{{{ and }}}} for braces"
            )


@define(on_setattr=setters.frozen)
class _Answers(Step):
    """The base of :class:`Chat` and :class:`Generate`."""

    model: str
    output: str = field(default="answer", kw_only=True)
    system: str | None = field(default=None, kw_only=True)
    images: str | None = field(default=None, kw_only=True)
    options: OptionsOfRow = field(default=None, kw_only=True)
    format: Any = field(default=None, kw_only=True)
    think: bool | str | None = field(default=None, kw_only=True)
    truncate: bool = field(default=False, kw_only=True)
    metrics: bool = field(default=False, kw_only=True)

    def new_columns(self) -> dict[str, Column]:
        """The answer, the fields of ``format``, and the metrics."""
        columns = {self.output: Column("text" if self.format is None else "json")}
        columns |= {name: Column(kind) for name, kind in self._fields().items()}
        if self.metrics:
            columns |= {"prompt_tokens": Column("integer"), "tokens": Column("integer"), "seconds": Column("number")}
        return columns

    def _schema(self) -> Mapping[str, Any]:
        if self.format is None or isinstance(self.format, str):
            return {}
        return self.format if is_mapping(self.format) else self.format.model_json_schema()

    def _fields(self) -> dict[str, Kind]:
        """The fields of the object that ``format`` describes, with the kinds of their columns."""
        properties: Mapping[str, Mapping[str, Any]] = self._schema().get("properties", {})
        return {name: _kind_of(described) for name, described in properties.items()}

    def _read_by(self, template: Template) -> Sequence[str] | None:
        if callable(template) or callable(self.options):
            return None
        return list(dict.fromkeys(_columns_of(template) + ([] if self.images is None else [self.images])))

    def _arguments(self, row: Row) -> dict[str, Any]:
        options = _of_row(self.options, row, "options") if callable(self.options) else self.options
        return {"format": self.format, "think": self.think, "options": options, "truncate": self.truncate}

    def _images(self, row: Row) -> list[Any]:
        if self.images is None:
            return []
        if self.images not in row:
            raise RowError(f"images names the column {self.images!r}, which the row does not have")
        found: Any = row[self.images]
        if found is None:
            return []
        several: Iterable[Any] = found if found.__class__ in {list, tuple} else [found]
        return [Path(image) if isinstance(image, str) else image for image in several]

    def _result(self, text: str, reply: Any) -> Result:
        values: list[Any] = [text]
        if self.format is not None:
            try:
                answer: Any = self._parsed(text)
            except ValueError as exc:
                return ParseError(f"the answer is not of the format: {exc}; it begins {text[:_EXCERPT]!r}", text=text)
            is_object = is_mapping(answer)
            values = [answer, *(answer.get(name) if is_object else None for name in self._fields())]
        if self.metrics:
            values += [reply.prompt_eval_count, reply.eval_count, reply.metrics.total_seconds]
        return values

    def _parsed(self, text: str) -> Any:
        answer = loads(text)
        if not (isinstance(self.format, str) or is_mapping(self.format)):
            self.format.model_validate(answer)
        for name, kind in self._fields().items():
            value = answer.get(name) if is_mapping(answer) else None
            if value is not None and kind != "json" and not _fits(value, kind):
                raise ValueError(f"{name} is {value!r}, not {kind}")
        return answer


@define(on_setattr=setters.frozen)
class Chat(_Answers):
    """Asks a model about each row, in a conversation.

    Attributes:
        model: The model.
        messages: The text of a message of the user, with columns in braces, and ``{{`` and ``}}`` for braces; or a function of the row, which returns such a text or a
            list of messages. It runs in the thread of the event loop: let it be quick.
        output: The new column of the answer's text; with ``format`` of the answer as decoded JSON.
        system: The text of a system message before it.
        images: The column that holds an image (bytes or a path) or a list of them.
        options: Options of the model, or a function of the row that returns them.
        format: ``"json"``, a JSON schema, or a class of Pydantic. The fields of an object become columns of their own beside
            ``output``; an answer that does not fit is an error of its row.
        think: Whether the model thinks first, or how much.
        truncate: Whether the server may cut a conversation that is longer than the context; otherwise that is an error of its row.
        metrics: Whether to add the columns ``prompt_tokens``, ``tokens`` and ``seconds``.
    """

    messages: Template = field(kw_only=True, validator=_check_template)

    def columns_read(self) -> Sequence[str] | None:
        """The columns in the messages; ``None`` for all columns, if a function reads the row."""
        return self._read_by(self.messages)

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list[Result]:
        """Send the conversation of a row.

        Args:
            client: The client of this process.
            rows: The one row.

        Raises:
            OllamaError: The request failed, or cannot be made of the row.
        """
        [row] = rows
        messages = _of_row(self.messages, row, "messages")
        images = self._images(row)
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages} | ({"images": images} if images else {})]
        elif images:
            raise RowError("messages are a list, so their images stand in them; leave out images=")
        if self.system is not None:
            messages = [{"role": "system", "content": self.system}, *messages]
        reply = await client.chat(self.model, messages, stream=False, **self._arguments(row))
        return [self._result(reply.message.content or "", reply)]


@define(on_setattr=setters.frozen)
class Generate(_Answers):
    """Lets a model continue a prompt for each row.

    Attributes:
        model: The model.
        prompt: The prompt, with columns in braces, and ``{{`` and ``}}`` for braces; or a function of the row that returns it. It runs in the thread of the event loop:
            let it be quick.
        output: The new column of the answer's text; with ``format`` of the answer as decoded JSON.
        system: The system prompt.
        images: The column that holds an image (bytes or a path) or a list of them.
        options: Options of the model, or a function of the row that returns them.
        format: As of :class:`Chat`.
        think: Whether the model thinks first, or how much.
        truncate: Whether the server may cut a prompt that is longer than the context; otherwise that is an error of its row.
        metrics: Whether to add the columns ``prompt_tokens``, ``tokens`` and ``seconds``.
    """

    prompt: Template = field(kw_only=True, validator=_check_template)

    def columns_read(self) -> Sequence[str] | None:
        """The columns in the prompt; ``None`` for all columns, if a function reads the row."""
        return self._read_by(self.prompt)

    async def ask(self, client: AsyncOllama, rows: Sequence[Row]) -> list[Result]:
        """Send the prompt of a row.

        Args:
            client: The client of this process.
            rows: The one row.

        Raises:
            OllamaError: The request failed, or cannot be made of the row.
        """
        [row] = rows
        prompt = _of_row(self.prompt, row, "prompt")
        arguments: dict[str, Any] = {**self._arguments(row), "system": self.system, "images": self._images(row) or None}
        reply = await client.generate(self.model, prompt, stream=False, **arguments)
        return [self._result(reply.response or "", reply)]


def _of_row(template: Template | Callable[[Row], Any], row: Row, what: str) -> Any:
    """A text with the columns of a row filled in, or the result of a function of the row."""
    try:
        return template.format_map(row) if isinstance(template, str) else template(row)
    except Exception as exc:  # the caller's function may raise anything, which is an error of the row
        raise RowError(f"{what} cannot be made of the row: {exc!r}") from exc


def _kind_of(described: Mapping[str, Any]) -> Kind:
    """The kind of a column whose values a schema describes; ``json`` if it is not one scalar type."""
    types: Any = described.get("type")
    anything: Sequence[Any] = types if types.__class__ is list else [types]
    alternatives = [each.get("type") for each in described.get("anyOf", ())] or anything
    given = [kind for kind in alternatives if kind != "null"]
    return _KINDS.get(str(given[0]), "json") if len(given) == 1 else "json"


def _fits(value: Any, kind: Kind) -> bool:
    """Whether a value fits into a column; a column of integers holds 64 bits."""
    if kind == "integer":
        return value.__class__ is int and -(2**63) <= value < 2**63
    if kind == "number":
        return value.__class__ in {int, float}
    return value.__class__ is {"text": str, "boolean": bool}[kind]
