"""Turns a script into models, replies and faults of an emulator.

A script is checked as a whole before any part of it takes effect. Its replies follow the rules of :meth:`Emulator.reply`, with one
addition: a reply with tool calls is used for requests that offer those tools and do not end with a tool's result, so that a
program that runs tools and asks again gets an answer instead of the same calls for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, fields, frozen

from ollama_sdk.testing._fault_rules import Faults
from ollama_sdk.testing._model.json import is_list, is_object, object_in, text_in
from ollama_sdk.testing._model.names import ModelName
from ollama_sdk.testing._model.tokens import split_tokens
from ollama_sdk.testing._setup.shorthand import (
    ParsedFault,
    capabilities_of,
    make_fault,
    parse_fault,
    parse_model,
    parse_tool_call,
)
from ollama_sdk.testing._setup.source import ScriptError
from ollama_sdk.testing.models import EmulatedModel
from ollama_sdk.testing.script import ScriptedReply, ScriptedToolCall, Speed, example_call

if TYPE_CHECKING:
    from ollama_sdk.testing._model.json import Json
    from ollama_sdk.testing._routes.backend import Backend
    from ollama_sdk.testing._setup.source import Place, Source
    from ollama_sdk.testing.script import Prompt

__all__ = ["Setup", "read_setup"]

_Step = Callable[["Backend", "Faults"], None]
_ScriptedCall = tuple[str, "Json | None"]

_PARTS = ("models", "replies", "faults", "speed")
_REPLY_FIELDS = (
    "text", "pieces", "thinking", "tool_calls", "calls_on_last_item", "finished", "to", "when", "pattern", "times",
)  # fmt: skip
_CONDITIONS = {"path": "str", "method": "str", "model": "str", "share": "number", "skip": "int", "times": "int"}
# The attributes of a model that a script may set; the others are Python objects.
_MODEL_FIELDS = {
    one.name: str(one.type) for one in fields(EmulatedModel) if str(one.type) in {"str", "int", "str | None"}
} | {"parameters": "dict"}
_TYPE_NAMES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "str | None": (str,), "bool": (bool,), "dict": (dict,), "number": (int, float),
}  # fmt: skip
_WORDS = {"str": "a text", "int": "a whole number", "str | None": "a text", "bool": "true or false", "dict": "an object",
          "number": "a number"}  # fmt: skip


@frozen
class Setup:
    """A checked script."""

    steps: Sequence[_Step] = field(factory=list[_Step])

    def apply(self, backend: Backend, faults: Faults) -> None:
        """Add its models, replies and faults to an emulator, and set its speed."""
        for step in self.steps:
            step(backend, faults)


def read_setup(source: Source) -> Setup:
    """Check a script.

    Raises:
        ScriptError: It is invalid; the message names the file, the line and the value.
    """
    reader = _Reader(source)
    if source.value is None:
        return Setup()
    whole = reader.object(source.value, (), _PARTS)
    steps: list[_Step] = []
    for part, read in (("models", reader.model), ("replies", reader.reply), ("faults", reader.fault)):
        steps += [read(item, (part, index)) for index, item in enumerate(reader.list(whole, part))]
    if "speed" in whole:
        steps.append(reader.speed(whole["speed"], ("speed",)))
    return Setup(steps)


class _Reader:
    def __init__(self, source: Source) -> None:
        self._source = source

    def _error(self, place: Place, text: str) -> ScriptError:
        return self._source.error(place, text)

    def object(self, value: Any, place: Place, known: Sequence[str]) -> Json:
        """Return a value that must be an object with some of the known names."""
        if not is_object(value):
            raise self._error(place, f"{value!r} is no object; give some of {', '.join(known)}")
        for name in value:
            if name not in known:
                raise self._error((*place, name), f"there is no such name here; give some of {', '.join(known)}")
        return value

    def list(self, value: Json, name: str) -> list[Any]:
        """Return a list; a single value becomes a list of it."""
        found = value.get(name)
        return [] if found is None else found if is_list(found) else [found]

    def _typed(self, value: Json, name: str, kind: str, place: Place) -> Any:
        """Return a value that must be of a type; ``None`` if it is absent."""
        found = value.get(name)
        types = _TYPE_NAMES[kind]
        if found is None or (isinstance(found, types) and (not isinstance(found, bool) or bool in types)):
            return found
        raise self._error((*place, name), f"{found!r} is not {_WORDS[kind]}")

    def model(self, value: Any, place: Place) -> _Step:
        name: str
        properties: Json = {}
        try:
            if isinstance(value, str):
                name, capabilities = parse_model(value)
            else:
                given = self.object(value, place, ("name", "capabilities", *_MODEL_FIELDS))
                properties = {
                    key: self._typed(given, key, _MODEL_FIELDS[key], place) for key in given if key in _MODEL_FIELDS
                }
                name, capabilities = parse_model(self._typed(given, "name", "str", place) or "")
                if "capabilities" in given:
                    capabilities = capabilities_of(self.list(given, "capabilities"))
            parsed = ModelName.parse(name)
            if parsed is None:
                raise ValueError(f"{name!r} is no model name")
        except ScriptError:
            raise
        except ValueError as error:
            raise self._error(place, str(error)) from None

        def add(backend: Backend, _: Faults) -> None:
            backend.models.put(EmulatedModel(name=parsed, capabilities=tuple(capabilities), **properties))

        return add

    def reply(self, value: Any, place: Place) -> _Step:
        given = {"text": value} if isinstance(value, str) else self.object(value, place, _REPLY_FIELDS)
        text = self._typed(given, "text", "str", place)
        pieces = split_tokens(text) if text else [str(piece) for piece in self.list(given, "pieces")]
        thinking = self._typed(given, "thinking", "str", place)
        calls = [
            self._tool_call(call, (*place, "tool_calls", index))
            for index, call in enumerate(self.list(given, "tool_calls"))
        ]
        finished = self._typed(given, "finished", "bool", place)
        reply = ScriptedReply(
            pieces=pieces,
            thinking=split_tokens(thinking or ""),
            calls_on_last_item=self._typed(given, "calls_on_last_item", "bool", place) or False,
            finished=finished is not False,
        )
        times = self._count(given, place)
        to = self._typed(given, "to", "str", place)
        when = self._typed(given, "when", "str", place)
        pattern = self._pattern(given, place)

        def matches(prompt: Prompt) -> bool:
            said = (when is None or when in prompt.text) and (
                pattern is None or pattern.search(prompt.text) is not None
            )
            return said and (not calls or _offers(prompt, calls))

        def answer(prompt: Prompt) -> ScriptedReply:
            return _with_calls(reply, calls, prompt)

        return lambda backend, _: backend.script.add(answer, to=to, when=matches, times=times)

    def _tool_call(self, value: Any, place: Place) -> _ScriptedCall:
        if isinstance(value, str):
            try:
                return parse_tool_call(value)
            except ValueError as error:
                raise self._error(place, str(error)) from None
        given = self.object(value, place, ("name", "arguments"))
        name = self._typed(given, "name", "str", place)
        if not name:
            raise self._error(place, "a tool call needs a name")
        return name, self._typed(given, "arguments", "dict", place)

    def _pattern(self, given: Json, place: Place) -> re.Pattern[str] | None:
        pattern = self._typed(given, "pattern", "str", place)
        try:
            return None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise self._error((*place, "pattern"), f"{pattern!r} is no regular expression: {error}") from None

    def _count(self, given: Json, place: Place) -> int | None:
        times: int | None = self._typed(given, "times", "int", place)
        if times is not None and times < 1:
            raise self._error((*place, "times"), f"{times} is below 1")
        return times

    def fault(self, value: Any, place: Place) -> _Step:
        try:
            if isinstance(value, str | int):
                parsed, conditions = parse_fault(str(value)), {}
            else:
                given = value if is_object(value) else self.object(value, place, ("kind", *_CONDITIONS))
                kind = self._typed(given, "kind", "str", place)
                if not kind:
                    raise self._error(place, "a fault needs a kind, such as status")
                conditions = {key: item for key, item in given.items() if key in _CONDITIONS}
                arguments = {key: item for key, item in given.items() if key not in {"kind", *_CONDITIONS}}
                parsed = ParsedFault(make_fault(kind.replace("-", "_"), arguments))
            chosen: Json = {"path": parsed.path, "times": parsed.times}
            chosen |= {key: self._typed(conditions, key, _CONDITIONS[key], place) for key in conditions}
            Faults().add(parsed.fault, **chosen)  # it checks the combination of arguments
        except ScriptError:
            raise
        except ValueError as error:
            raise self._error(place, str(error)) from None
        return lambda _, faults: faults.add(parsed.fault, **chosen)

    def speed(self, value: Any, place: Place) -> _Step:
        names = ("time_to_first_token", "tokens_per_second", "load")
        given = {"tokens_per_second": value} if isinstance(value, int | float) else self.object(value, place, names)
        try:
            speed = Speed(**{name: self._typed(given, name, "number", place) for name in given})
        except ValueError as error:
            raise self._error(place, str(error)) from None

        def set_speed(backend: Backend, _: Faults) -> None:
            backend.speed = speed

        return set_speed


def _offers(prompt: Prompt, calls: Sequence[_ScriptedCall]) -> bool:
    """Whether a request offers every tool of the calls, and does not end with a tool's result."""
    if prompt.messages and prompt.messages[-1].get("role") == "tool":
        return False
    offered = _tools_by_name(prompt)
    return all(name in offered for name, _ in calls)


def _with_calls(reply: ScriptedReply, calls: Sequence[_ScriptedCall], prompt: Prompt) -> ScriptedReply:
    """Return a reply with its calls; a call without arguments gets arguments that fit the tool's schema."""
    offered = _tools_by_name(prompt)
    made = [
        example_call(offered[name]) if arguments is None else ScriptedToolCall(name, arguments)
        for name, arguments in calls
    ]
    return evolve(reply, tool_calls=made)


def _tools_by_name(prompt: Prompt) -> Json:
    return {text_in(object_in(tool.get("function")).get("name")): tool for tool in prompt.tools}
