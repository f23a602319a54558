"""Accumulates the items of a stream into the equivalent one-piece reply.

Theory
------

A stream accumulates every item, because a caller may ask for the whole reply afterwards. So this must cost almost nothing per item.
Most items of a burst come here as one, made by the module ``_alike``; all others, such as those of a slow model, come one by one, and
wait until there are some kilobytes of them. These are therefore added in blocks, column by column: consecutive items with the same
fields in the same order make one run, and each field of a run is merged once, for all its items together, by functions that run in
C. In a stream of text nearly all items have the same fields. Values that cannot be merged so are merged one by one. The result does
not depend on how the stream was cut into blocks.

Growing text is joined block by block, so that a long reply takes the memory of its text, not of its pieces.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter, methodcaller
from typing import Any

import orjson

from ollama_sdk._json import JSONObject, is_list, is_object, join_surrogates, loads

__all__ = [
    "DATA_ERRORS",
    "Accumulator",
    "ItemsAccumulator",
    "MergeAccumulator",
    "MessagesAccumulator",
    "ResponsesAccumulator",
]

# The errors of an accumulator for items that do not match the document.
DATA_ERRORS = (AttributeError, KeyError, RecursionError, TypeError, ValueError)

_PIECES = 256  # this many pieces of a text are joined at once
_type_of = itemgetter("type")
_index_of = itemgetter("index")


class Accumulator(ABC):
    """Takes the items of a stream in order, as decoded JSON, and returns the reply so far.

    Every method raises one of :data:`DATA_ERRORS` for items that do not match the document.
    """

    @abstractmethod
    def add(self, items: Sequence[JSONObject]) -> None:
        """Add the next items."""

    @abstractmethod
    def result(self) -> JSONObject:
        """The reply so far; ``{}`` before the first item. More items may follow."""


class _Text:
    """A growing string, joined block by block, so that time and memory stay linear in its length."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self, text: str = "") -> None:
        self._blocks: list[str] = []
        self._pieces = [text]

    def append(self, text: str) -> None:
        self._pieces.append(text)
        if len(self._pieces) >= _PIECES:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def __str__(self) -> str:
        return "".join((*self._blocks, *self._pieces))


class _ByIndex:
    """The objects of a growing list, by ``index``; several objects may use one index in turn."""

    __slots__ = ("latest", "objects")

    def __init__(self) -> None:
        self.latest: dict[Hashable, JSONObject] = {}  # the object to which further parts with this index belong
        self.objects: list[tuple[Hashable, JSONObject]] = []

    def start(self, index: Hashable) -> JSONObject:
        """Begin another object."""
        started: JSONObject = {}
        self.latest[index] = started
        self.objects.append((index, started))
        return started

    def at(self, index: Hashable) -> JSONObject:
        """The object that a part belongs to."""
        known = self.latest.get(index)
        return self.start(index) if known is None else known

    def in_order(self) -> list[JSONObject]:
        """All objects, sorted by index, and for one index, or for those of several types, in order of arrival."""
        objects = self.objects
        with contextlib.suppress(TypeError):
            objects = sorted(objects, key=itemgetter(0))
        return [each for _, each in objects]


class ItemsAccumulator(Accumulator):
    """Keeps the items unchanged, for streams with items of unknown meaning."""

    def __init__(self) -> None:
        self._items: list[JSONObject] = []

    def add(self, items: Sequence[JSONObject]) -> None:
        """Add the next items."""
        self._items += items

    def result(self) -> JSONObject:
        """All items so far, under ``items``."""
        return {"items": self._items.copy()} if self._items else {}


class MergeAccumulator(Accumulator):
    """Merges items field by field: objects recursively; of other values, the last one except ``None`` and ``""`` counts.

    Args:
        rules: Exceptions, by the path of the field (``choices[].delta.content``): ``concat`` joins strings and extends
            lists, ``by-index`` merges the objects of a list that have the same ``index``, ``by-call`` does so with tool calls
            but keeps two calls with the same index apart, ``into:NAME`` merges an object under another name.
    """

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules
        self._ruled = _ruled(tuple(rules))
        # By the path to an object: the names of its fields into which other fields are merged.
        self._targets: dict[str, set[str]] = {}
        for place, rule in rules.items():
            if rule.startswith("into:"):
                self._targets.setdefault(place.rpartition(".")[0], set()).add(rule.removeprefix("into:"))
        self._merged: JSONObject = {}

    def add(self, items: Sequence[JSONObject]) -> None:
        """Add the next items."""
        if items:
            self._merge(self._merged, items, "")

    def result(self) -> JSONObject:
        """The reply so far."""
        return {name: _settled(part) for name, part in self._merged.items()}

    def _merge(self, into: JSONObject, items: Sequence[JSONObject], path: str) -> None:
        """Merge consecutive items: all at once if they have the same fields, else run by run."""
        columns = self._columns(items, path)
        if columns is not None:
            self._merge_run(into, items[-1], columns, path)
            return
        targets = self._targets.get(path.rstrip("."), set())
        # Two fields that are merged into one need their order of arrival, so each item is its own run.
        apart = any(not targets.isdisjoint(item) for item in items)
        for _, alike in groupby(items, id if apart else tuple):  # tuple: the names of an object's fields
            run = list(alike)
            self._merge_run(into, run[-1], {name: list(map(itemgetter(name), run)) for name in run[-1]}, path)

    def _columns(self, items: Sequence[JSONObject], path: str) -> dict[str, list[Any]] | None:
        """The columns of a run: for each field whose last value does not simply replace the others, the values of all items.

        Returns:
            The values by field name; ``None`` if the items are not a run: their fields differ, or another field is merged into
            one of their fields.
        """
        last = items[-1]
        targets = self._targets.get(path.rstrip("."))
        try:
            if set().union(*items) != last.keys() or (targets and not targets.isdisjoint(last)):
                return None
            return {
                name: list(map(itemgetter(name), items))
                for name, value in last.items()
                if value is None or value == "" or value.__class__ is dict or f"{path}{name}" in self._ruled
            }
        except (KeyError, TypeError):  # a field is missing, or a value is not an object
            return None

    def _merge_run(self, into: JSONObject, last: JSONObject, columns: dict[str, list[Any]], path: str) -> None:
        """Merge items that have the same fields."""
        for name, value in last.items():
            values = columns.get(name)
            if values is None:  # such as a number, which replaces the previous value
                into[name] = value
            else:
                self._merge_field(into, name, f"{path}{name}", values)

    def _merge_field(self, into: JSONObject, name: str, place: str, values: list[Any]) -> None:
        """Merge the values of one field in consecutive items."""
        rule = self._rules.get(place, "")
        if self._merge_alike(into, name, place, rule, values):
            return
        kinds = set(map(type, values))
        if type(None) in kinds:
            into.setdefault(name, None)
            kinds.discard(type(None))
            values = [value for value in values if value is not None] if kinds else []
        if not values:
            return
        if rule == "concat":
            _extend(into, name, values)
        elif rule in {"by-index", "by-call"}:
            self._merge_lists(into, name, place, values, rule)
        elif kinds == {dict}:
            target = rule.removeprefix("into:") or name
            if not isinstance(into.get(target), dict):
                into[target] = {}
            self._merge(into[target], values, f"{place}.")
        elif dict in kinds:
            for value in values:
                self._merge_field(into, name, place, [value])
        else:
            self._replace(into, name, place, values)

    def _replace(self, into: JSONObject, name: str, place: str, values: list[Any]) -> None:
        """Set a field to the last value that is not empty, because servers repeat fields with empty values in later parts."""
        present = [value for value in values if value != ""]
        if present and place in self._ruled:  # it leads to content, which must not be lost
            raise TypeError(f"{place} is no object")
        if present or into.get(name) is None:
            into[name] = present[-1] if present else ""

    def _merge_alike(self, into: JSONObject, name: str, place: str, rule: str, values: list[Any]) -> bool:
        """Try the fast ways for common values: only null, objects, text, or lists of one choice; return whether one applied."""
        if values[-1] is None and values.count(None) == len(values):
            into.setdefault(name, None)
            return True
        if rule == "by-index":
            return self._merge_one_index(into, name, place, values)
        if values[-1].__class__ is dict and rule not in {"concat", "by-call"}:
            return self._merge_objects(into, rule.removeprefix("into:") or name, values, f"{place}.")
        if rule != "concat" or values[-1].__class__ is not str:
            return False
        try:
            text = "".join(values)
        except TypeError:  # null among them
            return False
        _append(into, name, text)
        return True

    def _merge_objects(self, into: JSONObject, target: str, values: list[Any], path: str) -> bool:
        columns = self._columns(values, path)
        if columns is None:
            return False
        if not isinstance(into.get(target), dict):
            into[target] = {}
        self._merge_run(into[target], values[-1], columns, path)
        return True

    def _merge_one_index(self, into: JSONObject, name: str, place: str, values: list[Any]) -> bool:
        """Merge lists whose objects all have the same index, such as those of one choice; return whether that applied."""
        try:
            parts = list(chain.from_iterable(values))
            indexes = set(map(_index_of, parts))
        except (KeyError, TypeError):
            return False
        index = indexes.pop() if len(indexes) == 1 else None
        if type(index) is not int:
            return False
        known = into.get(name)
        if not isinstance(known, _ByIndex):
            known = into[name] = _ByIndex()
        self._merge(known.at(index), parts, f"{place}[].")
        return True

    def _merge_lists(self, into: JSONObject, name: str, place: str, values: list[Any], rule: str) -> None:
        """Merge lists of objects, each into the object to which it belongs."""
        known = into.get(name)
        if not isinstance(known, _ByIndex):
            known = into[name] = _ByIndex()
        for value in values:
            for position, part in enumerate(value):
                index = _index_or(position, part.get("index"))
                target = _call_of(part, index, known) if rule == "by-call" else known.at(index)
                self._merge(target, [part], f"{place}[].")


def _index_or(position: int, index: Any) -> Any:
    """The index of a part, which may be missing, or a text; by another type than the document's, parts are kept apart too."""
    if index is None or is_list(index) or is_object(index):
        return position
    return int(index) if index.__class__ is str and index.isdecimal() else index


@lru_cache(64)
def _ruled(places: tuple[str, ...]) -> frozenset[str]:
    """The fields that have a rule, and those that lead to one; streams share them."""
    paths = [place.split(".") for place in places]
    return frozenset(".".join(path[:end]).removesuffix("[]") for path in paths for end in range(1, len(path) + 1))


def _call_of(part: JSONObject, index: int, calls: _ByIndex) -> JSONObject:
    """The tool call that a part belongs to; some servers give all calls of an answer the same index, or none."""
    call_id = part.get("id")
    if call_id:
        for known_index, known in reversed(calls.objects):
            if known_index == index and known.get("id") == call_id:
                return known
    latest = calls.latest.get(index)
    if latest is None or call_id or _is_another_call(part, latest):
        return calls.start(index)
    return latest


def _is_another_call(part: JSONObject, latest: JSONObject) -> bool:
    """Whether a part without an id begins another call: it names another function, or both calls are complete."""
    name, arguments = _function_of(part)
    latest_name, latest_arguments = _function_of(latest)
    if not name or not latest_name:
        return False
    return name != latest_name or (_is_json(arguments) and _is_json(latest_arguments))


def _function_of(call: JSONObject) -> tuple[str, str]:
    """The function name in a part of a call, and the JSON text of its arguments."""
    function: JSONObject = call.get("function") or {}
    return function.get("name") or "", str(function.get("arguments") or "")


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _extend(into: JSONObject, name: str, values: list[Any]) -> None:
    """Append to a growing text, or to a list."""
    try:
        text = "".join(values)
    except TypeError:  # not only texts
        for value in values:
            _extend_by(into, name, value)
        return
    _append(into, name, text)


def _append(into: JSONObject, name: str, text: str) -> None:
    known = into.get(name)
    if known.__class__ is list and text:
        raise TypeError(f"{name} is neither text nor a list")
    if not isinstance(known, _Text):
        known = into[name] = _Text()
    known.append(text)


def _extend_by(into: JSONObject, name: str, value: Any) -> None:
    known = into.get(name)
    if value.__class__ is str:
        _append(into, name, value)
    elif value.__class__ is not list or isinstance(known, _Text):
        raise TypeError(f"{name} is neither text nor a list")
    elif known.__class__ is list:
        into[name].extend(value)
    else:
        into[name] = list(value)


def _runs(items: Sequence[JSONObject], key: Callable[[JSONObject], Any]) -> Iterable[tuple[Any, Sequence[JSONObject]]]:
    """Runs of consecutive items with the same key; fast if all items have it."""
    keys: set[Any] = set()
    try:
        keys.update(map(key, items))
    except (KeyError, TypeError):  # an item without a type, or with one that is not a string
        if key is not _type_of:
            raise
        keys.clear()
        key = methodcaller("get", "type")
    if len(keys) == 1:
        return [(keys.pop(), items)]
    return ((each, list(run)) for each, run in groupby(items, key))


def _settled(value: Any) -> Any:
    """Plain JSON of a growing value."""
    if value.__class__ is _Text:
        return join_surrogates(str(value))
    if value.__class__ is _ByIndex:
        return [_settled(each) for each in value.in_order()]
    if value.__class__ is dict:
        return {name: _settled(part) for name, part in value.items()}
    return value


# By the type of a delta of `/v1/messages`: the type of its content block, and the growing field of the block.
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}


class MessagesAccumulator(Accumulator):
    """Builds a message from the events of ``/v1/messages``; events of unknown types are ignored.

    Source: Anthropic's event vocabulary (``message_start``, ``content_block_*``, ``message_delta``) as Ollama sends it.
    """

    def __init__(self) -> None:
        self._message: JSONObject = {}
        self._blocks = _ByIndex()

    def add(self, items: Sequence[JSONObject]) -> None:
        """Add the next events."""
        for kind, run in _runs(items, _type_of):
            if kind == "content_block_delta":
                for index, events in _runs(run, itemgetter("index")):
                    self._add_deltas(index, list(map(itemgetter("delta"), events)))
            else:
                for item in run:
                    self._add_event(kind, item)

    def result(self) -> JSONObject:
        """The message so far."""
        if not self._message:
            return {}
        return self._message | {"content": [_whole_block(block) for block in self._blocks.in_order()]}

    def _add_event(self, kind: Any, item: JSONObject) -> None:
        match kind:
            case "message_start":
                self._message = dict(item["message"])
            case "content_block_start":
                block = self._blocks.start(item["index"])  # always another block, even if the number is used already
                block |= {
                    name: _Text(value) if name in {"text", "thinking"} and isinstance(value, str) else value
                    for name, value in item["content_block"].items()
                }
            case "message_delta":
                self._message |= {name: value for name, value in item["delta"].items() if value is not None}
                self._message["usage"] = _updated(self._message.get("usage"), item.get("usage"))
            case _:
                pass

    def _add_deltas(self, index: int, deltas: list[JSONObject]) -> None:
        for kind, run in _runs(deltas, _type_of):
            if kind not in _DELTAS:
                continue
            block_type, name = _DELTAS[kind]
            block = self._blocks.at(index)
            block.setdefault("type", block_type)  # if the server did not send its start
            _extend(block, name, list(map(itemgetter(name), run)))


def _updated(usage: Any, news: Any) -> Any:
    """Token counts with newer ones; either may be missing, or something else."""
    if not is_object(news):
        return usage or news or {}
    return usage | news if is_object(usage) else news


def _whole_block(block: JSONObject) -> JSONObject:
    """Plain JSON of a content block; the arguments of a tool call are parsed if they are complete."""
    block = _settled(block)
    arguments = block.pop("partial_json", "")
    if not arguments:
        return block
    try:
        return block | {"input": loads(arguments)}
    except orjson.JSONDecodeError:  # incomplete: the text is kept unchanged
        return block | {"partial_json": arguments}


class ResponsesAccumulator(Accumulator):
    """Builds a response from the events of ``/v1/responses``; events of unknown types are ignored.

    The last event contains the whole response; before it, the outputs are built from their deltas.

    Source: OpenAI's Responses event vocabulary as Ollama sends it.
    """

    def __init__(self) -> None:
        self._response: JSONObject = {}
        self._outputs = _ByIndex()

    def add(self, items: Sequence[JSONObject]) -> None:
        """Add the next events."""
        for kind, run in _runs(items, _type_of):
            if kind == "response.output_text.delta":
                for (output, content), events in _runs(run, itemgetter("output_index", "content_index")):
                    self._add_text(output, content, events)
            else:
                for item in run:
                    self._add_event(kind, item)

    def result(self) -> JSONObject:
        """The response so far."""
        if not self._response or self._response.get("output"):
            return self._response
        return self._response | {"output": [_settled(output) for output in self._outputs.in_order()]}

    def _add_event(self, kind: Any, item: JSONObject) -> None:
        if "response" in item:
            self._response = item["response"]
            return
        match kind:
            case "response.output_item.added" | "response.output_item.done":
                output = self._output(item["output_index"], item["item"], is_new=kind.endswith("added"))
                output.clear()
                output.update(item["item"])
            case "response.function_call_arguments.delta":
                call = self._outputs.at(item["output_index"])
                call.setdefault("type", "function_call")
                _extend(call, "arguments", [item["delta"]])
            case _:
                pass

    def _output(self, index: int, item: JSONObject, *, is_new: bool) -> JSONObject:
        """The output that an event begins or completes; two outputs with the same number are kept apart by their id."""
        item_id = item.get("id")
        for known_index, known in reversed(self._outputs.objects):
            known_id = known.get("id")
            if known_index == index and (known_id == item_id if item_id and known_id else not is_new):
                return known
        return self._outputs.start(index)

    def _add_text(self, output_index: int, content_index: int, events: Sequence[JSONObject]) -> None:
        output = self._outputs.at(output_index)
        if not output:
            output |= {
                "type": "message",
                "role": "assistant",
                "status": "in_progress",
                "id": events[0].get("item_id", ""),
            }
        if not isinstance(output.get("content"), _ByIndex):
            output["content"] = _ByIndex()
        part = output["content"].at(content_index)
        if not part:
            part |= {"type": "output_text", "text": _Text(), "annotations": [], "logprobs": []}
        _extend(part, "text", list(map(itemgetter("delta"), events)))
