"""Adds up the items of a stream to the one reply that they stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import orjson

from ollama_sdk._json import join_surrogates, loads

__all__ = ["DATA_ERRORS", "Accumulator", "MergeAccumulator", "MessagesAccumulator", "ResponsesAccumulator"]

# What an accumulator raises for items that are not what the document promises.
DATA_ERRORS = (AttributeError, KeyError, RecursionError, TypeError, ValueError)

JSONObject = dict[str, Any]


class Accumulator(ABC):
    """Takes the items of a stream one by one, as decoded JSON, and gives what they add up to so far.

    Every method raises one of :data:`DATA_ERRORS` for items that are not what the document promises.
    """

    @abstractmethod
    def add(self, item: JSONObject) -> None:
        """Add the next item."""

    @abstractmethod
    def result(self) -> JSONObject:
        """The reply so far; ``{}`` before the first item. More items may follow."""

    def add_without_text(self, first: JSONObject) -> None:
        """Add the first item, which the caller has taken already: its text does not count, the rest of it does.

        Here the first item of a stream holds no text.
        """
        self.add(first)


class _Text(list[str]):
    """The parts of a string that is still growing; joined once, so that the cost stays linear."""


class _ByIndex(dict[int, Any]):
    """The objects of a list by their ``index``."""


class MergeAccumulator(Accumulator):
    """Merges items field by field: objects recursively, and otherwise the last value that is not ``None`` wins.

    Args:
        rules: Exceptions, by the path of the field (``choices[].delta.content``): ``concat`` joins strings and extends
            lists, ``by-index`` merges the objects of a list that have the same ``index``, ``into:NAME`` merges an
            object under another name, ``skip`` leaves it out.
    """

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules
        self._merged: JSONObject = {}

    def add(self, item: JSONObject) -> None:
        """Add the next item."""
        self._merge(self._merged, item, "")

    def result(self) -> JSONObject:
        """The reply so far."""
        return {name: _settled(part) for name, part in self._merged.items()}

    def add_without_text(self, first: JSONObject) -> None:
        """Add the first item without the fields that are joined."""
        without_text = MergeAccumulator(
            {place: "skip" if rule == "concat" else rule for place, rule in self._rules.items()}
        )
        without_text.add(first)
        self._merged = without_text._merged

    def _merge(self, into: JSONObject, item: JSONObject, path: str) -> None:
        for name, value in item.items():
            if value is None:
                into.setdefault(name, None)
                continue
            place = f"{path}{name}"
            rule = self._rules.get(place, "")
            if rule == "skip":
                continue
            if rule == "concat":
                _extend(into, name, value)
            elif rule == "by-index":
                known = into.get(name)
                if not isinstance(known, _ByIndex):
                    known = into[name] = _ByIndex()
                for position, part in enumerate(value):
                    self._merge(known.setdefault(part.get("index", position), {}), part, f"{place}[].")
            elif value.__class__ is dict:
                target = rule.removeprefix("into:") or name
                if not isinstance(into.get(target), dict):
                    into[target] = {}
                self._merge(into[target], value, f"{place}.")
            else:
                into[name] = value


def _extend(into: JSONObject, name: str, value: Any) -> None:
    """Append to a growing text, or to a list."""
    known = into.get(name)
    if isinstance(value, str):
        if not isinstance(known, _Text):
            known = into[name] = _Text()
        known.append(value)
    elif known.__class__ is list:
        into[name].extend(value)
    else:
        into[name] = list(value)


def _settled(value: Any) -> Any:
    """Plain JSON of a value that may still be growing."""
    if value.__class__ is _Text:
        return join_surrogates("".join(value))
    if value.__class__ is _ByIndex:
        return [_settled(value[index]) for index in sorted(value)]
    if value.__class__ is dict:
        return {name: _settled(part) for name, part in value.items()}
    return value


# By the type of a delta of `/v1/messages`: the type of content block that it belongs to, and the field of it that grows.
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
}


class MessagesAccumulator(Accumulator):
    """Builds a message from the events of ``/v1/messages``; an event of an unknown type changes nothing.

    Source: Anthropic's event vocabulary (``message_start``, ``content_block_*``, ``message_delta``) as Ollama sends it.
    """

    def __init__(self) -> None:
        self._message: JSONObject = {}
        self._blocks: dict[int, JSONObject] = {}
        self._arguments: dict[
            int, _Text
        ] = {}  # the JSON text of the arguments of a tool call, by the index of its block

    def add(self, item: JSONObject) -> None:
        """Add the next event."""
        match item.get("type"):
            case "message_start":
                self._message = dict(item["message"])
            case "content_block_start":
                self._blocks[item["index"]] = {
                    name: _Text([value]) if name in {"text", "thinking"} else value
                    for name, value in item["content_block"].items()
                }
            case "content_block_delta":
                self._add_delta(item["index"], item["delta"])
            case "message_delta":
                self._message |= {name: value for name, value in item["delta"].items() if value is not None}
                self._message["usage"] = self._message.get("usage", {}) | item.get("usage", {})
            case _:
                pass

    def result(self) -> JSONObject:
        """The message so far."""
        if not self._message:
            return {}
        return self._message | {"content": [_settled(self._block(index)) for index in sorted(self._blocks)]}

    def _add_delta(self, index: int, delta: JSONObject) -> None:
        kind = delta.get("type")
        if kind == "input_json_delta":
            self._arguments.setdefault(index, _Text()).append(delta["partial_json"])
        elif kind in _DELTAS:
            block_type, name = _DELTAS[kind]
            # The caller may have taken the start of the block before collecting.
            _extend(self._blocks.setdefault(index, {"type": block_type, block_type: _Text()}), name, delta[name])

    def _block(self, index: int) -> JSONObject:
        block = self._blocks[index]
        arguments = "".join(self._arguments.get(index, ()))
        if not arguments:
            return block
        try:
            return block | {"input": loads(arguments)}
        except orjson.JSONDecodeError:  # cut off in the middle: the text is kept as it is
            return block | {"partial_json": arguments}


class ResponsesAccumulator(Accumulator):
    """Builds a response from the events of ``/v1/responses``; an event of an unknown type changes nothing.

    The last event carries the whole response; before it, the outputs are built from their deltas.

    Source: OpenAI's Responses event vocabulary as Ollama sends it.
    """

    def __init__(self) -> None:
        self._response: JSONObject = {}
        self._outputs: dict[int, JSONObject] = {}

    def add(self, item: JSONObject) -> None:
        """Add the next event."""
        if "response" in item:
            self._response = item["response"]
            return
        match item.get("type"):
            case "response.output_item.added" | "response.output_item.done":
                self._outputs[item["output_index"]] = dict(item["item"])
            case "response.output_text.delta":
                self._text_of(item).append(item["delta"])
            case "response.function_call_arguments.delta":
                call = self._outputs.setdefault(item["output_index"], {"type": "function_call"})
                _extend(call, "arguments", item["delta"])
            case _:
                pass

    def result(self) -> JSONObject:
        """The response so far."""
        if not self._response or self._response.get("output"):
            return self._response
        return self._response | {"output": [_settled(self._outputs[index]) for index in sorted(self._outputs)]}

    def _text_of(self, delta: JSONObject) -> _Text:
        """The text that a delta belongs to."""
        message = {"type": "message", "role": "assistant", "status": "in_progress", "id": delta.get("item_id", "")}
        output = self._outputs.setdefault(delta["output_index"], message)
        if not isinstance(output.get("content"), _ByIndex):
            output["content"] = _ByIndex()
        part: JSONObject = {"type": "output_text", "text": _Text(), "annotations": [], "logprobs": []}
        text: _Text = output["content"].setdefault(delta["content_index"], part)["text"]
        return text
