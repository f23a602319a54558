"""How the items of a stream become the one reply they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

import orjson

__all__ = ["MISFITS", "Fold", "MergeFold", "MessagesFold", "ResponsesFold"]

# What a fold raises for items that are not what the document promises.
MISFITS = (AttributeError, KeyError, RecursionError, TypeError, ValueError)

JSONObject = dict[str, Any]


class Fold(Protocol):
    """Takes the items of a stream one by one, as decoded JSON, and gives what they add up to so far."""

    def begin(self, item: JSONObject) -> None:
        """Take what is no text of the first item, which the caller has had already."""
        ...

    def add(self, item: JSONObject) -> None:
        """Take the next item."""
        ...

    def result(self) -> JSONObject:
        """The reply so far; ``{}`` before the first item."""
        ...


class _Text(list[str]):
    """The parts of a string that is still growing; joined once, so that the cost stays linear."""


class _Indexed(dict[int, Any]):
    """The objects of a list by their ``index``."""


class MergeFold:
    """Merges items field by field: objects recursively, and otherwise the last value that is not ``None`` wins.

    Args:
        rules: Exceptions, by the path of the field (``choices[].delta.content``): ``concat`` joins strings and extends
            lists, ``by-index`` merges the objects of a list that have the same ``index``, ``into:NAME`` merges an
            object under another name, ``skip`` leaves it out.
    """

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = rules
        self._merged: JSONObject = {}

    def begin(self, item: JSONObject) -> None:
        """Take what is no text of the first item."""
        silent = {place: "skip" if rule == "concat" else rule for place, rule in self._rules.items()}
        head = MergeFold(silent)
        head.add(item)
        self._merged = head._merged

    def add(self, item: JSONObject) -> None:
        """Take the next item."""
        self._merge(self._merged, item, "")

    def result(self) -> JSONObject:
        """The reply so far."""
        return cast("JSONObject", _settle(self._merged))

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
                self._merge_list(into, name, value, f"{place}[].")
            elif isinstance(value, dict):
                target = rule.removeprefix("into:") or name
                self._merge(self._object(into, target), cast("JSONObject", value), f"{place}.")
            else:
                into[name] = value

    def _merge_list(self, into: JSONObject, name: str, value: list[JSONObject], path: str) -> None:
        known = into.get(name)
        if not isinstance(known, _Indexed):
            known = into[name] = _Indexed()
        for position, part in enumerate(value):
            self._merge(known.setdefault(part.get("index", position), {}), part, path)

    @staticmethod
    def _object(into: JSONObject, name: str) -> JSONObject:
        known = into.get(name)
        if not isinstance(known, dict):
            known = into[name] = {}
        return cast("JSONObject", known)


def _extend(into: JSONObject, name: str, value: Any) -> None:
    known = into.get(name)
    if isinstance(value, str):
        if not isinstance(known, _Text):
            known = into[name] = _Text()
        known.append(value)
    elif isinstance(known, list):
        cast("Any", known).extend(value)
    else:
        into[name] = list(value)


def _settle(value: Any) -> Any:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, _Indexed):
        return [_settle(value[index]) for index in sorted(value)]
    if isinstance(value, dict):
        return {name: _settle(part) for name, part in cast("JSONObject", value).items()}
    return value


# The type of content block that each kind of delta belongs to, and the field of it that grows.
_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
}


class MessagesFold:
    """Builds a message from the events of ``/v1/messages``.

    Source: Anthropic's event vocabulary (``message_start``, ``content_block_*``, ``message_delta``) as Ollama sends it.
    """

    def __init__(self) -> None:
        self._message: JSONObject = {}
        self._blocks: dict[int, JSONObject] = {}
        self._arguments: dict[int, _Text] = {}
        self._events = {
            "message_start": self._message_start,
            "content_block_start": self._content_block_start,
            "content_block_delta": self._content_block_delta,
            "message_delta": self._message_delta,
        }

    def begin(self, item: JSONObject) -> None:
        """Take the first event, which holds no text."""
        self.add(item)

    def add(self, item: JSONObject) -> None:
        """Take the next event; one of an unknown type changes nothing."""
        take = self._events.get(item.get("type", ""))
        if take is not None:
            take(item)

    def result(self) -> JSONObject:
        """The message so far."""
        if not self._message:
            return {}
        content = [_settle(self._block(index)) for index in sorted(self._blocks)]
        return self._message | {"content": content}

    def _block(self, index: int) -> JSONObject:
        block = self._blocks[index]
        arguments = "".join(self._arguments.get(index, ()))
        if not arguments:
            return block
        try:
            return block | {"input": orjson.loads(arguments)}
        except orjson.JSONDecodeError:  # cut off in the middle: what came is kept as it came
            return block | {"partial_json": arguments}

    def _message_start(self, event: JSONObject) -> None:
        self._message = dict(event["message"])

    def _content_block_start(self, event: JSONObject) -> None:
        self._blocks[event["index"]] = {
            name: _Text([value]) if name in {"text", "thinking"} else value
            for name, value in event["content_block"].items()
        }

    def _content_block_delta(self, event: JSONObject) -> None:
        index, delta = event["index"], event["delta"]
        if delta.get("type") == "input_json_delta":
            self._arguments.setdefault(index, _Text()).append(delta["partial_json"])
        elif delta.get("type") in _DELTAS:
            kind, name = _DELTAS[delta["type"]]
            # The caller may have had the start of the block before asking for the rest.
            _extend(self._blocks.setdefault(index, {"type": kind, kind: _Text()}), name, delta[name])

    def _message_delta(self, event: JSONObject) -> None:
        self._message |= {name: value for name, value in event["delta"].items() if value is not None}
        self._message["usage"] = self._message.get("usage", {}) | event.get("usage", {})


class ResponsesFold:
    """Builds a response from the events of ``/v1/responses``: the last event carries it whole; before that, from the deltas.

    Source: OpenAI's Responses event vocabulary as Ollama sends it.
    """

    def __init__(self) -> None:
        self._response: JSONObject = {}
        self._outputs: dict[int, JSONObject] = {}

    def begin(self, item: JSONObject) -> None:
        """Take the first event, which holds no text."""
        self.add(item)

    def add(self, item: JSONObject) -> None:
        """Take the next event; one of an unknown type changes nothing."""
        kind = item.get("type", "")
        if "response" in item:
            self._response = item["response"]
        elif kind in {"response.output_item.added", "response.output_item.done"}:
            self._outputs[item["output_index"]] = dict(item["item"])
        elif kind == "response.output_text.delta":
            self._part(item)["text"].append(item["delta"])
        elif kind == "response.function_call_arguments.delta":
            _extend(
                self._outputs.setdefault(item["output_index"], {"type": "function_call"}), "arguments", item["delta"]
            )

    def result(self) -> JSONObject:
        """The response so far."""
        if not self._response or self._response.get("output"):
            return self._response
        return self._response | {"output": [_settle(_as_list(self._outputs[i])) for i in sorted(self._outputs)]}

    def _part(self, event: JSONObject) -> JSONObject:
        message = {"type": "message", "role": "assistant", "status": "in_progress", "id": event.get("item_id", "")}
        output = self._outputs.setdefault(event["output_index"], message)
        if not isinstance(output.get("content"), _Indexed):
            output["content"] = _Indexed()
        fresh: JSONObject = {"type": "output_text", "text": _Text(), "annotations": [], "logprobs": []}
        return cast("JSONObject", output["content"].setdefault(event["content_index"], fresh))


def _as_list(output: JSONObject) -> JSONObject:
    content = output.get("content")
    return (
        output
        if not isinstance(content, _Indexed)
        else output | {"content": [_settle(content[i]) for i in sorted(content)]}
    )
